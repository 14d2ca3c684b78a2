namespace NativeSteer.Tasks;

/// <summary>What became of an answer.</summary>
public enum TaskOutcome
{
    /// <summary>It is right.</summary>
    Right,

    /// <summary>It is another one than the one that was wanted.</summary>
    Wrong,

    /// <summary>The text holds no answer in the form that was asked for.</summary>
    NoAnswer,

    /// <summary>The external command took too long and was ended.</summary>
    TimedOut,

    /// <summary>The external command failed.</summary>
    Crashed,
}

/// <summary>What a verifier found.</summary>
/// <param name="Outcome">What became of the answer.</param>
/// <param name="Answer">What was compared, as the text has it; null where there is none.</param>
public readonly record struct TaskVerdict(TaskOutcome Outcome, string? Answer = null)
{
    /// <summary>Whether the answer is right.</summary>
    public bool IsRight => Outcome == TaskOutcome.Right;

    internal static TaskVerdict Of(string? answer, Func<string, bool> isRight) =>
        answer is null ? new(TaskOutcome.NoAnswer) : new(isRight(answer) ? TaskOutcome.Right : TaskOutcome.Wrong, answer);
}

/// <summary>A prompt, and what tells whether a text that follows it is right: what a model is rewarded for.</summary>
/// <param name="Id">Its name, for logs: the line of its file, or what the file calls it.</param>
/// <param name="Prompt">The text before the answer, as the model reads it.</param>
/// <param name="Judge">Judges a text that was generated. Throws for no text whatever.</param>
public sealed record TaskItem(string Id, string Prompt, Func<string, TaskVerdict> Judge)
{
    /// <summary>The answer that is wanted, or null where only a check is known.</summary>
    public string? Gold { get; init; }

    /// <summary>A text with a right answer, to be learned from, or null where none is known.</summary>
    public string? Solution { get; init; }
}
