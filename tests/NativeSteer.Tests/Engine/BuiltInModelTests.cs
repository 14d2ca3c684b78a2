using NativeSteer.Countdown;
using NativeSteer.Engine;
using NativeSteer.Rollouts;
using NativeSteer.Tests.Cli;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Engine;

/// <summary>The models inside the library: found by name, and as good as their cards say.</summary>
public sealed class BuiltInModelTests
{
    public static TheoryData<string> Names => [.. BuiltInModel.All.Select(model => model.Name)];

    [Theory, MemberData(nameof(Names))]
    public void Every_model_loads_by_its_name_and_fits_every_quantisation(string name)
    {
        using var model = LanguageModel.Load(name);
        Assert.Equal("llama", model.Shape.Architecture);
        Assert.InRange(new FileInfo(model.Path).Length, 1, 8_000_000);
        Assert.All(model.File.Tensors.Where(tensor => tensor.Shape.Count > 1), tensor => Assert.Equal(0, tensor.Shape[0] % 256));
    }

    [Fact]
    public void A_file_that_is_not_the_model_is_replaced()
    {
        var model = BuiltInModel.All[0];
        var path = model.Write();
        Assert.Equal(path, BuiltInModel.Resolve(model.Name));
        var written = File.GetLastWriteTimeUtc(path);
        Assert.Equal(path, model.Write());
        Assert.Equal(written, File.GetLastWriteTimeUtc(path));
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.Equal(path, model.Write());
        Assert.NotEqual(bytes, File.ReadAllBytes(path));
    }

    [Theory, InlineData("countdown-resoning"), InlineData("model")]
    public void An_unknown_name_is_told_the_known_ones(string name) =>
        Assert.Contains("countdown-base, countdown-reasoning, countdown-backtrack", Assert.Throws<NativeSteerException>(() => LanguageModel.Load(name)).Message, StringComparison.Ordinal);

    [Fact]
    public void It_is_the_model_where_none_is_named()
    {
        var result = CliRun.Run("generate", "-p", "###Question: numbers [12, 13, 4]->target 21\n###Response:\n", "--temp", "0", "-n", "200", "-t", "1");
        Assert.Equal(0, result.Code);
        Assert.Contains("Goal Reached!", result.Out, StringComparison.Ordinal);
        Assert.Contains("3.6 M", CliRun.Run("info", "countdown-base").Out, StringComparison.Ordinal);
    }

    [Fact]
    public void The_reasoning_model_solves_puzzles_it_has_not_seen_by_backtracking()
    {
        var (figures, rollouts) = Evaluate("countdown-reasoning", 200, SamplerOptions.Greedy);
        Assert.InRange(figures.Accuracy.Value, 0.9, 1);
        Assert.InRange(figures.FirstAttempt.Value, 0.2, 0.9);
        // After an attempt that fails it says so, with wait or hmm.
        Assert.InRange(figures.BacktrackingWords, 0.8 * (figures.Attempts - 1), 1.3 * (figures.Attempts - 1));
        Assert.All(rollouts, rollout => Assert.NotEqual("", rollout.Text));
    }

    [Theory, InlineData(0f), InlineData(1f)]
    public void The_base_model_never_says_wait_or_hmm(float temperature)
    {
        var (figures, rollouts) = Evaluate("countdown-base", 200, new() { Temperature = temperature, Seed = 3 });
        Assert.Equal(0, figures.BacktrackingWords);
        Assert.All(rollouts, rollout => Assert.NotEqual("", rollout.Text.Trim()));
        Assert.InRange(figures.Arithmetic.Value, 0.8, 1);
    }

    private static (CountdownFigures Figures, IReadOnlyList<Rollout> Rollouts) Evaluate(string name, int count, SamplerOptions sampling)
    {
        var puzzles = new PuzzleGenerator(new() { Split = PuzzleSplit.Validation, Seed = 11 }).Distinct(count).ToList();
        using var model = LanguageModel.Load(name);
        using var context = model.CreateContext(new() { Sequences = 32, ContextLength = 32 * 512, Threads = 1 });
        using var runner = new RolloutRunner(context);
        var rollouts = runner.Run(CountdownRollouts.Requests(model.Vocabulary, puzzles, new() { Sampling = sampling })).ToList();
        var figures = new CountdownFigures();
        foreach (var rollout in rollouts) figures.Add(puzzles[CountdownRollouts.IndexOf(rollout)], rollout);
        return (figures, rollouts);
    }
}
