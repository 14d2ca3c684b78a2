using System.Globalization;

namespace NativeSteer.Hooks;

/// <summary>
/// Positions of a sequence that an intervention acts on: from start (inclusive) to end (exclusive), counted from the
/// sequence's first token or from its first generated token, within the prompt, the generated part, or both.
/// </summary>
public readonly record struct PositionRange
{
    private enum Part
    {
        All,
        Prompt,
        Generated,
    }

    private readonly Part _part;
    private readonly int _start;
    private readonly int _length; // 0: without end

    private PositionRange(Part part, int start = 0, int length = 0)
    {
        _part = part;
        _start = start;
        _length = length;
    }

    /// <summary>Every position.</summary>
    public static PositionRange All => default;

    /// <summary>The prompt's tokens.</summary>
    public static PositionRange Prompt => new(Part.Prompt);

    /// <summary>The generated tokens. The first one was picked from the last prompt token's row, which is not among them.</summary>
    public static PositionRange Generated => new(Part.Generated);

    /// <summary>Positions from this one of the sequence on.</summary>
    public static PositionRange From(int start) => Window(start, null);

    /// <summary>Positions start to end - 1 of the sequence.</summary>
    public static PositionRange Window(int start, int? end) => new(Part.All, start, Length(start, end));

    /// <summary>The generated tokens start to end - 1, the first being 0.</summary>
    public static PositionRange GeneratedWindow(int start, int? end) => new(Part.Generated, start, Length(start, end));

    /// <summary>Whether a position is in the range, in a sequence whose prompt has promptLength tokens.</summary>
    public bool Contains(int position, int promptLength)
    {
        if (_part == Part.Prompt) return position < promptLength;
        var from = (_part == Part.Generated ? promptLength : 0) + _start;
        return position >= from && (_length == 0 || position - from < _length);
    }

    /// <summary>Whether any position before this one is in the range.</summary>
    internal bool ActsBefore(int position, int promptLength)
    {
        var first = (_part == Part.Generated ? promptLength : 0) + _start;
        return first < position;
    }

    /// <summary>Reads <c>all</c>, <c>prompt</c>, <c>generated</c>, <c>N:</c>, <c>A:B</c>, <c>generated:N:</c> or <c>generated:A:B</c>.</summary>
    /// <exception cref="NativeSteerException">The text is none of these.</exception>
    public static PositionRange Parse(string text)
    {
        switch (text)
        {
            case "all": return All;
            case "prompt": return Prompt;
            case "generated": return Generated;
        }
        const string generated = "generated:";
        var window = text.StartsWith(generated, StringComparison.Ordinal) ? text[generated.Length..] : text;
        var parts = window.Split(':');
        if (parts.Length == 2
            && int.TryParse(parts[0].Length == 0 ? "0" : parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var start)
            && (parts[1].Length == 0 || int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out _)))
        {
            int? end = parts[1].Length == 0 ? null : int.Parse(parts[1], CultureInfo.InvariantCulture);
            if (end is null || end > start) return window.Length < text.Length ? GeneratedWindow(start, end) : Window(start, end);
        }
        throw new NativeSteerException($"'{text}' is no range of positions; use all, prompt, generated, 'A:B' or 'A:' (from the first token), or 'generated:A:B'.");
    }

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public override string ToString() => _part switch
    {
        Part.Prompt => "prompt",
        Part.Generated when _start == 0 && _length == 0 => "generated",
        Part.All when _start == 0 && _length == 0 => "all",
        _ => (_part == Part.Generated ? "generated:" : "") + _start + ":" + (_length == 0 ? "" : (_start + _length).ToString(CultureInfo.InvariantCulture)),
    };

    private static int Length(int start, int? end)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        if (end is not { } e) return 0;
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(e, start, nameof(end));
        return e - start;
    }
}
