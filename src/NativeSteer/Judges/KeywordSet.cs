using NativeSteer.Files;

namespace NativeSteer.Judges;

/// <summary>
/// Words that tell of a behaviour (the set B of Ward et al. 2025, eq. 1). A text's words are what stands between white space,
/// without the punctuation around it; case does not matter.
/// </summary>
public sealed class KeywordSet
{
    private readonly string[] _words;

    /// <summary>A set of words, each once.</summary>
    /// <exception cref="NativeSteerException">There is none, or one is no single word.</exception>
    public KeywordSet(IEnumerable<string> words)
    {
        ArgumentNullException.ThrowIfNull(words);
        _words = [.. words.Select(Checked).Distinct(StringComparer.Ordinal)];
        if (_words.Length == 0) throw new NativeSteerException("The set of words is empty; give at least one, such as wait.");
    }

    /// <summary><c>wait</c> and <c>hmm</c>, as the paper counts them.</summary>
    public static KeywordSet Default { get; } = new(["wait", "hmm"]);

    /// <summary>The words in lower case.</summary>
    public IReadOnlyList<string> Words => _words;

    /// <summary>Reads <c>wait,hmm</c>.</summary>
    /// <inheritdoc cref="KeywordSet(IEnumerable{string})" path="/exception"/>
    public static KeywordSet Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new KeywordSet(text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    /// <summary>All words of a text and those of the set: N and the sum of eq. 1.</summary>
    /// <returns>Pieces between white space, of letters or not; and those of them that are in the set.</returns>
    public (int Words, int Hits) Count(ReadOnlySpan<char> text)
    {
        var (words, hits) = (0, 0);
        for (var at = 0; at < text.Length;)
        {
            while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
            var end = at;
            while (end < text.Length && !char.IsWhiteSpace(text[end])) end++;
            if (end == at) break;
            words++;
            if (Contains(text[at..end])) hits++;
            at = end;
        }
        return (words, hits);
    }

    /// <summary>Whether a word is in the set, whatever its case and the punctuation around it.</summary>
    public bool Contains(ReadOnlySpan<char> word)
    {
        while (word.Length > 0 && !char.IsLetterOrDigit(word[0])) word = word[1..];
        while (word.Length > 0 && !char.IsLetterOrDigit(word[^1])) word = word[..^1];
        foreach (var known in _words)
        {
            if (word.Equals(known, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }

    /// <summary><c>wait,hmm</c></summary>
    public override string ToString() => string.Join(',', _words);

    private static string Checked(string word)
    {
        ArgumentNullException.ThrowIfNull(word);
        var whole = word.Length > 0 && char.IsLetterOrDigit(word[0]) && char.IsLetterOrDigit(word[^1]) && !word.Any(char.IsWhiteSpace);
        return whole ? word.ToLowerInvariant() : throw new NativeSteerException(
            $"'{FileErrors.Printable(word)}' cannot be looked for: give single words that begin and end with a letter or digit, such as wait.");
    }
}
