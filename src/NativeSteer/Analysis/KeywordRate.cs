using NativeSteer.Extraction;

namespace NativeSteer.Analysis;

/// <summary>
/// How often keywords stand in a text: the measure b of Ward et al. 2025, eq. (1). Sums over texts add up
/// (<c>a + b</c>), so the rate of several texts weighs each by its words.
/// </summary>
/// <param name="Words">Words of the text; punctuation that stands alone is none. (The authors' script divides by all that white space parts.)</param>
/// <param name="Hits">Of these, those in the set: the events of the text.</param>
public readonly record struct KeywordRate(int Words, int Hits)
{
    /// <summary>The share of words that are in the set, 0 to 1; NaN for a text without words.</summary>
    public double Rate => Words == 0 ? double.NaN : (double)Hits / Words;

    /// <summary>Counts the words of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="keywords">The set; <see cref="KeywordSet.Default"/> where none is given.</param>
    public static KeywordRate Of(string text, KeywordSet? keywords = null)
    {
        var (words, hits) = (0, 0);
        foreach (var word in (keywords ?? KeywordSet.Default).Find(text))
        {
            words++;
            if (word.IsKeyword) hits++;
        }
        return new KeywordRate(words, hits);
    }

    /// <summary>The counts of both texts.</summary>
    public static KeywordRate operator +(KeywordRate left, KeywordRate right) => new(left.Words + right.Words, left.Hits + right.Hits);
}
