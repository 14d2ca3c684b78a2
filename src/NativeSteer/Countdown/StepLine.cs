using System.Text.RegularExpressions;

namespace NativeSteer.Countdown;

/// <summary>A line of an answer that is a step, as it was written: its result need not be right.</summary>
internal readonly partial record struct StepLine(Fraction Left, char Operation, Fraction Right, Fraction Result)
{
    private const int Longest = 5000; // characters; more is no step

    /// <summary>What really comes out; null for a division by zero.</summary>
    internal Fraction? Exact => Operation switch
    {
        '+' => Left + Right,
        '-' => Left - Right,
        '*' => Left * Right,
        _ => Right.IsZero ? null : Left / Right,
    };

    /// <summary>Whether the result is the one that comes out.</summary>
    internal bool IsRight => Exact == Result;

    /// <summary>The step in natural numbers, as it was written; null where a number is none.</summary>
    internal CountdownStep? Whole => Left.Natural is { } left && Right.Natural is { } right && Result.Natural is { } result
        ? new CountdownStep(left, Operation, right, result) : null;

    /// <summary>
    /// Reads <c>a op b = c</c>, spaces between allowed. The numbers may be negative, decimals or fractions; of several ways
    /// to read the slashes the first number is the longest: <c>1/2/3=1/6</c> divides a half by three.
    /// </summary>
    internal static StepLine? Parse(string line)
    {
        if (line.Length > Longest) return null;
        var match = Pattern().Match(line);
        if (!match.Success) return null;
        return Read("a") is { } a && Read("b") is { } b && Read("c") is { } c ? new StepLine(a, match.Groups["op"].ValueSpan[0], b, c) : null;

        Fraction? Read(string group) => Fraction.Parse(match.Groups[group].ValueSpan);
    }

    /// <summary>Whether a line that is no step was meant as one: a calculation, not a sentence.</summary>
    internal static bool LooksLikeOne(string line)
    {
        var text = line.AsSpan().Trim();
        return text.Length > 0 && (char.IsAsciiDigit(text[0]) || text[0] is '-' or '(' or '=') && text.Contains('=');
    }

    private const string Number = @"(-?[0-9]+(/-?[0-9]+|\.[0-9]+)?|\(\s*-?[0-9]+(/-?[0-9]+|\.[0-9]+)?\s*\))";

    [GeneratedRegex(
        @"^\s*(?<a>" + Number + @")\s*(?<op>[+\-*/])\s*(?<b>" + Number + @")\s*=\s*(?<c>" + Number + @")\s*$",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Pattern();
}
