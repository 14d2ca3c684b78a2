using System.Text;
using NativeSteer.Countdown;

namespace NativeSteer.Tasks;

/// <summary>
/// Whether two answers to a question in mathematics mean the same. Both are read as TeX or plain text and compared exactly: numbers and
/// polynomials as such (1/2, 0.5 and <c>\frac{1}{2}</c> are equal, 0.333 and 1/3 are not), expressions with functions at random points.
/// </summary>
/// <remarks>
/// <para>Conventions where people differ. Brackets count: (1, 2), [1, 2] and (1, 2] are three answers, and order matters in them; what
/// stands between commas alone or in braces is a set. <c>x = 5</c> and 5 are equal, equations are equal where they are multiples of each
/// other, and inequalities of one variable are intervals. A unit may be left out, but not another one be given; degrees are such a unit.
/// A percent sign on one side alone may be meant either way: 50 % is 50 and 1/2. The base of 52_8 may be left out. Factored and
/// multiplied out is the same. Words are compared without case and brackets.</para>
/// <para>What cannot be understood, or is longer than 4096 characters, is equal to the same text alone, spaces left away.</para>
/// </remarks>
public static class MathEquivalence
{
    private const int Longest = 4096; // characters that are worth understanding

    /// <summary>Compares two answers. No text throws or takes long.</summary>
    /// <param name="gold">The one that is known to be right.</param>
    /// <param name="answer">The one that is judged.</param>
    public static bool AreEqual(string gold, string answer)
    {
        ArgumentNullException.ThrowIfNull(gold);
        ArgumentNullException.ThrowIfNull(answer);
        var (left, right) = (Plain(gold), Plain(answer));
        if (right.Length == 0) return left.Length == 0;
        if (string.Equals(WithoutSpaces(left), WithoutSpaces(right), StringComparison.Ordinal)) return true;
        if (left.Length > Longest || right.Length > Longest) return false;
        if (IsWords(left)) return AreSameWords(left, right);
        if (IsWord(left) && AreSameWords(left, right)) return true;
        var algebra = new MathAlgebra();
        if (MathParser.Parse(left, algebra) is not { } wanted || MathParser.Parse(right, algebra) is not { } given) return false;
        try
        {
            return new MathComparison(algebra).AreEqual(wanted, given);
        }
        catch (FormatException)
        {
            return false; // too much work: not seen to be equal
        }
    }

    // Without what surrounds an answer: dollars, a point at its end.
    private static string Plain(string text)
    {
        var plain = text.AsSpan().Trim();
        while (plain is ['$', .., '$']) plain = plain[1..^1].Trim();
        if (plain is [.., '.'] and not [.., '.', '.']) plain = plain[..^1].TrimEnd();
        return plain.ToString();
    }

    private static string WithoutSpaces(string text)
    {
        var builder = new StringBuilder(text).Replace("\\left", "").Replace("\\right", "").Replace("\\!", "").Replace("\\,", "").Replace("\\;", "")
            .Replace("dfrac", "frac").Replace("tfrac", "frac");
        var without = new StringBuilder(builder.Length);
        foreach (var chunk in builder.GetChunks())
        {
            foreach (var c in chunk.Span)
            {
                if (!char.IsWhiteSpace(c)) without.Append(c);
            }
        }
        return without.ToString();
    }

    private static bool IsWords(string text) =>
        text.StartsWith("\\text", StringComparison.Ordinal) || text.StartsWith("\\mbox", StringComparison.Ordinal);

    // Shorter ones may be products of variables, whose case counts.
    private static bool IsWord(string text) => text.Length > 2 && text.All(c => char.IsLetter(c) || c is ' ');

    private static bool AreSameWords(string left, string right) => string.Equals(Words(left), Words(right), StringComparison.Ordinal);

    // The letters and digits in lower case; wrappers such as \text left away.
    private static string Words(string text)
    {
        var words = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
            {
                while (i + 1 < text.Length && char.IsAsciiLetter(text[i + 1])) i++;
            }
            else if (char.IsLetterOrDigit(text[i]) || text[i] is '+' or '-')
            {
                words.Append(char.ToLowerInvariant(text[i]));
            }
        }
        return words.ToString();
    }
}
