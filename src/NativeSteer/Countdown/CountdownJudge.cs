using System.Text.RegularExpressions;
using NativeSteer.Extraction;
using NativeSteer.Judges;

namespace NativeSteer.Countdown;

/// <summary>
/// Labels answers to puzzles by what they are made of: the steps of an attempt that is followed by <c>Goal Reached!</c> are deduction,
/// those of any other attempt example-testing, and sentences what <see cref="TraceGenerator"/> means by them. A sentence with a
/// keyword is backtracking, whatever else it says; one that is not known is <c>other</c>.
/// </summary>
/// <param name="words">The keywords; null for wait and hmm.</param>
public sealed class CountdownJudge(KeywordSet? words = null) : IJudge
{
    private static readonly (Regex Pattern, string Label)[] s_sentences =
    [
        .. Known(Behaviours.Initializing, Phrases.Openings, Phrases.SecondOpenings),
        .. Known(Behaviours.Deduction, Phrases.TooLarge, Phrases.TooSmall, Phrases.Missed, Phrases.Hopeless, Phrases.HopelessAtTarget),
        .. Known(Behaviours.UncertaintyEstimation, Phrases.Uncertain),
        (new Regex("^Note that .*=.*$", RegexOptions.CultureInvariant), Behaviours.AddingKnowledge),
    ];

    /// <summary>The words that make a sentence backtracking.</summary>
    public KeywordSet Words { get; } = words ?? KeywordSet.Default;

    /// <inheritdoc/>
    public string Name => "countdown";

    /// <inheritdoc/>
    public string Settings => $"words {Words}";

    /// <inheritdoc/>
    public IEnumerable<Annotation> Annotate(
        IReadOnlyList<LabelledTrace> traces, IProgress<JudgeProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(traces);
        for (var i = 0; i < traces.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            yield return Annotate(traces[i]);
            progress?.Report(new JudgeProgress(i + 1, traces.Count));
        }
    }

    private Annotation Annotate(LabelledTrace trace)
    {
        var sentences = Sentences.Split(trace.Text);
        var spans = new List<TraceSpan>();
        for (var i = 0; i < sentences.Count;)
        {
            var end = i;
            while (end < sentences.Count && IsStep(sentences[end])) end++;
            if (end > i)
            {
                var reached = end < sentences.Count && sentences[end].Text.StartsWith(SolutionVerifier.Claim, StringComparison.Ordinal);
                spans.Add(new TraceSpan(reached ? Behaviours.Deduction : Behaviours.ExampleTesting, sentences[i].From, sentences[end - 1].To));
                i = end;
                continue;
            }
            if (LabelOf(sentences[i]) is { } label) spans.Add(sentences[i].Labelled(label));
            i++;
        }
        return sentences.Count == 0 ? Annotation.Failed(trace, Annotation.NoText) : new Annotation(Annotation.Judged(trace, spans));
    }

    // The claim at the end is no behaviour.
    private string? LabelOf(Sentence sentence)
    {
        if (Words.Find(sentence.Text).Any(word => word.IsKeyword)) return Behaviours.Backtracking;
        if (sentence.Text is SolutionVerifier.Claim or CountdownPieces.GoalNotReached) return null;
        foreach (var (pattern, label) in s_sentences)
        {
            if (pattern.IsMatch(sentence.Text)) return label;
        }
        return Behaviours.Other;
    }

    private static bool IsStep(Sentence sentence) => StepLine.Parse(sentence.Text) is not null || StepLine.LooksLikeOne(sentence.Text);

    private static IEnumerable<(Regex, string)> Known(string label, params Phrase[][] phrases) => phrases.SelectMany(phrase => phrase).Select(phrase =>
    {
        var text = string.Concat(phrase.Pieces.Select(piece => piece is "{r}" or "{t}" ? "[0-9]+" : Regex.Escape(piece)));
        return (new Regex($"^{text}$", RegexOptions.CultureInvariant), label);
    });
}
