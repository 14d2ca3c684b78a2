using NativeSteer.Files;

namespace NativeSteer.Extraction;

/// <summary>A word of a text.</summary>
/// <param name="Start">Its first character (UTF-16), punctuation before it left away.</param>
/// <param name="Length">Its length.</param>
/// <param name="IsKeyword">Whether it is in the set that looked for it.</param>
public readonly record struct FoundWord(int Start, int Length, bool IsKeyword);

/// <summary>
/// The set B of words that announce a behaviour (Ward et al. 2025, eq. 1), and the one way words are told apart: texts are
/// split at white space, dashes longer than a hyphen and ellipses, a word is what lies between its first and last letter or digit, and case does not count.
/// </summary>
public sealed class KeywordSet
{
    /// <summary>The paper's set for its main measure: <c>wait</c>, <c>hmm</c>.</summary>
    public static KeywordSet Default { get; } = new("wait", "hmm");

    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _lookup;

    /// <summary>Checks and keeps the words; those that differ in case alone are one.</summary>
    /// <exception cref="NativeSteerException">No word was given, or one that no text can have.</exception>
    public KeywordSet(params IEnumerable<string> words)
    {
        var distinct = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var ordered = new List<string>();
        foreach (var word in words)
        {
            if (Trimmed(word, 0, word.Length).Length != word.Length || word.Length == 0 || word.Any(char.IsWhiteSpace))
            {
                throw new NativeSteerException(
                    $"'{FileErrors.Printable(word)}' is no word that could be counted; give single words such as wait,hmm, without spaces or punctuation around them.");
            }
            if (distinct.Add(word)) ordered.Add(word);
        }
        if (ordered.Count == 0) throw new NativeSteerException("The set of keywords is empty; give words such as wait,hmm.");
        Words = ordered;
        _lookup = distinct.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>The words, as given.</summary>
    public IReadOnlyList<string> Words { get; }

    /// <summary>Reads <c>wait,hmm</c>.</summary>
    /// <exception cref="NativeSteerException">A part of the list is no word.</exception>
    public static KeywordSet Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new KeywordSet(text.Split(',', StringSplitOptions.TrimEntries));
    }

    /// <summary>The words of a text in order. Punctuation that stands alone is no word.</summary>
    public IEnumerable<FoundWord> Find(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        for (var end = 0; end < text.Length;)
        {
            var start = end;
            while (start < text.Length && IsBetweenWords(text, start)) start++;
            end = start;
            while (end < text.Length && !IsBetweenWords(text, end)) end++;
            var (first, length) = Trimmed(text, start, end);
            if (length > 0) yield return new FoundWord(first, length, _lookup.Contains(text.AsSpan(first, length)));
        }
    }

    /// <summary>Whether a token's text holds one of the words as a part, as the paper's logit lens asks (eq. 2).</summary>
    public bool IsPartOf(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Words.Any(word => text.Contains(word, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary><c>wait,hmm</c></summary>
    public override string ToString() => string.Join(',', Words);

    // "Wait—no" and "hmm...wait" are two words each, "re-check" and "3.5" one.
    private static bool IsBetweenWords(string text, int at) => text[at] switch
    {
        '\u2013' or '\u2014' or '\u2026' => true,
        '.' or '-' => (at > 0 && text[at - 1] == text[at]) || (at + 1 < text.Length && text[at + 1] == text[at]),
        var other => char.IsWhiteSpace(other),
    };

    private static (int Start, int Length) Trimmed(string text, int start, int end)
    {
        while (start < end && !char.IsLetterOrDigit(text[start])) start++;
        while (start < end && !char.IsLetterOrDigit(text[end - 1])) end--;
        return (start, end - start);
    }
}
