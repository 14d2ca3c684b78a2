using NativeSteer.Files;

namespace NativeSteer.Extraction;

/// <summary>
/// A control for a label: as many spans as have it, drawn at random from all spans. A vector made of them has the same amount of
/// data, positions and texts, and no behaviour in common.
/// </summary>
public static class LabelShuffle
{
    /// <summary>The traces with spans of one more label, which lie on randomly drawn spans of the traces.</summary>
    /// <param name="traces">The traces.</param>
    /// <param name="label">How many spans are drawn: as many as have this label.</param>
    /// <param name="shuffled">The name of the drawn spans' label.</param>
    /// <param name="seed">Decides which are drawn; a seed always draws the same.</param>
    public static IReadOnlyList<LabelledTrace> Add(IReadOnlyList<LabelledTrace> traces, string label, string shuffled, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(traces);
        (int Trace, TraceSpan Span)[] spans = [.. traces.SelectMany((trace, i) => trace.Spans.Select(span => (i, span)))];
        var count = spans.Count(each => each.Span.Label == label);
        new StableRandom(seed).Shuffle<(int, TraceSpan)>(spans);
        var drawn = spans.Take(count).ToLookup(each => each.Trace, each => each.Span with { Label = shuffled });
        return [.. traces.Select((trace, i) => drawn[i].Any() ? trace with { Spans = [.. trace.Spans, .. drawn[i].OrderBy(span => span.From)] } : trace)];
    }
}
