using System.Text;

namespace NativeSteer.Engine;

/// <summary>
/// Watches a growing text for the first of several stop strings: the one that is complete first, and of two that end
/// together the longer. Text that could still become a stop string is held back, so that what was released never has to
/// be taken back.
/// </summary>
public sealed class StopStrings
{
    private readonly string[] _stops;
    private readonly StringBuilder _held = new();

    /// <summary>Empty strings are ignored.</summary>
    public StopStrings(IEnumerable<string> stops) => _stops = [.. stops.Where(s => s.Length > 0)];

    /// <summary>The stop string that was met, or null.</summary>
    public string? Met { get; private set; }

    /// <summary>Takes new text and returns what can be released; text from the stop string on is dropped.</summary>
    public string Append(string text)
    {
        if (Met is not null) return "";
        if (_stops.Length == 0) return text;
        _held.Append(text);
        var all = _held.ToString();

        // What is complete first wins, as if the text came letter by letter: so the cuts between tokens change nothing.
        var (first, end) = (0, int.MaxValue);
        foreach (var stop in _stops)
        {
            var at = all.IndexOf(stop, StringComparison.Ordinal);
            if (at < 0 || at + stop.Length > end || (at + stop.Length == end && at > first)) continue;
            (first, end) = (at, at + stop.Length);
            Met = stop;
        }
        if (Met is not null)
        {
            _held.Clear();
            return all[..first];
        }

        var keep = _stops.Max(stop => UnfinishedLength(all, stop));
        _held.Clear().Append(all, all.Length - keep, keep);
        return all[..^keep];
    }

    /// <summary>What was held back, once no more text comes.</summary>
    public string Finish()
    {
        var rest = _held.ToString();
        _held.Clear();
        return rest;
    }

    /// <summary>How many of the last characters of text begin the stop string.</summary>
    private static int UnfinishedLength(string text, string stop)
    {
        for (var length = Math.Min(text.Length, stop.Length - 1); length > 0; length--)
        {
            if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length))) return length;
        }
        return 0;
    }
}
