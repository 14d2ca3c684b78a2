using System.Text;
using NativeSteer.Engine;

namespace NativeSteer.Extraction;

/// <summary>Which bytes of a text each of its tokens spells, so that spans of characters become spans of tokens.</summary>
/// <remarks>
/// Pieces mostly join to the text. Known exceptions: SentencePiece vocabularies put a space before it, some special tokens
/// swallow the spaces beside them, unknown characters have no piece. There the pieces are looked for a little further on.
/// </remarks>
internal sealed class TokenAlignment
{
    private const int Reach = 64;               // bytes looked ahead for a piece that is not where the last one ended
    private const double MostUnmatched = 0.25;  // of the text's bytes; more means the tokens are of another text

    private readonly int[] _anchors; // (tokens), ascending: byte of the text that decides where the token belongs
    private readonly int[] _starts;  // (tokens), ascending: first byte of the text that the token spells

    private TokenAlignment(int[] starts, int[] anchors)
    {
        _starts = starts;
        _anchors = anchors;
    }

    /// <summary>Aligns tokens with the text they were made of, or that was made of them.</summary>
    /// <returns>Null where the tokens spell another text.</returns>
    internal static TokenAlignment? Find(Vocabulary vocabulary, ReadOnlySpan<byte> text, ReadOnlySpan<int> tokens)
    {
        var starts = new int[tokens.Length];
        var anchors = new int[tokens.Length];
        int at = 0, matched = 0;
        for (var i = 0; i < tokens.Length; i++)
        {
            ReadOnlySpan<byte> piece = vocabulary.Piece(tokens[i], special: true);
            var place = Place(text, at, ref piece);
            if (place < 0)
            {
                starts[i] = anchors[i] = at;
                continue;
            }
            starts[i] = place;
            // A word's token mostly begins with the space before it, and spans mostly begin with the word.
            anchors[i] = place + LeadingSpaces(piece);
            matched += piece.Length;
            at = place + piece.Length;
        }
        return matched >= (1 - MostUnmatched) * text.Length ? new TokenAlignment(starts, anchors) : null;
    }

    /// <summary>
    /// The tokens of a span of bytes: those whose first byte that is no space lies in it. A span inside one token is that token.
    /// </summary>
    /// <returns>First token and the one after the last; at least one token where there are any.</returns>
    internal (int Start, int End) Tokens(int fromByte, int toByte)
    {
        var start = FirstAtOrAfter(_anchors, fromByte);
        var end = FirstAtOrAfter(_anchors, toByte);
        if (start < end) return (start, end);
        var inside = Math.Max(0, FirstAtOrAfter(_starts, fromByte + 1) - 1);
        return (inside, inside + 1);
    }

    /// <summary>The first token that belongs to the text from this byte on; the number of tokens where there is none.</summary>
    internal int FirstFrom(int fromByte) => FirstAtOrAfter(_anchors, fromByte);

    /// <summary>The byte at which a code point of a text starts, for all positions 0 to length (the end included).</summary>
    internal static int[] ByteOffsets(string text)
    {
        var offsets = new List<int>(text.Length + 1) { 0 };
        foreach (var rune in text.EnumerateRunes()) offsets.Add(offsets[^1] + rune.Utf8SequenceLength);
        return [.. offsets];
    }

    // Where the piece stands in the text from a byte on, or -1. Trims from the piece what the text lacks.
    private static int Place(ReadOnlySpan<byte> text, int at, ref ReadOnlySpan<byte> piece)
    {
        var rest = text[at..];
        if (rest.StartsWith(piece)) return at;
        if (piece.Length > 1 && piece[0] == ' ' && rest.StartsWith(piece[1..]))
        {
            piece = piece[1..];
            return at;
        }
        // A space alone that the text lacks, as SentencePiece adds one, must not run ahead to the text's next space.
        if (piece.IndexOfAnyExcept((byte)' ') < 0) return -1;
        var ahead = rest[..Math.Min(rest.Length, Reach + piece.Length)].IndexOf(piece);
        return ahead < 0 ? -1 : at + ahead;
    }

    private static int LeadingSpaces(ReadOnlySpan<byte> piece) => Math.Max(0, piece.IndexOfAnyExcept((byte)' '));

    private static int FirstAtOrAfter(int[] ascending, int value)
    {
        var index = Array.BinarySearch(ascending, value);
        if (index < 0) return ~index;
        while (index > 0 && ascending[index - 1] == value) index--; // tokens without bytes share a place with the next one
        return index;
    }
}
