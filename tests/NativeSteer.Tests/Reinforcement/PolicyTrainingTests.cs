using NativeSteer.Countdown;
using NativeSteer.Files;
using NativeSteer.Reinforcement;
using NativeSteer.Rollouts;
using NativeSteer.Tasks;
using NativeSteer.Tests.Support;
using NativeSteer.Training;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Reinforcement;

/// <summary>The whole loop on a small random model, with a reward that it can earn: answers whose length is even.</summary>
public sealed class PolicyTrainingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nativesteer-tests-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static List<TaskItem> Tasks(Func<string, bool>? isRight = null) => [.. Enumerable.Range(1, 5).Select(i =>
        new TaskItem($"{i}", $"Numbers {i}", text => new((isRight ?? IsEven)(text) ? TaskOutcome.Right : TaskOutcome.Wrong)))];

    private static bool IsEven(string text) => text.Sum(c => c) % 2 == 0;

    private ReinforcementOptions Options(string train, int steps = 4, string name = "run") => new()
    {
        Model = TinyCountdown.File,
        Parts = TrainingParts.Parse(train),
        Tasks = Tasks(),
        HeldOut = Tasks(),
        Prompts = 2,
        Samples = 4,
        MaxTokens = 6,
        Steps = steps,
        LearningRate = train == "all" ? 1e-3f : 2e-2f,
        Warmup = 0,
        EvaluateEvery = 2,
        Trainer = new() { Compute = ComputeType.F32, Threads = 1, ClipNorm = 2 },
        Checkpoints = Path.Combine(_folder, name),
        Log = Path.Combine(_folder, name + ".jsonl"),
    };

    [Theory, InlineData("vectors"), InlineData("lora=2"), InlineData("all")]
    public void A_run_that_is_stopped_goes_on_to_the_same_numbers(string train)
    {
        var whole = Run(Options(train, name: "whole"));
        using (var stop = new CancellationTokenSource())
        {
            using var first = PolicyTraining.Prepare(Options(train, name: "parts"));
            Assert.False(first.Run(new StepWatch(step => { if (step == 2) stop.Cancel(); }), stop.Token));
            Assert.Equal(2, first.StepsDone);
        }
        var parts = Run(Options(train, name: "parts") with { Resume = true });
        Assert.NotEmpty(whole);
        Assert.Equal(whole.Keys, parts.Keys);
        foreach (var (name, values) in whole) Assert.Equal(values, parts[name]);
        var lines = JsonLines.Read(Path.Combine(_folder, "whole.jsonl")).ToList();
        Assert.Equal(4, lines.Count(line => line.OptionalString("type") is "step"));
        Assert.Equal(3, lines.Count(line => line.OptionalString("type") is "held_out"));
        Assert.True(lines.First(line => line.OptionalString("type") is "held_out").RequiredNumber("log_probability_difference") < 0.02);
    }

    [Fact]
    public void Equal_rewards_change_nothing_and_are_said()
    {
        var values = Run(Options("vectors", 2) with { Tasks = Tasks(_ => false) });
        Assert.All(values.Values, tensor => Assert.All(tensor, value => Assert.Equal(0, value)));
        Assert.All(Steps(), line => Assert.False(line.Element.GetProperty("updated").GetBoolean()));
        Assert.All(Steps(), line => Assert.Equal(2, line.RequiredInteger("equal_rewards")));
    }

    [Fact]
    public void Coins_decide_where_rewards_are_random()
    {
        var values = Run(Options("vectors", 2) with { Tasks = Tasks(_ => false), Reward = RewardKind.Random });
        Assert.Contains(values.Values, tensor => tensor.Any(value => value != 0));
        Assert.All(Steps(), line => Assert.Equal(0, line.RequiredNumber("accuracy")));
    }

    [Theory, InlineData("vectors"), InlineData("lora=2"), InlineData("all")]
    public void The_divergence_from_the_reference_begins_at_zero_and_grows(string train)
    {
        var options = Options(train, 3);
        Run(options with { Trainer = options.Trainer with { KlWeight = 0.01f } });
        var divergences = Steps().Select(line => line.RequiredNumber("kl")).ToList();
        Assert.Equal(0, divergences[0], 6);
        Assert.All(divergences.Skip(1), kl => Assert.True(kl > 1e-6, $"{kl}"));
    }

    [Fact]
    public void A_divergence_that_explodes_ends_the_run_with_its_checkpoint()
    {
        var options = Options("vectors", 30);
        options = options with { LearningRate = 5, MostKl = 0.5, Trainer = options.Trainer with { KlWeight = 1e-4f } };
        var error = Assert.Throws<NativeSteerException>(() => Run(options));
        Assert.Contains("KL divergence", error.Message, StringComparison.Ordinal);
    }

    [Theory, InlineData("vectors", 0.1f), InlineData("lora=2", 3e-2f), InlineData("all", 3e-3f)]
    public void Rewards_are_earned(string train, float rate)
    {
        // One token, right where its row of the head looks one way: what a vector before the head can bring about.
        using var file = GgufFile.Open(TinyCountdown.File);
        var (head, width) = (file.ReadTensor("output.weight"), TinyCountdown.Model.Shape.Width);
        var right = Enumerable.Range(0, CountdownVocabulary.Size).Where(token => head[token * width] > 0).Select(token => TinyCountdown.Model.Vocabulary.Detokenize([token])).ToHashSet(StringComparer.Ordinal);
        var options = Options(train, 60) with { Tasks = Tasks(right.Contains), HeldOut = Tasks(right.Contains), Prompts = 4, Samples = 8, MaxTokens = 1, EvaluateEvery = 60 };
        Run(options with { LearningRate = rate });
        var accuracy = Steps().Select(line => line.RequiredNumber("accuracy")).ToList();
        Assert.True(accuracy.TakeLast(15).Average() > accuracy.Take(5).Average() + 0.15, string.Join(' ', accuracy));
    }

    [Fact]
    public void What_is_written_answers_as_the_trained_one_does()
    {
        using var training = PolicyTraining.Prepare(Options("lora=2", 3));
        Assert.True(training.Run());
        var path = Path.Combine(_folder, "merged.gguf");
        training.WriteModel(path, ExportType.F32);
        using var merged = Trainer.Load(path, new() { VectorLayers = [0] }, new() { Compute = ComputeType.F32, Threads = 1 });
        using var source = GgufFile.Open(TinyCountdown.File);
        using var written = GgufFile.Open(path);
        Assert.NotEqual(source.ReadTensor("blk.0.ffn_down.weight"), written.ReadTensor("blk.0.ffn_down.weight"));
        Assert.Equal(source.ReadTensor("blk.0.ffn_up.weight"), written.ReadTensor("blk.0.ffn_up.weight"));
        Assert.DoesNotContain(written.Tensors, tensor => tensor.Name.Contains("lora", StringComparison.Ordinal));
    }

    [Fact]
    public void Solutions_are_learned_without_answers()
    {
        var tasks = Enumerable.Range(1, 4).Select(i => Verifiers.Countdown($"{i}", new([3, 5, 2 * i], 15 + 2 * i))).ToList();
        Assert.All(tasks, task => Assert.True(task.Judge(task.Solution!).IsRight, task.Solution));
        Run(Options("all", 30) with { Tasks = tasks, HeldOut = tasks, Reward = RewardKind.Solution, Prompts = 4, LearningRate = 3e-3f, EvaluateEvery = 30, MaxTokens = 40, EvaluationTemperature = 0 });
        var losses = Steps().Select(line => line.RequiredNumber("loss")).ToList();
        Assert.True(losses[^1] < losses[0] / 2, string.Join(' ', losses));
        Assert.All(Steps(), line => Assert.Null(line.OptionalNumber("reward")));
        Assert.Contains("has no solution", Assert.Throws<NativeSteerException>(() => Run(Options("vectors") with { Reward = RewardKind.Solution })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_verifier_that_hangs_or_crashes_is_counted_and_earns_nothing()
    {
        var verifier = new CommandVerifier("""grep -q '"gold":"hang"' && exec sleep 60; exit 9""", TimeSpan.FromSeconds(0.3));
        Run(Options("vectors", 1) with { Tasks = [verifier.Task("1", "Numbers 1", "hang"), verifier.Task("2", "Numbers 2", "crash")], HeldOut = [], Samples = 2 });
        var step = Steps().Single();
        Assert.Equal((2, 2), (step.RequiredInteger("timed_out"), step.RequiredInteger("crashed")));
        Assert.Equal(-1, step.RequiredNumber("reward"));
        Assert.False(step.Element.GetProperty("updated").GetBoolean());
    }

    [Fact]
    public void What_is_no_number_any_more_ends_the_run_at_its_last_good_checkpoint()
    {
        var options = Options("all", 30) with { CheckpointMinutes = 1e-9, HeldOut = [] };
        using (var stop = new CancellationTokenSource())
        {
            using var first = PolicyTraining.Prepare(options);
            Assert.False(first.Run(new StepWatch(step => { if (step == 2) stop.Cancel(); }), stop.Token));
        }
        var error = Assert.Throws<NativeSteerException>(() => Run(options with { LearningRate = 1e30f, Resume = true }));
        Assert.True(error.Message.Contains("The last checkpoint is", StringComparison.Ordinal), error.Message);
        using var saved = SafetensorsFile.Open(Directory.GetFiles(options.Checkpoints!).Max(StringComparer.Ordinal)!);
        Assert.All(saved.Tensors, tensor => Assert.All(saved.ReadFloats(tensor.Name), value => Assert.InRange(Math.Abs(value), 0, 1e6)));
    }

    [Fact]
    public void Rollouts_of_another_model_than_the_trainers_are_noticed()
    {
        var options = Options("vectors");
        using var trainer = Trainer.Load(TinyCountdown.File, new() { VectorLayers = [0, 1] }, options.Trainer);
        using var context = TinyCountdown.Model.CreateContext(new() { ContextLength = 256, Threads = 1 });
        using var runner = new RolloutRunner(context) { LogProbabilities = true };
        var rollouts = runner.Run([new(TinyCountdown.Model.Vocabulary.TokenizePrompt("Numbers 1")) { MaxTokens = 20, IgnoreEnd = true }]).ToList();
        using var file = GgufFile.Open(TinyCountdown.File);
        var check = new AgreementCheck(file, TinyCountdown.Model.Shape, options);
        AgreementCheck.Require(check.Run(trainer, rollouts)!.Value);
        trainer.Tensors[1].Values = [.. Enumerable.Range(0, TinyModel.Width).Select(i => i % 3 - 1f)];
        Assert.Contains("do not see the same model", Assert.Throws<NativeSteerException>(() => AgreementCheck.Require(check.Run(trainer, rollouts)!.Value)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prompt_that_does_not_fit_is_named()
    {
        var error = Assert.Throws<NativeSteerException>(() => Run(Options("vectors") with { MaxTokens = 600 }));
        Assert.Contains("The prompt of task 1 has", error.Message, StringComparison.Ordinal);
    }

    private IEnumerable<JsonLine> Steps() => JsonLines.Read(Path.Combine(_folder, "run.jsonl")).Where(line => line.OptionalString("type") is "step");

    private static Dictionary<string, float[]> Run(ReinforcementOptions options)
    {
        using var training = PolicyTraining.Prepare(options);
        Assert.True(training.Run());
        using var saved = SafetensorsFile.Open(Directory.GetFiles(options.Checkpoints!).Max(StringComparer.Ordinal)!);
        return saved.Tensors.ToDictionary(tensor => tensor.Name, tensor => saved.ReadFloats(tensor.Name), StringComparer.Ordinal);
    }

    private sealed class StepWatch(Action<long> each) : IProgress<PolicyProgress>
    {
        public void Report(PolicyProgress value) => each(value.Step);
    }
}
