using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Cli.Views;
using NativeSteer.Training;

namespace NativeSteer.Cli.Commands;

/// <summary><c>bench train</c>: training steps next to those of ggml's autodiff.</summary>
internal sealed class BenchTrainCommand : BenchmarkVerb
{
    private static readonly TrainingBenchmarkOptions s_defaults = new();

    private readonly ListSetting _shapes = new(
        TrainingShape.Form, $"Model and batch, see above; may be given several times (default: {string.Join(" and ", s_defaults.Shapes)})", greedy: false, "--shape");
    private readonly ListSetting _modes = new(
        "MODE,...", $"What to train: {Names(TrainingMode.All)} (default: {Names(s_defaults.Modes)})", greedy: false, "--modes");
    private readonly CountSetting _every = new("N", "Every how many tokens a prediction counts; the others need no head", "--every")
        { Default = s_defaults.Every, Minimum = 1 };
    private readonly CountSetting _rounds = new("N", "Rounds; in each, everything takes one step", "--rounds", "-r")
        { Default = s_defaults.Rounds, Minimum = 1, Maximum = 1000 };
    private readonly CountSetting _threads = CommonSettings.Threads();
    private readonly TextSetting _blas = new("FILE", "Shared library whose cblas_sgemm is the yardstick (default: OpenBLAS if the system has it, else ggml)", "--blas");

    internal BenchTrainCommand() : base("bench train", "Training steps against ggml's autodiff")
    {
        Details = """
            Random models are trained on random batches: all weights (full-), or one vector per layer through frozen weights
            (bias-). In every round each mode takes a step next to the same step by ggml's automatic differentiation (ggml_opt; full
            training in F32) and to a plain product of matrices; ratios compare neighbours in time. GFLOP/s count 6 operations a
            weight and token for full training; with frozen weights 4, and 2 in the lowest layer, through which nothing goes back.
            A shape is a vocabulary, width, layers, heads, key-value heads, length of the feed-forward row; tokens of a row, rows.
            """;
        AddGroup("What to measure", _shapes, _modes, _every, _rounds, _threads, _blas);
        AddGroup("Output", Printing);
        AddExample("bench train", "both default shapes, some minutes");
        AddExample("bench train --shape 32000,512,8,8,8,1408,256,4 --modes full-bf16,bias-q8_0 -r 9", "a shape of yours");
        AddExample("bench train --every 4 --json > train.json", "with three quarters of the tokens masked");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var options = new TrainingBenchmarkOptions
        {
            Shapes = _shapes.IsGiven(parse) ? [.. _shapes.Values(parse).Select(Shape)] : s_defaults.Shapes,
            Modes = Modes(parse),
            Every = _every.Get(parse),
            Rounds = _rounds.Get(parse),
            Threads = _threads.Get(parse),
            Blas = _blas.Get(parse),
        };
        return Measure(parse, terminal, Part(options, terminal, stop));
    }

    /// <summary>Training as a part of a benchmark.</summary>
    internal static BenchmarkPart Part(TrainingBenchmarkOptions options, Terminal terminal, CancellationToken stop)
    {
        var benchmark = new TrainingBenchmark(options);
        return new BenchmarkPart<TrainingBenchmarkRow>(new TrainingBenchView(benchmark, options, terminal), report =>
        {
            benchmark.Progress = report;
            return benchmark.Run(stop);
        });
    }

    private static TrainingShape Shape(string text) => TrainingShape.TryParse(text, out var shape)
        ? shape
        : throw new UsageException($"--shape is '{text}'; give eight whole numbers, {TrainingShape.Form}.");

    private IReadOnlyList<TrainingMode> Modes(ParseResult parse)
    {
        if (!_modes.IsGiven(parse)) return s_defaults.Modes;
        return [.. _modes.Values(parse).SelectMany(value => value.Split(',')).Distinct().Select(
            name => TrainingMode.All.FirstOrDefault(mode => string.Equals(mode.Name, name, StringComparison.Ordinal))
                ?? throw new UsageException($"--modes has '{name}'; give some of {string.Join(", ", TrainingMode.All.Select(mode => mode.Name))}."))];
    }

    private static string Names(IEnumerable<TrainingMode> modes) => string.Join(',', modes.Select(mode => mode.Name));
}
