using NativeSteer.Extraction;

namespace NativeSteer.Countdown;

/// <summary>A sentence in the pieces that are its tokens, e.g. <c>Wait|, |try| another| way|.</c></summary>
/// <remarks><c>{r}</c> stands for the last result and <c>{t}</c> for the target.</remarks>
internal sealed class Phrase
{
    private Phrase(string[] pieces) => Pieces = pieces;

    internal IReadOnlyList<string> Pieces { get; }

    internal static Phrase[] All(params string[] sentences) => [.. sentences.Select(sentence => new Phrase(sentence.Split('|')))];
}

/// <summary>What a trace says besides its steps, by the behaviour that it shows (Venhoff et al. 2025).</summary>
internal static class Phrases
{
    internal static Phrase[] Openings { get; } = Phrase.All(
        "We need |{t}|.",
        "First|, |look| at |{t}|.",
        "The target is |{t}|.",
        "So|, |try| this|.",
        "Let me| see|.",
        "Let me| look| at |{t}|.");

    /// <summary>After a first opening.</summary>
    internal static Phrase[] SecondOpenings { get; } = Phrase.All("Let me| see|.", "Let me| think|.", "Try| this|.", "First|, |try| this|.");

    internal static Phrase[] TooLarge { get; } = Phrase.All("{r}| is| too| large|.");

    internal static Phrase[] TooSmall { get; } = Phrase.All("{r}| is| too| small|.");

    /// <summary>A whole attempt gave something else.</summary>
    internal static Phrase[] Missed { get; } = Phrase.All("{r}| is not |{t}|.", "That gives |{r}|, not |{t}|.");

    /// <summary>What is left cannot give the target.</summary>
    internal static Phrase[] Hopeless { get; } = Phrase.All(
        "{r}| is| too| far|.",
        "That| does| not| lead| to |{t}|.",
        "{t}| is| out| of| reach|.");

    /// <summary>The last result is the target, with numbers left that spoil it; "60 is too far" from 60 would be nonsense.</summary>
    internal static Phrase[] HopelessAtTarget { get; } = Phrase.All("That| does| not| work|.");

    /// <summary>Each has a word that counts as backtracking: wait or hmm.</summary>
    internal static Phrase[] Backtrackings { get; } = Phrase.All(
        "Wait|, |try| another| way|.",
        "Hmm|, |that| does| not| work|.",
        "Hmm|, not |that| way|.",
        "Wait|, |let me| go| back|.",
        "No|, |wait|, |start| over|.",
        "Wait|, |that| is| wrong|.",
        "Hmm|, |try| something| else|.",
        "But| wait|, |try| again|.",
        "So|, |hmm|, |go| back|.",
        "Wait|, |start| again|.",
        "Hmm|, |let me| try| again|.",
        "Let me| wait| and| think|.");

    internal static Phrase[] Uncertain { get; } = Phrase.All("Maybe| this| works|.", "Perhaps| this| way|.", "Not| sure|, |but| try|.");

    /// <summary>All of them, each once.</summary>
    internal static IEnumerable<Phrase> Everything =>
        [.. Openings, .. SecondOpenings, .. TooLarge, .. TooSmall, .. Missed, .. Hopeless, .. HopelessAtTarget, .. Backtrackings, .. Uncertain];
}
