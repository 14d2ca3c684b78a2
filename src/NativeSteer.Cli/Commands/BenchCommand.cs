using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Cli.Views;
using NativeSteer.Cuda;
using NativeSteer.Engine;
using NativeSteer.Rollouts;
using NativeSteer.Search;
using NativeSteer.Tensors;
using NativeSteer.Training;

namespace NativeSteer.Cli.Commands;

/// <summary><c>bench</c>: plain, idle, steered and capturing decodes side by side.</summary>
internal sealed class BenchCommand : BenchmarkVerb
{
    private static readonly string[] s_modes = ["plain", "idle", "steer", "capture"];
    private static readonly string[] s_others = ["sweep", "search", "train"]; // with tables of their own

    private readonly ModelSettings _model = new();
    private readonly NumberListSetting _prompts = new("Prompt tokens per sequence", "-npp") { Default = [128], Minimum = 1 };
    private readonly NumberListSetting _generated = new("Generated tokens per sequence", "-ntg") { Default = [32], Minimum = 1 };
    private readonly NumberListSetting _batches = new("Sequences side by side", "-npl") { Default = [1, 16], Minimum = 1, Maximum = 256 };
    private readonly NumberListSetting _vectors = new("Distinct vectors; those above a batch are left out", "--vectors", "-K") { Default = [1, 16, 256], Minimum = 1 };
    private readonly ListSetting _modes = new("MODE,...", $"What to run: {string.Join(", ", s_modes)}; and, with tables of their own, {string.Join(", ", s_others)} (default: the first four)", greedy: false, "--modes");
    private readonly CountSetting _layer = new("N", "The steered layer", "--layer") { Default = -1, Minimum = -1, DefaultMeaning = "the middle one" };
    private readonly CountSetting _rounds = new("N", "Rounds; each runs every mode once", "--repetitions", "-r") { Default = 5, Minimum = 1, Maximum = 1000 };
    private readonly CountSetting _batchLength = new("N", "Most rows of one decode", "--batch-size", "-b") { Default = 512, Minimum = 1 };
    private readonly CountSetting _threads = CommonSettings.Threads();

    internal BenchCommand() : base("bench", "Speeds: plain, idle, steered, capturing, sweeps, searches, training")
    {
        Details = """
            Every mode runs once in every round, next to plain llama.cpp (the same library, no hook), so that the columns /plain
            compare neighbours in time: the share of plain speed that is kept, with its range over the rounds. Every round also
            measures what the processor can do: read and copy memory, multiply F32 matrices. 'of sgemm' is the prompts' share of
            the last (2 operations a weight of the blocks and token), 'of read' generation's share of the first (all weights once
            a step); on a GPU, of what a copy within its memory reads and writes. Columns are llama-batched-bench's, and K: how
            many different vectors steer the batch.
            """;
        AddGroup("Model", [.. _model.All, _threads, _batchLength]);
        AddGroup("What to measure", _prompts, _generated, _batches, _vectors, _modes, _layer, _rounds);
        AddGroup("Output", Printing);
        AddExample("bench -m model.gguf", "a quick look");
        AddExample("bench -m model.gguf -npl 256 -npp 16 -ntg 32 -K 1,16,256 --modes steer", "does the number of vectors in a batch matter");
        AddExample("bench -m model.gguf --modes plain,steer,capture,sweep,search,train --json > bench.json", "everything, for a program to read");
        AddExample("bench -m model.gguf -npp 512 --modes capture -r 15 -o csv > capture.csv", "what summing every layer costs");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var options = new BenchmarkOptions
        {
            PromptLengths = _prompts.Get(parse),
            GeneratedLengths = _generated.Get(parse),
            Batches = _batches.Get(parse),
            VectorCounts = _vectors.Get(parse),
            Modes = Modes(parse),
            Repetitions = _rounds.Get(parse),
            Layer = _layer.Get(parse),
            Threads = _threads.Get(parse),
            BatchLength = _batchLength.Get(parse),
        };
        var others = Given(parse).Where(s_others.Contains).ToList();
        using var model = _model.Load(parse, terminal, stop);
        using var rates = options.Modes.Count > 0 && !model.IsOnGpu ? new MachineRates(options.Threads) : null;
        using var device = options.Modes.Count > 0 && model.IsOnGpu ? DeviceRate.Find() : null;
        var parts = new List<BenchmarkPart>();
        if (options.Modes.Count > 0)
        {
            parts.Add(new BenchmarkPart<BenchmarkRow>(
                new BenchView(model, options, rates, device, terminal),
                report => new ThroughputBenchmark(model, options) { Progress = report, Round = MeasureLimits }.Run(stop)));
        }
        if (others.Contains("sweep")) parts.Add(BenchSweepCommand.Part(model, Sweep(model, options), terminal, stop));
        if (others.Contains("search")) parts.Add(BenchSearchCommand.Part(model, new SearchBenchmarkOptions { Rounds = options.Repetitions, Threads = options.Threads }, terminal, stop));
        if (others.Contains("train")) parts.Add(BenchTrainCommand.Part(new TrainingBenchmarkOptions { Rounds = options.Repetitions, Threads = options.Threads }, terminal, stop));
        return Measure(parse, terminal, parts);

        void MeasureLimits()
        {
            rates?.Measure();
            device?.Measure();
        }
    }

    private static SweepBenchmarkOptions Sweep(LanguageModel model, BenchmarkOptions options)
    {
        const int vectors = 4, magnitudes = 4, prompts = 8, length = 64;
        return BenchSweepCommand.OnPuzzles(model, prompts, length) with
        {
            Vectors = vectors,
            Magnitudes = magnitudes,
            Repetitions = options.Repetitions,
            Layer = options.Layer < 1 ? -1 : options.Layer,
            Context = new ContextOptions { Sequences = 0, Threads = options.Threads },
        };
    }

    private IReadOnlyList<string> Given(ParseResult parse) => [.. _modes.Values(parse).SelectMany(value => value.Split(','))];

    private IReadOnlyList<BenchmarkMode> Modes(ParseResult parse)
    {
        if (!_modes.IsGiven(parse)) return [BenchmarkMode.Plain, BenchmarkMode.Idle, BenchmarkMode.Steer, BenchmarkMode.Capture];
        return [.. Given(parse).Where(name => !s_others.Contains(name)).Select(name => Array.IndexOf(s_modes, name) switch
        {
            < 0 => throw new UsageException($"--modes has '{name}'; give some of {string.Join(", ", s_modes.Concat(s_others))}."),
            var mode => (BenchmarkMode)mode,
        })];
    }
}
