using NativeSteer.Extraction;

namespace NativeSteer.Countdown;

/// <summary>A stretch of a text.</summary>
/// <param name="From">Its first code point.</param>
/// <param name="To">The first code point after it.</param>
public readonly record struct TextRange(int From, int To);

/// <summary>A puzzle with a written answer, as training reads it.</summary>
/// <param name="Puzzle">The puzzle.</param>
/// <param name="Style">What the answer shows.</param>
/// <param name="Completion">The answer, without prompt and end token; plain ASCII, so that characters are code points.</param>
/// <param name="Spans">Stretches of the answer that show a behaviour; their ends are ends of tokens.</param>
/// <param name="Mask">Stretches of the answer that are not learned (weight 0), in order; their ends are ends of tokens.</param>
public sealed record CountdownTrace(
    Puzzle Puzzle, TraceStyle Style, string Completion, IReadOnlyList<TraceSpan> Spans, IReadOnlyList<TextRange> Mask)
{
    /// <summary>The text before the answer.</summary>
    public string Prompt => Puzzle.Prompt;

    /// <summary>Attempts that fail.</summary>
    public int FailedAttempts { get; init; }

    /// <summary>What is wrong with the step that is taken back; null where none is.</summary>
    public StepError? Error { get; init; }

    /// <summary>The answer's tokens in <see cref="CountdownVocabulary"/>, without the end token.</summary>
    public IReadOnlyList<int> Tokens { get; init; } = [];
}
