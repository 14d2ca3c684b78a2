using System.Globalization;

namespace NativeSteer.Extraction;

/// <summary>
/// Which rows of a trace stand for a span: a window of offsets from its first token, both ends included, or the span's own
/// tokens.
/// </summary>
/// <remarks>
/// Offset o of a span that starts at token s is row s + o: <c>-13:-8</c> are the 6 rows from 13 to 8 tokens before the span
/// (Ward et al., arXiv 2507.12638, section 3). Rows before the first token of prompt and text, or after the last, are left
/// out; nothing wraps around to the other end, and the begin-of-text token, whose residual is like no other, is no row.
/// A row that two spans of one label reach counts twice, as in the authors' lists of positions.
/// </remarks>
public readonly record struct OffsetRange
{
    private const int Farthest = 4096; // tokens from the span: far beyond any effect, and keeps a typing error from filling memory

    private OffsetRange(int first, int last, bool isSpan)
    {
        First = first;
        Last = last;
        IsSpan = isSpan;
    }

    /// <summary>The window of Ward et al.: 13 to 8 tokens before the span.</summary>
    public static OffsetRange Paper { get; } = Window(-13, -8);

    /// <summary>All tokens of the span itself.</summary>
    public static OffsetRange Span { get; } = new(0, 0, isSpan: true);

    /// <summary>The smallest offset; 0 for <see cref="Span"/>.</summary>
    public int First { get; }

    /// <summary>The largest offset, included; 0 for <see cref="Span"/>.</summary>
    public int Last { get; }

    /// <summary>Whether the span's own tokens are meant.</summary>
    public bool IsSpan { get; }

    /// <summary>Number of offsets; 1 for <see cref="Span"/>, whose rows are summed together.</summary>
    public int Count => Last - First + 1;

    /// <summary>The offsets <paramref name="first"/> to <paramref name="last"/>, both included.</summary>
    /// <exception cref="NativeSteerException">The window is reversed or reaches further than 4096 tokens.</exception>
    public static OffsetRange Window(int first, int last)
    {
        if (first > last)
            throw new NativeSteerException($"The offsets {first}:{last} are reversed; the smaller one comes first, as in -13:-8.");
        if (first < -Farthest || last > Farthest)
            throw new NativeSteerException($"The offsets {first}:{last} reach too far; they may go from -{Farthest} to {Farthest}.");
        return new OffsetRange(first, last, isSpan: false);
    }

    /// <summary>Reads <c>-13:-8</c>, a single offset such as <c>-5</c>, or <c>span</c>.</summary>
    /// <exception cref="NativeSteerException">The text is none of these.</exception>
    public static OffsetRange Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = text.Split(':', StringSplitOptions.TrimEntries);
        if (parts is ["span"]) return Span;
        if (parts.Length <= 2 && Number(parts[0], out var first) && Number(parts[^1], out var last)) return Window(first, last);
        throw new NativeSteerException(
            $"'{Files.FileErrors.Printable(text)}' is no range of offsets; write for example -13:-8 (both included), -5, or span.");
    }

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public override string ToString() =>
        IsSpan ? "span"
        : First == Last ? First.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{First}:{Last}");

    private static bool Number(string text, out int value) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
}
