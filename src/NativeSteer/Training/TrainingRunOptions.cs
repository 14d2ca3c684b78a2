using System.Text.Json.Nodes;

namespace NativeSteer.Training;

/// <summary>How long a run is and how its batches, learning rate, log and checkpoints go.</summary>
public sealed record TrainingRunOptions
{
    /// <summary>Rows of a batch.</summary>
    public int Rows { get; init; } = 8;

    /// <summary>Tokens of a row; 0 for 512, or for the model's context where that is shorter.</summary>
    public int Length { get; init; }

    /// <summary>Updates, or null to count by <see cref="Epochs"/>.</summary>
    public long? Steps { get; init; }

    /// <summary>How often the data is gone through where <see cref="Steps"/> is null; parts of an epoch are allowed.</summary>
    public double Epochs { get; init; } = 1;

    /// <summary>Batches whose gradients make one update.</summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>The highest learning rate.</summary>
    public float LearningRate { get; init; } = 3e-4f;

    /// <summary>Updates over which the learning rate rises; below 1 a share of all updates.</summary>
    public double Warmup { get; init; } = 0.03;

    /// <summary>How the learning rate goes on after its warm-up.</summary>
    public ScheduleKind Schedule { get; init; } = ScheduleKind.Cosine;

    /// <summary>The share of the highest learning rate that a cosine ends at.</summary>
    public float Floor { get; init; } = 0.1f;

    /// <summary>Decides the order of the sequences and which of them are held out.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Updates from one line of the log to the next.</summary>
    public int LogEvery { get; init; } = 10;

    /// <summary>Share of the sequences that is held out to measure the loss on, where no file of such is given.</summary>
    public double HeldOutShare { get; init; }

    /// <summary>Updates from one measurement of the held-out loss to the next; 0 for a tenth of the run.</summary>
    public long EvaluateEvery { get; init; }

    /// <summary>Minutes from one checkpoint to the next; infinite for one at the end alone.</summary>
    public double CheckpointMinutes { get; init; } = 10;

    /// <summary>Throws where an option is out of range.</summary>
    /// <exception cref="NativeSteerException">Names it and what it may be.</exception>
    public void Validate()
    {
        Require(Rows is >= 1 and <= 1 << 16, "--rows", Rows, "1 to 65536");
        Require(Length is 0 or >= 2 and <= 1 << 20, "--length", Length, "2 to 1048576");
        Require(Steps is null or (>= 1 and <= 1_000_000_000), "--steps", Steps ?? 0, "1 to 1000000000");
        Require(double.IsFinite(Epochs) && Epochs is > 0 and <= 10_000, "--epochs", Epochs, "more than 0, at most 10000");
        Require(Accumulate is >= 1 and <= 1 << 16, "--accumulate", Accumulate, "1 to 65536");
        Require(float.IsFinite(LearningRate) && LearningRate > 0, "--lr", LearningRate, "more than 0");
        Require(double.IsFinite(Warmup) && Warmup >= 0, "--warmup", Warmup, "a share below 1 or a number of steps");
        Require(Floor is >= 0 and <= 1, "--floor", Floor, "0 to 1");
        Require(LogEvery >= 1, "--log-every", LogEvery, "1 or more");
        Require(HeldOutShare is >= 0 and < 1, "--eval-share", HeldOutShare, "0 to below 1");
        Require(EvaluateEvery >= 0, "--eval-every", EvaluateEvery, "0 or more");
        Require(CheckpointMinutes > 0, "--checkpoint-minutes", CheckpointMinutes, "more than 0");
    }

    /// <summary>What decides the numbers that a run computes, for its log and its checkpoints.</summary>
    internal JsonObject ToJson() => new()
    {
        ["rows"] = Rows,
        ["length"] = Length,
        ["steps"] = Steps,
        ["epochs"] = Steps is null ? Epochs : null,
        ["accumulate"] = Accumulate,
        ["learning_rate"] = LearningRate,
        ["warmup"] = Warmup,
        ["schedule"] = Schedule.ToString(),
        ["floor"] = Schedule == ScheduleKind.Cosine ? Floor : null,
        ["seed"] = Seed,
        ["held_out_share"] = HeldOutShare,
    };

    private static void Require(bool holds, string name, double value, string range)
    {
        if (!holds) throw new NativeSteerException(FormattableString.Invariant($"{name} is {value}; give {range}."));
    }
}
