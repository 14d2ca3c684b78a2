namespace NativeSteer.Training;

/// <summary>How the learning rate goes on after its warm-up.</summary>
public enum ScheduleKind
{
    /// <summary>It stays.</summary>
    Constant,

    /// <summary>It falls along half a cosine.</summary>
    Cosine,
}

/// <summary>The learning rate of each update.</summary>
/// <param name="Peak">The highest rate, reached at the end of the warm-up.</param>
/// <param name="Steps">Updates in all.</param>
public sealed record LearningRateSchedule(float Peak, long Steps)
{
    /// <summary>Updates over which the rate rises in equal steps to its peak.</summary>
    public long Warmup { get; init; }

    /// <summary>How it goes on then.</summary>
    public ScheduleKind Kind { get; init; }

    /// <summary>The share of the peak that a cosine ends at.</summary>
    public float Floor { get; init; }

    /// <summary>The number of warm-up updates that a setting asks for: below 1 a share of all updates, from 1 on a count.</summary>
    public static long WarmupSteps(double setting, long steps) =>
        Math.Min(steps, setting < 1 ? (long)Math.Ceiling(setting * steps) : (long)setting);

    /// <summary>The rate of an update.</summary>
    /// <param name="step">Updates done before it, from 0.</param>
    public float At(long step)
    {
        if (step < Warmup) return (float)(Peak * (double)(step + 1) / Warmup);
        if (Kind == ScheduleKind.Constant || Steps <= Warmup) return Peak;
        var share = Math.Clamp((double)(step - Warmup) / Math.Max(1, Steps - 1 - Warmup), 0, 1);
        return (float)(Peak * (Floor + (1 - Floor) * 0.5 * (1 + Math.Cos(Math.PI * share))));
    }
}
