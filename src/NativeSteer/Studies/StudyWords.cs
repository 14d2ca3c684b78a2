using System.Globalization;
using NativeSteer.Analysis;
using NativeSteer.Extraction;

namespace NativeSteer.Studies;

/// <summary>Conditions and numbers of the study in words, the same in figures, tables and sentences.</summary>
public static class StudyWords
{
    /// <summary>The name of a target that nothing is added to.</summary>
    public const string Unsteered = "unsteered";

    /// <summary>A vector's name, e.g. <c>reasoning-derived</c>, <c>noise</c> or <c>deduction</c>.</summary>
    /// <param name="vector">The vector.</param>
    /// <param name="studied">The label whose vector is studied; its name is that of its source alone.</param>
    public static string Name(StudyVector vector, string studied)
    {
        ArgumentNullException.ThrowIfNull(vector);
        return vector.Kind switch
        {
            StudyVector.None => Unsteered,
            StudyVector.Noise => "noise",
            StudyVector.Self => "self-amplification",
            StudyVector.Mean => "overall mean" + OfBase(vector),
            StudyVector.Shuffled => "shuffled labels" + OfBase(vector),
            StudyVector.DifferenceOfMeans when vector.Label is null || vector.Label == studied => $"{vector.Source ?? "unknown"}-derived",
            StudyVector.DifferenceOfMeans => vector.Label + OfBase(vector),
            _ => vector.Kind,
        };
    }

    /// <summary>A window as people read it: <c>-13 to -8</c>, with minus signs.</summary>
    public static string Window(OffsetRange offsets) =>
        offsets.IsSpan ? "the sentence itself" : offsets.First == offsets.Last ? Signed(offsets.First) : $"{Signed(offsets.First)} to {Signed(offsets.Last)}";

    /// <summary>A magnitude with its unit: <c>1.5 residual norms</c>, or a bare number.</summary>
    public static string Magnitude(double magnitude, string unit) => unit == "rel" ? $"{Number(magnitude)} residual norm{(Math.Abs(magnitude) == 1 ? "" : "s")}" : Number(magnitude);

    /// <summary>A share as a percentage of two or three digits; <c>0 %</c> for none and a dash where there is none.</summary>
    public static string Percent(double share) => share switch
    {
        double.NaN => "–",
        0 => "0 %",
        _ => Digits(100 * share) + " %",
    };

    /// <summary>
    /// The interval of a share, <c>4.1 to 6.3 %</c>; empty where there is none, and where no prompt has a hit: resamples of nothing
    /// are nothing, which is no certainty.
    /// </summary>
    public static string PercentInterval(Estimate share) =>
        double.IsNaN(share.Low) || double.IsNaN(share.High) || share is { Low: 0, High: 0 } ? "" : $"{Digits(100 * share.Low)} to {Digits(100 * share.High)} %";

    /// <summary>The interval of a number, <c>3.9 to 6.1</c>; empty where there is none.</summary>
    public static string Interval(Estimate number) =>
        double.IsNaN(number.Low) || double.IsNaN(number.High) ? ""
        : double.IsPositiveInfinity(number.High) ? $"at least {Digits(number.Low)}"
        : $"{Digits(number.Low)} to {Digits(number.High)}";

    /// <summary>A number with two or three digits that count; a dash where there is none.</summary>
    public static string Digits(double number) => number switch
    {
        double.NaN => "–",
        double.PositiveInfinity => "∞",
        _ => Math.Abs(number) switch
        {
            0 => "0",
            < 0.0005 => number < 0 ? ">−0.001" : "<0.001",
            < 0.095 => number.ToString("0.###", CultureInfo.InvariantCulture),
            < 0.95 => number.ToString("0.00", CultureInfo.InvariantCulture),
            < 99.5 => number.ToString("0.0", CultureInfo.InvariantCulture),
            _ => number.ToString("0", CultureInfo.InvariantCulture),
        },
    };

    /// <summary>A number as it was given, with a minus sign.</summary>
    public static string Number(double number) => number.ToString("0.####", CultureInfo.InvariantCulture).Replace('-', '−');

    /// <summary>Words in a list: <c>wait or hmm</c>.</summary>
    public static string Or(IReadOnlyList<string> words)
    {
        ArgumentNullException.ThrowIfNull(words);
        return words.Count < 2 ? string.Concat(words) : string.Join(", ", words.SkipLast(1)) + " or " + words[^1];
    }

    /// <summary>A count with its noun, in the singular for 1.</summary>
    public static string Count(long count, string noun) =>
        count.ToString("#,0", CultureInfo.InvariantCulture) + " " + noun + (count == 1 ? "" : "s");

    private static string Signed(int offset) => Number(offset);

    private static string OfBase(StudyVector vector) => vector.Source == StudyCondition.OnBase ? " (base)" : "";
}
