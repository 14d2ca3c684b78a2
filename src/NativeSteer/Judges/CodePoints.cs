using System.Text;

namespace NativeSteer.Judges;

/// <summary>Positions in a .NET string (UTF-16) as positions in code points, in which spans are counted.</summary>
internal static class CodePoints
{
    /// <summary>For each position 0 to length, both included, how many code points stand before it.</summary>
    internal static int[] Before(string text)
    {
        var before = new int[text.Length + 1];
        var (at, count) = (0, 0);
        foreach (var rune in text.EnumerateRunes())
        {
            // Half a pair counts as one, as where spans are read.
            for (var i = 0; i < rune.Utf16SequenceLength; i++) before[at++] = count;
            count++;
        }
        before[text.Length] = count;
        return before;
    }

    /// <summary>For each code point, and for the end, the position in the string at which it starts.</summary>
    internal static int[] Starts(string text)
    {
        var starts = new List<int>(text.Length + 1);
        var at = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            starts.Add(at);
            at += rune.Utf16SequenceLength;
        }
        starts.Add(at);
        return [.. starts];
    }
}
