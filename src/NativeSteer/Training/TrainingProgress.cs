namespace NativeSteer.Training;

/// <summary>How far a run is.</summary>
/// <param name="Step">Updates done, those of earlier parts of the run included.</param>
/// <param name="Steps">Updates in all.</param>
/// <param name="Resumed">The update that this part of the run began at.</param>
/// <param name="Loss">The last update's loss.</param>
/// <param name="TokensPerSecond">Tokens trained on in a second, over the last updates.</param>
/// <param name="HeldOutLoss">The held-out loss last measured, or NaN.</param>
public readonly record struct TrainingProgress(
    long Step, long Steps, long Resumed, double Loss, double TokensPerSecond, double HeldOutLoss);

/// <summary>How a run ended.</summary>
public sealed record TrainingResult
{
    /// <summary>Updates done.</summary>
    public required long Step { get; init; }

    /// <summary>Updates that the run has in all.</summary>
    public required long Steps { get; init; }

    /// <summary>Tokens trained on, masked ones included.</summary>
    public required long Tokens { get; init; }

    /// <summary>The mean loss a target over the last line of the log.</summary>
    public required double Loss { get; init; }

    /// <summary>The held-out loss last measured, or NaN.</summary>
    public required double HeldOutLoss { get; init; }

    /// <summary>Time that this part of the run took.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The last checkpoint, or null.</summary>
    public string? Checkpoint { get; init; }

    /// <summary>Whether the run was stopped before its end; it goes on from the checkpoint.</summary>
    public bool Stopped => Step < Steps;
}
