using NativeSteer.Training;

namespace NativeSteer.Countdown;

/// <summary>
/// The pieces of text that are tokens of <see cref="CountdownVocabulary"/> besides bytes and numbers, in the order of their
/// ids. New ones go to the end of the last list: the files of models keep their own vocabulary, but a model that is trained
/// further must find its words where they were.
/// </summary>
/// <remarks>
/// The tokenizer takes the longest piece that fits, and numbers stand without a leading space. So a comma has its space with
/// it (as in the prompt's list of numbers), words after a comma have none, and a word before a number brings its own trailing
/// space: <c>26| is not |24|.</c> A piece with a trailing space is used before numbers only.
/// </remarks>
internal static class CountdownPieces
{
    internal const string GoalReached = "Goal Reached!", GoalNotReached = "Goal not reached.", Backtrack = TrainingRow.Backtrack;

    /// <summary>The prompt and the ends of answers.</summary>
    internal static IReadOnlyList<string> Frame { get; } =
    [
        Puzzle.PromptStart, Puzzle.PromptSeparator, Puzzle.PromptTarget, Puzzle.PromptEnd, GoalReached, GoalNotReached,
    ];

    /// <summary>What stands before a number.</summary>
    internal static IReadOnlyList<string> BeforeNumbers { get; } =
    [
        "We need ", " We need ", " we need ", "The target is ", " The target is ", " at ", " to ", " is not ", ", not ",
        "Note that ", " Note that ", "That gives ", " That gives ",
    ];

    /// <summary>Words of sentences as they begin: the first of a line, after a comma, and after a space.</summary>
    internal static IReadOnlyList<string> Words { get; } =
    [
        .. Everywhere("wait", "hmm", "Wait", "Hmm", "No", "So", "But", "Maybe", "Perhaps", "Try", "Let me", "That", "This", "It", "First",
            "Not", "Now", "Actually", "Alternatively", "Okay"),
        .. Everywhere("try", "let me", "that", "this", "it", "go", "start", "look", "but", "so", "not", "no", "maybe", "again"),
        .. Spaced("is", "too", "large", "small", "far", "out", "of", "reach", "does", "lead", "another", "something", "else", "way", "work",
            "works", "back", "over", "wrong", "right", "good", "see", "think", "sure", "and", "or", "with", "use", "then", "cannot"),
        Backtrack,
    ];

    /// <summary>Each both at the beginning of a line, or after a comma, and after a space.</summary>
    private static IEnumerable<string> Everywhere(params string[] words) => words.SelectMany(word => new[] { word, " " + word });

    private static IEnumerable<string> Spaced(params string[] words) => words.Select(word => " " + word);
}
