namespace NativeSteer.Judges;

/// <summary>Where a segment stands in a text.</summary>
/// <param name="From">Its first code point; -1 when the text does not hold it.</param>
/// <param name="To">The first code point after it.</param>
/// <param name="IsExact">Whether it agrees with the text in white space too.</param>
public readonly record struct SegmentPlace(int From, int To, bool IsExact)
{
    /// <summary>Whether the text holds the segment.</summary>
    public bool IsFound => From >= 0;
}

/// <summary>
/// Finds the segments of an annotation in the text they were taken from, in order and without overlap. White space may differ, also where
/// the text has none; nothing else may. Of all ways to place them the one is taken that covers most of the text: a segment that the judge
/// made up, or a short one that occurs again later, does not push the others out of their places.
/// </summary>
public static class SegmentFinder
{
    private sealed record Chain(int Segment, int From, Chain? Before);

    /// <summary>The place of each segment.</summary>
    public static SegmentPlace[] Find(string text, IReadOnlyList<string> segments)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(segments);
        var (squeezed, origins) = Squeeze(text);
        var wanted = segments.Select(segment => Squeeze(segment).Text).ToArray();
        var places = new SegmentPlace[segments.Count];
        Array.Fill(places, new SegmentPlace(-1, -1, false));
        var before = CodePoints.Before(text);
        for (var chain = LongestChain(squeezed, wanted); chain is not null; chain = chain.Before)
        {
            var (from, to) = (origins[chain.From], origins[chain.From + wanted[chain.Segment].Length - 1] + 1);
            var isExact = text.AsSpan(from, to - from).SequenceEqual(segments[chain.Segment].AsSpan().Trim());
            places[chain.Segment] = new SegmentPlace(before[from], before[to], isExact);
        }
        return places;
    }

    // best[p]: the most characters that the segments so far cover before position p, and the last of the segments placed for it.
    private static Chain? LongestChain(string text, string[] segments)
    {
        var best = new (int Covered, Chain? Last)[text.Length + 1];
        var ends = new List<(int End, int Covered, Chain Last)>();
        for (var i = 0; i < segments.Length; i++)
        {
            var length = segments[i].Length;
            if (length == 0) continue;
            ends.Clear();
            for (var at = text.IndexOf(segments[i], StringComparison.Ordinal); at >= 0; at = Next(text, segments[i], at))
                ends.Add((at + length, best[at].Covered + length, new Chain(i, at, best[at].Last)));
            foreach (var (end, covered, last) in ends)
            {
                // best never falls along the text, so the first place that is no worse ends it. Of equal ones the earlier stays.
                for (var p = end; p <= text.Length && best[p].Covered < covered; p++) best[p] = (covered, last);
            }
        }
        return best[text.Length].Last;
    }

    private static int Next(string text, string segment, int at) =>
        at + 1 < text.Length ? text.IndexOf(segment, at + 1, StringComparison.Ordinal) : -1;

    // The text without white space, and where each character of it stands.
    private static (string Text, int[] Origins) Squeeze(string text)
    {
        var origins = new int[text.Length];
        var count = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsWhiteSpace(text[i])) origins[count++] = i;
        }
        return (string.Create(count, (text, origins), static (characters, source) =>
        {
            for (var i = 0; i < characters.Length; i++) characters[i] = source.text[source.origins[i]];
        }), origins);
    }
}
