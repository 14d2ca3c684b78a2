using System.Globalization;
using System.Text;

namespace NativeSteer.Hooks;

/// <summary>Sets of layers as people write them: <c>10</c>, <c>8-12</c>, <c>0,4,8-12</c>, <c>all</c>.</summary>
public static class LayerList
{
    /// <summary>Reads a list, ascending and without duplicates.</summary>
    /// <param name="text">The list.</param>
    /// <param name="layers">Number of layers of the model.</param>
    /// <exception cref="NativeSteerException">The text is malformed or names a layer the model does not have.</exception>
    public static int[] Parse(string text, int layers)
    {
        if (string.Equals(text.Trim(), "all", StringComparison.Ordinal)) return [.. Enumerable.Range(0, layers)];
        var set = new SortedSet<int>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var ends = part.Split('-');
            if (ends.Length > 2 || !int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
                || !int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var last) || last < first)
            {
                throw new NativeSteerException($"'{text}' is no list of layers; write for example 10, 8-12, 0,4,8-12 or all.");
            }
            if (last >= layers) throw new NativeSteerException($"Layer {last} was asked for, the model has {layers} (0-{layers - 1}).");
            for (var layer = first; layer <= last; layer++) set.Add(layer);
        }
        return [.. set];
    }

    /// <summary>Writes a list: runs as ranges.</summary>
    public static string Format(IEnumerable<int> layers)
    {
        var text = new StringBuilder();
        int? first = null, last = null;
        foreach (var layer in layers.Distinct().Order())
        {
            if (last is { } l && layer == l + 1)
            {
                last = layer;
                continue;
            }
            Close();
            first = last = layer;
        }
        Close();
        return text.Length == 0 ? "none" : text.ToString();

        void Close()
        {
            if (first is null) return;
            if (text.Length > 0) text.Append(',');
            text.Append(first);
            if (last > first) text.Append('-').Append(last);
        }
    }
}
