using NativeSteer.Extraction;
using NativeSteer.Files;

namespace NativeSteer.Judges;

/// <summary>What a judge made of a trace.</summary>
/// <param name="Trace">The trace with the judge's spans, in order, in code points; without spans when it could not be judged.</param>
public sealed record Annotation(LabelledTrace Trace)
{
    internal const string NoText = "it has no text";

    /// <summary>Why the trace has no labels, as a part of a sentence; null when it was judged.</summary>
    public string? Failure { get; init; }

    /// <summary>Segments that the judge gave and the text does not hold, in order.</summary>
    public IReadOnlyList<string> NotFound { get; init; } = [];

    /// <summary>Segments found that differ from the text in white space alone.</summary>
    public int OtherWhiteSpace { get; init; }

    /// <summary>Labels that the judge made up, each as often as it came; their segments are left out.</summary>
    public IReadOnlyList<string> UnknownLabels { get; init; } = [];

    /// <summary>The trace with one label for each of its sentences.</summary>
    /// <param name="trace">The trace; its own spans are left out.</param>
    /// <param name="label">A sentence's label; null for none.</param>
    public static Annotation OfSentences(LabelledTrace trace, Func<Sentence, string?> label)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(label);
        var sentences = Sentences.Split(trace.Text);
        if (sentences.Count == 0) return Failed(trace, NoText);
        var spans = new List<TraceSpan>();
        foreach (var sentence in sentences)
        {
            if (label(sentence) is { } name) spans.Add(sentence.Labelled(name));
        }
        return new Annotation(Judged(trace, spans));
    }

    /// <summary>The trace with the labels of an annotation in the bracketed form; unlabelled when none of its segments is found.</summary>
    public static Annotation OfBracketed(LabelledTrace trace, BracketedAnnotation bracketed)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(bracketed);
        var (spans, notFound, otherWhiteSpace) = bracketed.PlaceIn(trace.Text);
        return new Annotation(Judged(trace, spans))
        {
            NotFound = notFound,
            OtherWhiteSpace = otherWhiteSpace,
            UnknownLabels = bracketed.UnknownLabels,
            Failure = spans.Count > 0 ? null
                : bracketed.Segments.Count == 0 ? "the annotation has no segments"
                : notFound.Count < bracketed.Segments.Count && bracketed.UnknownLabels.Count > 0
                    ? $"all labels of the annotation are unknown ({string.Join(", ", bracketed.UnknownLabels.Distinct(StringComparer.Ordinal).Take(3).Select(label => FileErrors.Printable(label)))})"
                : "no segment of the annotation is in the text",
        };
    }

    /// <summary>The trace put together of its pieces, each judged with positions of its own; unlabelled when one of them is.</summary>
    internal static Annotation OfParts(LabelledTrace trace, IEnumerable<(int From, Annotation Part)> parts)
    {
        var list = parts.ToList();
        var failure = list.Select(part => part.Part.Failure).FirstOrDefault(reason => reason is not null);
        var spans = list.SelectMany(part => part.Part.Trace.Spans.Select(span => new TraceSpan(span.Label, span.From + part.From, span.To + part.From)));
        return new Annotation(Judged(trace, failure is null ? [.. spans] : []))
        {
            Failure = failure,
            NotFound = [.. list.SelectMany(part => part.Part.NotFound)],
            OtherWhiteSpace = list.Sum(part => part.Part.OtherWhiteSpace),
            UnknownLabels = [.. list.SelectMany(part => part.Part.UnknownLabels)],
        };
    }

    /// <summary>A trace that could not be judged.</summary>
    internal static Annotation Failed(LabelledTrace trace, string reason) => new(Judged(trace, [])) { Failure = reason };

    /// <summary>The trace with the spans of a judge, which count code points.</summary>
    internal static LabelledTrace Judged(LabelledTrace trace, IReadOnlyList<TraceSpan> spans) =>
        trace with { Spans = spans, Unit = SpanUnit.CodePoints };
}
