using System.Text;
using System.Text.RegularExpressions;
using NativeSteer.Extraction;

namespace NativeSteer.Judges;

/// <summary>A stretch of an annotation.</summary>
/// <param name="Labels">Its behaviours, mostly one; none where the judge made up all of its labels.</param>
/// <param name="Text">What it says of the trace, as the judge wrote it.</param>
public sealed record AnnotatedSegment(IReadOnlyList<string> Labels, string Text);

/// <summary>
/// The papers' form of an annotated trace (Venhoff et al. 2025, Ward et al. 2025): <c>["label"] text ["end-section"]</c>, segment after
/// segment; several labels as <c>["one", "two"] text</c> or <c>["one"]["two"] text</c>.
/// </summary>
/// <param name="Segments">The segments in order.</param>
/// <param name="UnknownLabels">Labels that are none of those asked for, each as often as it came.</param>
public sealed partial record BracketedAnnotation(IReadOnlyList<AnnotatedSegment> Segments, IReadOnlyList<string> UnknownLabels)
{
    /// <summary>What closes a segment.</summary>
    public const string End = "end-section";

    /// <summary>
    /// Reads what a judge wrote. Judges vary: a label may have other case, spaces or underscores in it, curly quotes or none, white space
    /// around it; a segment whose end is missing ends at the next label; what stands outside segments is overlooked. Brackets that
    /// belong to the trace are left in it: inside a segment a quoted word that is no known label closes nothing.
    /// </summary>
    /// <param name="answer">The annotation, or any text.</param>
    /// <param name="labels">The labels that may come; null for the six behaviours and <c>other</c>.</param>
    public static BracketedAnnotation Parse(string answer, IEnumerable<string>? labels = null)
    {
        ArgumentNullException.ThrowIfNull(answer);
        var known = (labels ?? [.. Behaviours.All, Behaviours.Other]).ToHashSet(StringComparer.Ordinal);
        var segments = new List<AnnotatedSegment>();
        var unknown = new List<string>();
        List<string>? open = null; // labels of the segment being read
        var textStart = 0;
        var tags = Tag().Matches(answer).ToList();
        var quotes = tags.Exists(tag => Names(tag).Any(known.Contains) && IsQuoted(tag)); // else labels without quotes count
        foreach (var tag in tags)
        {
            var names = Names(tag);
            var isEnd = names is [End];
            var isKnown = Array.Exists(names, known.Contains);
            if (quotes && !IsQuoted(tag)) continue;
            if (!isEnd && !isKnown && (!IsQuoted(tag) || open is not null)) continue;
            if (open is not null && !isEnd && answer.AsSpan(textStart, tag.Index - textStart).IsWhiteSpace())
            {
                Name(names, open); // a second label of the same segment
            }
            else
            {
                Close(tag.Index);
                if (!isEnd) Name(names, open = []);
            }
            textStart = tag.Index + tag.Length;
        }
        Close(answer.Length);
        return new BracketedAnnotation(segments, unknown);

        void Name(string[] names, List<string> into)
        {
            foreach (var name in names)
            {
                if (!known.Contains(name)) unknown.Add(name);
                else if (!into.Contains(name)) into.Add(name);
            }
        }

        void Close(int textEnd)
        {
            if (open is not null && answer[textStart..textEnd].Trim() is { Length: > 0 } text) segments.Add(new AnnotatedSegment(open, text));
            open = null;
        }
    }

    /// <summary>The segments as spans of the text they are of, in the order of the text.</summary>
    /// <returns>The spans, the segments that the text does not hold, and how many were found with other white space.</returns>
    public (IReadOnlyList<TraceSpan> Spans, IReadOnlyList<string> NotFound, int OtherWhiteSpace) PlaceIn(string text)
    {
        var places = SegmentFinder.Find(text, [.. Segments.Select(segment => segment.Text)]);
        var spans = new List<TraceSpan>();
        var notFound = new List<string>();
        var otherWhiteSpace = 0;
        foreach (var (segment, place) in Segments.Zip(places))
        {
            if (!place.IsFound)
            {
                notFound.Add(segment.Text);
                continue;
            }
            if (!place.IsExact) otherWhiteSpace++;
            foreach (var label in segment.Labels) spans.Add(new TraceSpan(label, place.From, place.To));
        }
        return (spans, notFound, otherWhiteSpace);
    }

    /// <summary>
    /// Writes spans of a text in this form, a segment a line, stretches without label left out. Spans that have the same ends are one segment with
    /// several labels.
    /// </summary>
    /// <param name="trace">The trace with spans in code points.</param>
    public static string Write(LabelledTrace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        if (trace.Unit != SpanUnit.CodePoints) throw new ArgumentException("The spans count tokens.", nameof(trace));
        var starts = CodePoints.Starts(trace.Text);
        var result = new StringBuilder();
        foreach (var segment in trace.Spans.GroupBy(span => (span.From, span.To)).OrderBy(group => group.Key))
        {
            var names = string.Join(", ", segment.Select(span => $"\"{span.Label}\"").Distinct(StringComparer.Ordinal));
            if (result.Length > 0) result.Append('\n');
            result.Append('[').Append(names).Append("] ").Append(trace.Text, starts[segment.Key.From], starts[segment.Key.To] - starts[segment.Key.From])
                .Append(" [\"").Append(End).Append("\"]");
        }
        return result.ToString();
    }

    private static bool IsQuoted(Match tag) => tag.Groups["quoted"].Success;

    private static string[] Names(Match tag) => [.. tag.Groups[IsQuoted(tag) ? "quoted" : "plain"].Captures.Select(name => Normalized(name.Value))];

    // "Adding knowledge" and "adding_knowledge" are adding-knowledge.
    private static string Normalized(string name) => name.Trim().ToLowerInvariant().Replace(' ', '-').Replace('_', '-');

    [GeneratedRegex(
        """\[\s*(?:["“”'‘’](?<quoted>[\p{L}\d _-]{1,60})["“”'‘’](?:\s*,\s*["“”'‘’](?<quoted>[\p{L}\d _-]{1,60})["“”'‘’])*|(?<plain>[\p{L} _-]{4,60}))\s*\]""",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Tag();
}
