using MathNet.Numerics.Statistics;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>A way to train that is measured.</summary>
/// <param name="Name">What it is called: <c>full-bf16</c>, <c>bias-q8_0</c>.</param>
/// <param name="Full">All weights are trained; otherwise one vector per layer, the weights frozen.</param>
/// <param name="Compute">Number type of products with trained weights.</param>
/// <param name="Weights">Number type of the model's matrices in its file.</param>
public sealed record TrainingMode(string Name, bool Full, ComputeType Compute, GgmlType Weights)
{
    /// <summary>All modes.</summary>
    public static IReadOnlyList<TrainingMode> All { get; } =
    [
        new("full-f32", true, ComputeType.F32, GgmlType.F32),
        new("full-bf16", true, ComputeType.BF16, GgmlType.F32),
        .. new[] { GgmlType.F32, GgmlType.F16, GgmlType.Q8_0, GgmlType.Q4_0 }.Select(
            type => new TrainingMode($"bias-{type.ToString().ToLowerInvariant()}", false, ComputeType.F32, type)),
    ];

    /// <summary>What a shape's layers are trained of.</summary>
    internal TrainableParts Parts(int layers) => Full ? new() { AllWeights = true } : new() { VectorLayers = [.. Enumerable.Range(0, layers)] };
}

/// <summary>What a mode took on a shape, one entry a round.</summary>
/// <param name="Shape">The model and the batch.</param>
/// <param name="Mode">What was trained.</param>
/// <param name="Outputs">Tokens of the batch whose predictions counted.</param>
public sealed record TrainingBenchmarkRow(TrainingShape Shape, TrainingMode Mode, int Outputs)
{
    /// <summary>Seconds of one step.</summary>
    public required IReadOnlyList<double> Seconds { get; init; }

    /// <summary>Seconds of one step of ggml's autodiff; empty where it cannot derive the model.</summary>
    public required IReadOnlyList<double> BaselineSeconds { get; init; }

    /// <summary>Floating-point operations a second of the machine's product of matrices.</summary>
    public required IReadOnlyList<double> MatrixRates { get; init; }

    /// <summary>The loss before the last step.</summary>
    public required double Loss { get; init; }

    /// <summary>That of ggml's autodiff, after as many steps on the same batch; null where there is none.</summary>
    public required double? BaselineLoss { get; init; }

    /// <summary>Median seconds of one step.</summary>
    public double StepSeconds => Seconds.Median();

    /// <summary>Median tokens a second.</summary>
    public double TokensPerSecond => Shape.Tokens / StepSeconds;

    /// <summary>Median floating-point operations a second.</summary>
    public double Rate => Operations / StepSeconds;

    /// <summary>Per round, how many times as fast as ggml's autodiff.</summary>
    public IReadOnlyList<double> Ratios => [.. Seconds.Zip(BaselineSeconds, (ours, theirs) => theirs / ours)];

    /// <summary>Per round, the share of the machine's rate.</summary>
    public IReadOnlyList<double> Shares => [.. Seconds.Zip(MatrixRates, (seconds, rate) => Operations / seconds / rate)];

    private double Operations => Shape.Operations(Mode.Full, Outputs);
}
