using System.Globalization;
using System.Numerics;
using System.Text;
using NativeSteer.Countdown;

namespace NativeSteer.Tasks;

/// <summary>A number as people write it in an answer: <c>$1,234.50</c>, <c>-3/4 of a cup</c>, <c>2 1/2 hours</c>, <c>15%</c>.</summary>
/// <param name="Value">Exactly what is written.</param>
/// <param name="IsPercent">Whether a percent sign follows; the value is not divided by 100.</param>
internal readonly record struct NumberText(Fraction Value, bool IsPercent)
{
    private const int Longest = 300; // characters; no answer to a word problem is longer

    /// <summary>Reads the only number of a line.</summary>
    /// <returns>Null where there is none, or more than one.</returns>
    internal static NumberText? Read(string text)
    {
        if (text.Length > Longest) return null;
        var rest = Plain(text);
        NumberText? found = null;
        while (Skip(ref rest))
        {
            if (found is not null || Next(ref rest) is not { } number) return null;
            found = number;
        }
        return found;
    }

    /// <summary>Whether two numbers are the same answer. A percent sign on one side alone may be meant either way: 50 % is 50 and 1/2.</summary>
    internal bool Equals(NumberText other, bool lenient) => lenient && IsPercent != other.IsPercent
        ? Value == other.Value || Share == other.Share
        : Value == other.Value && IsPercent == other.IsPercent;

    private Fraction Share => IsPercent ? Value / 100 : Value;

    // TeX's ways of spacing and signs that mean the same as plain ones.
    private static ReadOnlySpan<char> Plain(string text) => new StringBuilder(text)
        .Replace("\\!", "").Replace("\\,", "").Replace("\\$", "").Replace("{,}", ",").Replace("\\%", "%").Replace('\u2212', '-').ToString();

    // Goes to the next digit, its sign and point; letters, spaces and currencies are passed over.
    private static bool Skip(ref ReadOnlySpan<char> rest)
    {
        for (var i = 0; i < rest.Length; i++)
        {
            if (!char.IsAsciiDigit(rest[i])) continue;
            var from = i > 0 && rest[i - 1] == '.' && (i < 2 || !char.IsAsciiDigit(rest[i - 2])) ? i - 1 : i;
            var before = rest[..from].TrimEnd("$€£¥ ");
            if (before is [.., '-'] && (before.Length == 1 || !char.IsAsciiLetterOrDigit(before[^2])))
            {
                rest = string.Concat("-", rest[from..]);
                return true;
            }
            rest = rest[from..];
            return true;
        }
        return false;
    }

    private static NumberText? Next(ref ReadOnlySpan<char> rest)
    {
        var negative = rest[0] == '-';
        if (negative) rest = rest[1..];
        if (Decimal(ref rest) is not { } value) return null;
        value = WithFraction(ref rest, value);
        if (rest is ['/', ..] or ['^', ..] or [':', ..] or ['.', >= '0' and <= '9', ..]) return null;
        var percent = rest.TrimStart() is ['%', ..];
        return new(negative ? 0 - value : value, percent);
    }

    // 3/4, and the half of 2 1/2.
    private static Fraction WithFraction(ref ReadOnlySpan<char> rest, Fraction value)
    {
        var ahead = rest;
        Fraction whole = 0;
        if (ahead is [' ', >= '0' and <= '9', ..] && value.Denominator.IsOne)
        {
            ahead = ahead[1..];
            if (Decimal(ref ahead) is not { } over) return value;
            (whole, value) = (value, over);
            if (ahead is not ['/', ..]) return whole;
        }
        var slash = ahead.TrimStart();
        if (slash is not ['/', ..]) return value;
        slash = slash[1..].TrimStart();
        if (slash is not [>= '0' and <= '9', ..] || Decimal(ref slash) is not { IsZero: false } under) return whole.IsZero ? value : whole;
        rest = slash;
        return whole + value / under;
    }

    // Digits, with commas before each three of them, and decimals.
    private static Fraction? Decimal(ref ReadOnlySpan<char> rest)
    {
        var digits = new StringBuilder();
        var (i, decimals) = (0, 0);
        for (; i < rest.Length; i++)
        {
            if (char.IsAsciiDigit(rest[i])) digits.Append(rest[i]);
            else if (rest[i] != ',' || digits.Length == 0 || !StartsWithThree(rest[(i + 1)..])) break;
        }
        if (i < rest.Length - 1 && rest[i] == '.' && char.IsAsciiDigit(rest[i + 1]))
        {
            for (i++; i < rest.Length && char.IsAsciiDigit(rest[i]); i++, decimals++) digits.Append(rest[i]);
        }
        rest = rest[i..];
        return BigInteger.TryParse(digits.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? Fraction.Of(number, BigInteger.Pow(10, decimals)) : null;
    }

    private static bool StartsWithThree(ReadOnlySpan<char> text) =>
        text is [>= '0' and <= '9', >= '0' and <= '9', >= '0' and <= '9', ..] && (text.Length == 3 || !char.IsAsciiDigit(text[3]));
}
