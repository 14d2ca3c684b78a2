using NativeSteer.Extraction;

namespace NativeSteer.Judges;

/// <summary>A sentence that has a word of a set is <c>backtracking</c>, every other one <c>other</c>; so all sentences are in D.</summary>
/// <param name="words">The set; null for wait and hmm.</param>
public sealed class KeywordJudge(KeywordSet? words = null) : IJudge
{
    /// <summary>The words that are looked for.</summary>
    public KeywordSet Words { get; } = words ?? KeywordSet.Default;

    /// <inheritdoc/>
    public string Name => "keyword";

    /// <inheritdoc/>
    public string Settings => $"words {Words}";

    /// <summary>The label of sentences with a word.</summary>
    public string Label { get; init; } = Behaviours.Backtracking;

    /// <summary>The label of all others.</summary>
    public string Otherwise { get; init; } = Behaviours.Other;

    /// <inheritdoc/>
    public IEnumerable<Annotation> Annotate(
        IReadOnlyList<LabelledTrace> traces, IProgress<JudgeProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(traces);
        for (var i = 0; i < traces.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            yield return Annotation.OfSentences(traces[i], sentence => Words.Find(sentence.Text).Any(word => word.IsKeyword) ? Label : Otherwise);
            progress?.Report(new JudgeProgress(i + 1, traces.Count));
        }
    }
}
