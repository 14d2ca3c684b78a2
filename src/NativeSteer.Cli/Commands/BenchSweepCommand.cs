using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Views;
using NativeSteer.Engine;
using NativeSteer.Rollouts;
using NativeSteer.Studies;

namespace NativeSteer.Cli.Commands;

/// <summary><c>bench sweep</c></summary>
internal sealed class BenchSweepCommand : BenchmarkVerb
{
    private readonly ModelSettings _model = new();
    private readonly CountSetting _vectors = new("N", "Vectors", "--vectors", "-K") { Default = 8, Minimum = 1, Maximum = 256 };
    private readonly CountSetting _magnitudes = new("N", "Strengths of each", "--magnitudes") { Default = 8, Minimum = 1, Maximum = 256 };
    private readonly CountSetting _prompts = new("N", "Prompts of each", "--prompts") { Default = 16, Minimum = 1, Maximum = 256 };
    private readonly CountSetting _length = new("N", "Tokens of a prompt", "-npp") { Default = 128, Minimum = 1 };
    private readonly CountSetting _generated = new("N", "Tokens generated of each completion", "-ntg") { Default = 32, Minimum = 1 };
    private readonly CountSetting _parallel = new("N", "Completions side by side in our batch", "--parallel", "-np")
        { Default = 0, Minimum = 1, Maximum = 256, DefaultMeaning = $"as many as fit, at most {RolloutBlocks.MostParallel}, or {RolloutBlocks.MostParallelUnfused} without flash attention" };
    private readonly CountSetting _layer = new("N", "The steered layer", "--layer") { Default = -1, Minimum = 1, DefaultMeaning = "the middle one" };
    private readonly CountSetting _rounds = new("N", "Rounds; each runs every mode once", "--repetitions", "-r") { Default = 3, Minimum = 1, Maximum = 1000 };
    private readonly CountSetting _threads = CommonSettings.Threads();

    internal BenchSweepCommand() : base("bench sweep", "A sweep as one batch against its cells one after another")
    {
        Details = """
            Runs vectors x strengths x prompts four ways: as sequences of one batch, steered everywhere or from the first generated
            token on (then prompts are computed once); cell after cell with llama.cpp's own control vector, of which a context has
            one, a cell's prompts as a batch; and completion after completion. Prompts are rows of number puzzles, decoding is greedy
            and goes on after the end, so that all do the same work. The last columns are medians over rounds, with their range.
            """;
        AddGroup("Model", [.. _model.All, _threads]);
        AddGroup("What to measure", _vectors, _magnitudes, _prompts, _length, _generated, _parallel, _layer, _rounds);
        AddGroup("Output", Printing);
        AddExample("bench sweep -m model.gguf", "8 vectors x 8 strengths x 16 prompts");
        AddExample("bench sweep -m model.gguf -K 4 --magnitudes 4 -ntg 64 -r 5", "a smaller one");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var (vectors, magnitudes, prompts) = (_vectors.Get(parse), _magnitudes.Get(parse), _prompts.Get(parse));
        using var model = _model.Load(parse, terminal, stop);
        var options = OnPuzzles(model, prompts, _length.Get(parse)) with
        {
            Vectors = vectors,
            Magnitudes = magnitudes,
            Generated = _generated.Get(parse),
            Layer = _layer.Get(parse),
            Repetitions = _rounds.Get(parse),
            Context = new ContextOptions { Sequences = _parallel.IsGiven(parse) ? _parallel.Get(parse) : 0, Threads = _threads.Get(parse) },
        };
        return Measure(parse, terminal, Part(model, options, terminal, stop));
    }

    /// <summary>A sweep on prompts of a length: number puzzles one after another, cut.</summary>
    internal static SweepBenchmarkOptions OnPuzzles(LanguageModel model, int count, int length)
    {
        var puzzles = CountdownStudy.Puzzles(count * 4).Select(puzzle => model.Vocabulary.TokenizePrompt(puzzle.Text)).Where(tokens => tokens.Length > 0).ToList();
        return new()
        {
            Prompts = [.. Enumerable.Range(0, count).Select(first => Enumerable.Range(0, int.MaxValue).SelectMany(i => puzzles[(first + i * count) % puzzles.Count]).Take(length).ToArray())],
        };
    }

    /// <summary>A sweep as a part of a benchmark.</summary>
    internal static BenchmarkPart Part(LanguageModel model, SweepBenchmarkOptions options, Terminal terminal, CancellationToken stop) =>
        new BenchmarkPart<SweepBenchmarkRow>(
            new SweepBenchView(model, options, terminal), report => new SweepBenchmark(model, options) { Progress = report }.Run(stop));
}
