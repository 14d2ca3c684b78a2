using System.Globalization;
using System.Numerics;

namespace NativeSteer.Countdown;

/// <summary>An exact fraction in lowest terms, its denominator positive.</summary>
internal readonly record struct Fraction
{
    private Fraction(BigInteger numerator, BigInteger denominator)
    {
        Numerator = numerator;
        Denominator = denominator;
    }

    internal BigInteger Numerator { get; }

    /// <summary>At least 1; a default value is no fraction.</summary>
    internal BigInteger Denominator { get; }

    internal bool IsZero => Numerator.IsZero;

    /// <summary>The number, where it is 0, 1, 2 and so on, and not too large.</summary>
    internal long? Natural => Denominator.IsOne && Numerator.Sign >= 0 && Numerator <= long.MaxValue ? (long)Numerator : null;

    public static implicit operator Fraction(int value) => new(value, 1);

    public static Fraction operator +(Fraction a, Fraction b) => Of(a.Numerator * b.Denominator + b.Numerator * a.Denominator, a.Denominator * b.Denominator);

    public static Fraction operator -(Fraction a, Fraction b) => Of(a.Numerator * b.Denominator - b.Numerator * a.Denominator, a.Denominator * b.Denominator);

    public static Fraction operator *(Fraction a, Fraction b) => Of(a.Numerator * b.Numerator, a.Denominator * b.Denominator);

    /// <summary>The divisor must not be zero.</summary>
    public static Fraction operator /(Fraction a, Fraction b) => Of(a.Numerator * b.Denominator, a.Denominator * b.Numerator);

    /// <summary>Reads <c>12</c>, <c>-3</c>, <c>8/3</c>, <c>2.5</c>, and any of them in round brackets.</summary>
    /// <returns>Null for what is no number, for a zero denominator and for more digits than anybody writes.</returns>
    internal static Fraction? Parse(ReadOnlySpan<char> text)
    {
        const int mostDigits = 1000; // reading takes quadratic time
        if (text.Length > mostDigits) return null;
        if (text is ['(', .., ')']) text = text[1..^1].Trim();
        var slash = text.IndexOf('/');
        if (slash >= 0)
        {
            return Whole(text[..slash]) is { } numerator && Whole(text[(slash + 1)..]) is { IsZero: false } denominator
                ? Of(numerator, denominator) : null;
        }
        var point = text.IndexOf('.');
        if (point < 0) return Whole(text) is { } whole ? new Fraction(whole, 1) : null;
        var decimals = text.Length - point - 1;
        return decimals > 0 && Whole($"{text[..point]}{text[(point + 1)..]}") is { } shifted ? Of(shifted, BigInteger.Pow(10, decimals)) : null;
    }

    private static BigInteger? Whole(ReadOnlySpan<char> text) =>
        BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>In lowest terms; the denominator must not be zero.</summary>
    internal static Fraction Of(BigInteger numerator, BigInteger denominator)
    {
        var divisor = BigInteger.GreatestCommonDivisor(numerator, denominator);
        if (denominator.Sign < 0) divisor = -divisor;
        return new Fraction(numerator / divisor, denominator / divisor);
    }
}
