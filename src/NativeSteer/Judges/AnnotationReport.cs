using NativeSteer.Extraction;
using NativeSteer.Files;

namespace NativeSteer.Judges;

/// <summary>Counts over annotations: what was labelled, and what could not be.</summary>
public sealed class AnnotationReport
{
    private const int ShownTraces = 2, ShownLength = 120;

    private readonly Dictionary<string, int> _spans = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _unknown = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _failures = new(StringComparer.Ordinal);
    private readonly List<string> _beginnings = [];

    /// <summary>Traces judged, with labels or not.</summary>
    public int Traces { get; private set; }

    /// <summary>Traces that could not be judged.</summary>
    public int Unlabelled { get; private set; }

    /// <summary>Segments of the judge that the traces do not hold.</summary>
    public int NotFound { get; private set; }

    /// <summary>Segments found that differ from the trace in white space alone.</summary>
    public int OtherWhiteSpace { get; private set; }

    /// <summary>Sentences of the traces that were judged.</summary>
    public int Sentences { get; private set; }

    /// <summary>Those of them that have a label: one whose spans cover more than half of the sentence.</summary>
    public int LabelledSentences { get; private set; }

    /// <summary>Labelled stretches by label.</summary>
    public IReadOnlyDictionary<string, int> Spans => _spans;

    /// <summary>Labels that the judge made up, with how often.</summary>
    public IReadOnlyDictionary<string, int> UnknownLabels => _unknown;

    /// <summary>Why traces could not be judged, with how many.</summary>
    public IReadOnlyDictionary<string, int> Failures => _failures;

    /// <summary>Counts one more.</summary>
    public void Add(Annotation annotation)
    {
        ArgumentNullException.ThrowIfNull(annotation);
        NotFound += annotation.NotFound.Count;
        foreach (var label in annotation.UnknownLabels) Count(_unknown, label);
        if (annotation.Failure is { } failure)
        {
            Traces++;
            Unlabelled++;
            Count(_failures, failure);
            return;
        }
        OtherWhiteSpace += annotation.OtherWhiteSpace;
        Add(annotation.Trace);
    }

    /// <summary>Counts a trace that was judged before.</summary>
    public void Add(LabelledTrace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        Traces++;
        foreach (var span in trace.Spans) Count(_spans, span.Label);
        foreach (var sentence in JudgedSentence.All(trace))
        {
            Sentences++;
            if (sentence.Labels.Any()) LabelledSentences++;
        }
        if (_beginnings.Count < ShownTraces) _beginnings.Add($"\"{FileErrors.Printable(trace.Text, ShownLength)}\" ({trace.Place})");
    }

    /// <summary>Throws when no stretch has the label: then there is nothing to make a vector of.</summary>
    /// <param name="label">The label.</param>
    /// <param name="lookedFor">What was looked for, e.g. <c>the words wait,hmm</c>.</param>
    /// <exception cref="NativeSteerException">The label does not occur; the message shows the beginnings of two traces.</exception>
    public void RequireLabel(string label, string lookedFor)
    {
        if (_spans.ContainsKey(label)) return;
        var traces = Traces == 1 ? "the one trace" : $"any of {Traces} traces";
        var shown = _beginnings.Count == 0 ? "" : $" They begin: {string.Join(", ", _beginnings)}.";
        throw new NativeSteerException(
            $"No sentence of {traces} is '{FileErrors.Printable(label)}'; looked for {lookedFor}. Give other words, another judge, or traces that show it.{shown}");
    }

    private static void Count(Dictionary<string, int> counts, string name) => counts[name] = counts.GetValueOrDefault(name) + 1;
}
