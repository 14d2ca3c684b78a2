using MathNet.Numerics.Distributions;
using NativeSteer.Files;

namespace NativeSteer.Analysis;

/// <summary>A number with the interval that likely holds the true one.</summary>
/// <param name="Value">The number as measured; NaN where it is not defined.</param>
/// <param name="Low">The interval's lower end; NaN where nothing is known of the spread.</param>
/// <param name="High">Its upper end; infinite where a ratio's denominator may be zero.</param>
public readonly record struct Estimate(double Value, double Low, double High);

/// <summary>What one prompt contributes to a ratio of sums: its hits and its words, or its events and its number of traces.</summary>
/// <param name="Count">Adds to the numerator.</param>
/// <param name="Size">Adds to the denominator; not negative.</param>
public readonly record struct PromptTotal(double Count, double Size)
{
    /// <summary>Hits and words of all of a prompt's completions.</summary>
    public static PromptTotal Of(KeywordRate rate) => new(rate.Hits, rate.Words);
}

/// <summary>How a bootstrap is run.</summary>
public sealed record BootstrapOptions
{
    /// <summary>Resamples drawn.</summary>
    public int Resamples { get; init; } = 2000;

    /// <summary>The share of intervals that should hold the true value.</summary>
    public double Confidence { get; init; } = 0.95;

    /// <summary>The same seed gives the same interval, everywhere.</summary>
    public ulong Seed { get; init; } = 1;
}

/// <summary>
/// Intervals by resampling prompts with replacement (Efron's bootstrap). Completions of one prompt are alike, so the prompt is
/// what is drawn, with all of its completions; conditions that ran on the same prompts are drawn together.
/// </summary>
/// <remarks>
/// The interval is the bias-corrected and accelerated one (BCa; Efron 1987), the plain percentiles where its corrections are not
/// defined, and is widened to the estimate should that lie outside. Resamples in which the number is not defined (0/0) are left
/// out. Where every prompt gives the same, most often zero hits, so does every resample: the interval is a point then, and says
/// nothing of what other prompts would give. A single prompt has no interval.
/// </remarks>
public static class Bootstrap
{
    private delegate double Statistic(ReadOnlySpan<double> sums);

    /// <summary>The mean of one number per prompt.</summary>
    public static Estimate Mean(IReadOnlyList<double> values, BootstrapOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(values);
        return Ratio([.. values.Select(value => new PromptTotal(value, 1))], options);
    }

    /// <summary>The sum of counts over the sum of sizes: a rate.</summary>
    public static Estimate Ratio(IReadOnlyList<PromptTotal> prompts, BootstrapOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        return Run([.. prompts.SelectMany(p => (double[])[p.Count, p.Size])], 2, sums => sums[0] / sums[1], options);
    }

    /// <summary>The rate of a condition minus that of another over the same prompts.</summary>
    /// <param name="condition">By prompt.</param>
    /// <param name="baseline">The same prompts in the same order.</param>
    /// <param name="options">How.</param>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public static Estimate Difference(IReadOnlyList<PromptTotal> condition, IReadOnlyList<PromptTotal> baseline, BootstrapOptions? options = null) =>
        Run(Paired(condition, baseline), 4, sums => sums[0] / sums[1] - sums[2] / sums[3], options);

    /// <summary>How many times the rate of another condition over the same prompts a condition's rate is.</summary>
    /// <inheritdoc cref="Difference" path="/param"/>
    /// <inheritdoc cref="Difference" path="/exception"/>
    public static Estimate Factor(IReadOnlyList<PromptTotal> condition, IReadOnlyList<PromptTotal> baseline, BootstrapOptions? options = null) =>
        Run(Paired(condition, baseline), 4, sums => sums[0] / sums[1] / (sums[2] / sums[3]), options);

    private static double[] Paired(IReadOnlyList<PromptTotal> condition, IReadOnlyList<PromptTotal> baseline)
    {
        ArgumentNullException.ThrowIfNull(condition);
        ArgumentNullException.ThrowIfNull(baseline);
        if (condition.Count != baseline.Count)
            throw new ArgumentException($"{condition.Count} prompts cannot be paired with {baseline.Count}.", nameof(baseline));
        return [.. condition.Zip(baseline).SelectMany(pair => (double[])[pair.First.Count, pair.First.Size, pair.Second.Count, pair.Second.Size])];
    }

    // rows: (prompts, columns). The statistic is of the columns' sums over prompts.
    private static Estimate Run(double[] rows, int columns, Statistic statistic, BootstrapOptions? options)
    {
        options ??= new BootstrapOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Resamples, 1, nameof(options));
        if (options.Confidence is not (> 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(options), options.Confidence, "The confidence lies between 0 and 1.");
        var prompts = rows.Length / columns;
        var value = statistic(Sum(rows, columns, Enumerable.Range(0, prompts)));
        if (prompts < 2 || double.IsNaN(value)) return new Estimate(value, double.NaN, double.NaN);

        var resampled = Resample(rows, columns, statistic, options);
        if (resampled.Length == 0) return new Estimate(value, double.NaN, double.NaN);
        var tail = (1 - options.Confidence) / 2;
        var (low, high) = Levels(tail, Bias(resampled, value), Acceleration(rows, columns, statistic));
        return new Estimate(
            value,
            Math.Min(value, resampled[(int)Math.Clamp(Math.Floor(low * (resampled.Length + 1)) - 1, 0, resampled.Length - 1)]),
            Math.Max(value, resampled[(int)Math.Clamp(Math.Ceiling(high * (resampled.Length + 1)) - 1, 0, resampled.Length - 1)]));
    }

    /// <summary>The statistic of each resample, ascending.</summary>
    private static double[] Resample(double[] rows, int columns, Statistic statistic, BootstrapOptions options)
    {
        var random = new StableRandom(options.Seed);
        var prompts = rows.Length / columns;
        var sums = new double[columns];
        var values = new List<double>(options.Resamples);
        for (var i = 0; i < options.Resamples; i++)
        {
            Array.Clear(sums);
            for (var drawn = 0; drawn < prompts; drawn++)
            {
                var row = (int)random.Below(prompts) * columns;
                for (var c = 0; c < columns; c++) sums[c] += rows[row + c];
            }
            if (statistic(sums) is var value && !double.IsNaN(value)) values.Add(value);
        }
        values.Sort();
        return [.. values];
    }

    /// <summary>BCa's z0: how far the estimate lies from the resamples' median, in deviations of the normal distribution.</summary>
    private static double Bias(double[] ascending, double value)
    {
        var below = ascending.Count(other => other < value);
        var equal = ascending.Count(other => other == value);
        return Normal.InvCDF(0, 1, (below + 0.5 * equal) / ascending.Length);
    }

    /// <summary>BCa's a, of the estimates that leave out one prompt each.</summary>
    private static double Acceleration(double[] rows, int columns, Statistic statistic)
    {
        var prompts = rows.Length / columns;
        var without = Enumerable.Range(0, prompts).Select(left => statistic(Sum(rows, columns, Enumerable.Range(0, prompts).Where(i => i != left)))).ToArray();
        var mean = without.Average();
        double squares = 0, cubes = 0;
        foreach (var value in without)
        {
            var distance = mean - value;
            squares += distance * distance;
            cubes += distance * distance * distance;
        }
        return squares == 0 ? 0 : cubes / (6 * Math.Pow(squares, 1.5));
    }

    /// <summary>The levels at which the resamples are cut.</summary>
    private static (double Low, double High) Levels(double tail, double bias, double acceleration)
    {
        var (low, high) = (Level(tail), Level(1 - tail));
        return low < high ? (low, high) : (tail, 1 - tail); // false for NaN and where a correction leaves its range

        double Level(double level)
        {
            var shifted = bias + Normal.InvCDF(0, 1, level);
            return Normal.CDF(0, 1, bias + shifted / (1 - acceleration * shifted));
        }
    }

    private static double[] Sum(double[] rows, int columns, IEnumerable<int> prompts)
    {
        var sums = new double[columns];
        foreach (var prompt in prompts)
        {
            for (var c = 0; c < columns; c++) sums[c] += rows[prompt * columns + c];
        }
        return sums;
    }
}
