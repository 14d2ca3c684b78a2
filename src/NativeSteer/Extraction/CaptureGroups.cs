namespace NativeSteer.Extraction;

/// <summary>
/// The numbering of groups in the sums of labelled traces: one group for each label at each offset, and, where asked for,
/// a last one for all tokens of the texts.
/// </summary>
public sealed class CaptureGroups
{
    private readonly Dictionary<string, int> _index;

    /// <summary>Numbers these labels, in ordinal order whatever order they come in, so that parts of a run agree.</summary>
    /// <param name="labels">The labels; duplicates are dropped.</param>
    /// <param name="offsets">The rows that stand for a span.</param>
    /// <param name="allTokens">Whether all tokens are summed as well.</param>
    public CaptureGroups(IEnumerable<string> labels, OffsetRange offsets, bool allTokens)
    {
        Labels = [.. labels.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        Offsets = offsets;
        _index = Labels.Select((label, i) => (label, i)).ToDictionary(x => x.label, x => x.i, StringComparer.Ordinal);
        AllTokens = allTokens ? Labels.Count * offsets.Count : -1;
        Count = Labels.Count * offsets.Count + (allTokens ? 1 : 0);
    }

    /// <summary>The labels, in ordinal order.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>The rows that stand for a span.</summary>
    public OffsetRange Offsets { get; }

    /// <summary>The group of all tokens, or -1.</summary>
    public int AllTokens { get; }

    /// <summary>Number of groups.</summary>
    public int Count { get; }

    /// <summary>Whether any span has this label.</summary>
    public bool Has(string label) => _index.ContainsKey(label);

    /// <summary>The group of a label at an offset.</summary>
    public int Of(string label, int offset) => _index[label] * Offsets.Count + offset - Offsets.First;

    /// <summary>The groups of some labels, at one offset or at all of them.</summary>
    public int[] Of(IEnumerable<string> labels, int? offset = null) => Of(labels, offset is { } one ? OffsetRange.Window(one, one) : Offsets);

    /// <summary>The groups of some labels at the offsets of a window.</summary>
    /// <exception cref="NativeSteerException">The window reaches beyond the offsets that were captured.</exception>
    public int[] Of(IEnumerable<string> labels, OffsetRange window)
    {
        if (window.First < Offsets.First || window.Last > Offsets.Last || window.IsSpan != Offsets.IsSpan)
            throw new NativeSteerException($"The offsets {window} were asked for, the sums hold {Offsets}; capture them with --offsets.");
        return [.. from label in labels from offset in Enumerable.Range(window.First, window.Count) select Of(label, offset)];
    }

    /// <summary>Labels the rows of a trace.</summary>
    /// <returns>The labelled tokens, and how many rows the windows would have reached outside the trace.</returns>
    internal (LabelledTokens Text, int Skipped) Label(TokenizedTrace trace)
    {
        var labels = new List<RowGroup>();
        var skipped = 0;
        if (AllTokens >= 0)
        {
            for (var row = trace.TextRow; row < trace.Tokens.Length; row++) labels.Add(new RowGroup(row, AllTokens));
        }
        foreach (var (label, start, end) in trace.Spans)
        {
            if (Offsets.IsSpan)
            {
                for (var row = Math.Max(start, trace.FirstRow); row < end; row++) labels.Add(new RowGroup(row, Of(label, 0)));
                continue;
            }
            for (var offset = Offsets.First; offset <= Offsets.Last; offset++)
            {
                var row = start + offset;
                if (row >= trace.FirstRow && row < trace.Tokens.Length) labels.Add(new RowGroup(row, Of(label, offset)));
                else skipped++;
            }
        }
        return (new LabelledTokens(trace.Tokens, [.. labels.OrderBy(label => label.Row)]), skipped);
    }
}
