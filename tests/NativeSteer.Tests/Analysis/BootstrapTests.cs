using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Analysis;
using NativeSteer.Files;
using Xunit;

namespace NativeSteer.Tests.Analysis;

public sealed class BootstrapTests
{
    private static readonly BootstrapOptions s_quick = new() { Resamples = 300 };

    [Fact]
    public void An_interval_holds_its_estimate() => Prop.ForAll<(PositiveInt Words, NonNegativeInt Hits)[], ulong>((prompts, seed) =>
    {
        var totals = (prompts ?? []).Select(prompt => new PromptTotal(Math.Min(prompt.Hits.Get, prompt.Words.Get), prompt.Words.Get)).ToArray();
        var estimate = Bootstrap.Ratio(totals, s_quick with { Seed = seed });
        if (totals.Length == 0) return double.IsNaN(estimate.Value);
        if (totals.Length == 1) return estimate.Value == totals[0].Count / totals[0].Size && double.IsNaN(estimate.Low);
        return estimate.Low <= estimate.Value && estimate.Value <= estimate.High && estimate.Low >= 0 && estimate.High <= 1;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_rate_is_the_sum_of_hits_over_the_sum_of_words()
    {
        PromptTotal[] prompts = [PromptTotal.Of(new KeywordRate(10, 1)), PromptTotal.Of(new KeywordRate(30, 5)), new(0, 0)];
        Assert.Equal(6.0 / 40, Bootstrap.Ratio(prompts).Value);
        Assert.Equal(2.0, Bootstrap.Mean([1, 2, 3]).Value);
    }

    [Fact]
    public void Two_prompts_give_the_interval_that_can_be_counted()
    {
        // Of the resamples of two prompts with 0 and 1, a quarter each is 0 and 1: both lie beyond 2.5 %.
        var estimate = Bootstrap.Mean([0, 1]);
        Assert.Equal(new Estimate(0.5, 0, 1), estimate);
        Assert.Equal(new Estimate(3, 3, 3), Bootstrap.Mean([3, 3, 3]));
    }

    [Fact]
    public void A_mean_of_many_has_the_normal_interval()
    {
        var random = new StableRandom(5);
        var values = Enumerable.Range(0, 400).Select(_ => random.NextNormal()).ToArray();
        var mean = values.Average();
        var error = Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / 400 / 400);
        var estimate = Bootstrap.Mean(values, new BootstrapOptions { Resamples = 20_000 });
        Assert.Equal(mean - 1.96 * error, estimate.Low, 0.1 * error);
        Assert.Equal(mean + 1.96 * error, estimate.High, 0.1 * error);
    }

    [Fact]
    public void Intervals_of_skewed_rates_hold_the_truth_about_as_often_as_they_say()
    {
        // 40 prompts, each with a rate of its own (the square of a uniform number, a tenth of it: mean 1/30), 20 to 80 words.
        const int trials = 600;
        var held = Enumerable.Range(0, trials).Count(trial =>
        {
            var random = new StableRandom(11, (ulong)trial);
            var prompts = Enumerable.Range(0, 40).Select(_ =>
            {
                var (share, words) = (random.NextShare(), 20 + random.Below(61));
                return new PromptTotal(Enumerable.Range(0, (int)words).Count(_ => random.Chance(share * share / 10)), words);
            }).ToArray();
            var estimate = Bootstrap.Ratio(prompts, new BootstrapOptions { Resamples = 1000, Seed = (ulong)trial });
            return estimate.Low <= 1.0 / 30 && estimate.High >= 1.0 / 30;
        });
        Assert.InRange((double)held / trials, 0.925, 0.97); // four deviations of the count around 94 to 95 %
    }

    [Fact]
    public void Pairs_of_conditions_are_drawn_together()
    {
        // Prompts differ widely, the condition doubles each: as pairs there is nothing left to vary.
        PromptTotal[] baseline = [.. Enumerable.Range(1, 20).Select(i => new PromptTotal(i * i, 1000))];
        PromptTotal[] doubled = [.. baseline.Select(prompt => prompt with { Count = 2 * prompt.Count })];
        var factor = Bootstrap.Factor(doubled, baseline);
        Assert.Equal(2, factor.Low, 1e-12);
        Assert.Equal(2, factor.High, 1e-12);
        var difference = Bootstrap.Difference(doubled, baseline);
        var alone = Bootstrap.Ratio(baseline);
        Assert.Equal(alone.Value, difference.Value, 1e-12);
        Assert.Equal(alone.Low, difference.Low, 1e-12);
        Assert.Equal(alone.High, difference.High, 1e-12);
        Assert.Equal(new Estimate(0, 0, 0), Bootstrap.Difference(baseline, baseline));
        Assert.Throws<ArgumentException>(() => Bootstrap.Factor(baseline, doubled[1..]));
    }

    [Fact]
    public void Where_the_baseline_may_have_none_a_factor_has_no_upper_end()
    {
        PromptTotal[] steered = [.. Enumerable.Range(0, 10).Select(_ => new PromptTotal(5, 50))];
        PromptTotal[] once = [new(1, 50), .. Enumerable.Range(0, 9).Select(_ => new PromptTotal(0, 50))];
        Assert.Equal(double.PositiveInfinity, Bootstrap.Factor(steered, once).High);
        PromptTotal[] never = [.. Enumerable.Range(0, 10).Select(_ => new PromptTotal(0, 50))];
        Assert.Equal(double.PositiveInfinity, Bootstrap.Factor(steered, never).Value);
        Assert.True(double.IsNaN(Bootstrap.Factor(never, never).Value));
    }

    [Fact]
    public void A_seed_gives_the_same_interval_and_a_larger_confidence_a_wider_one()
    {
        var random = new StableRandom(3);
        var values = Enumerable.Range(0, 30).Select(_ => random.NextNormal()).ToArray();
        Assert.Equal(Bootstrap.Mean(values), Bootstrap.Mean(values));
        Assert.NotEqual(Bootstrap.Mean(values), Bootstrap.Mean(values, new BootstrapOptions { Seed = 2 }));
        var (narrow, wide) = (Bootstrap.Mean(values), Bootstrap.Mean(values, new BootstrapOptions { Confidence = 0.99 }));
        Assert.True(wide.Low < narrow.Low && narrow.High < wide.High);
    }
}
