using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Analysis;
using Xunit;

namespace NativeSteer.Tests.Analysis;

public sealed class LogProbabilitiesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1024)]
    [InlineData(3001)]
    public void They_equal_the_formulas_in_double(int count)
    {
        var random = new Random(count);
        var p = Enumerable.Range(0, count).Select(_ => 30 * random.NextSingle() - 15).ToArray();
        var q = p.Select(logit => logit + random.NextSingle()).ToArray();
        Assert.Equal(Reference.LogSum(p), LogProbabilities.LogSum(p), 1e-12);
        Assert.Equal(Reference.Divergence(p, q), LogProbabilities.Divergence(p, LogProbabilities.LogSum(p), q, LogProbabilities.LogSum(q)), 1e-12);
    }

    [Fact]
    public void A_divergence_is_at_least_zero_exactly_zero_from_itself_and_blind_to_a_constant() =>
        Prop.ForAll<(NormalFloat P, NormalFloat Q)[]>(pairs =>
        {
            if (pairs is not { Length: > 0 }) return true;
            var p = pairs.Select(pair => (float)Math.Clamp(pair.P.Get, -50, 50)).ToArray();
            var q = pairs.Select(pair => (float)Math.Clamp(pair.Q.Get, -50, 50)).ToArray();
            return Divergence(p, q) >= 0 && Divergence(p, p) == 0 && Math.Abs(Divergence(p, [.. p.Select(logit => logit + 8)])) < 1e-5;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Two_coins_by_hand()
    {
        float[] fair = [0, 0], biased = [MathF.Log(3), 0]; // 1/2 and 1/2; 3/4 and 1/4
        Assert.Equal(0.75 * Math.Log(1.5) + 0.25 * Math.Log(0.5), Divergence(biased, fair), 1e-7);
        Assert.Equal(0.5 * Math.Log(2.0 / 3) + 0.5 * Math.Log(2), Divergence(fair, biased), 1e-7);
    }

    [Fact]
    public void Masked_tokens_count_for_nothing_and_numbers_that_are_none_stay_so()
    {
        float[] masked = [1, float.NegativeInfinity, 2], other = [2, float.NegativeInfinity, 1];
        Assert.Equal(Divergence([1, 2], [2, 1]), Divergence(masked, other), 1e-12);
        Assert.Equal(0, Divergence(masked, masked));
        Assert.True(double.IsNaN(LogProbabilities.LogSum([1, float.NaN])));
        Assert.True(double.IsNaN(LogProbabilities.LogSum([1, float.PositiveInfinity])));
        Assert.True(double.IsNaN(Divergence([1, float.NaN], [1, 2])));
        Assert.Equal(1000 + Math.Log(2), LogProbabilities.LogSum([1000, 1000]), 1e-9);
    }

    private static double Divergence(float[] p, float[] q) => LogProbabilities.Divergence(p, LogProbabilities.LogSum(p), q, LogProbabilities.LogSum(q));
}

/// <summary>The same in plain double, term by term.</summary>
internal static class Reference
{
    internal static double LogSum(ReadOnlySpan<float> logits)
    {
        var largest = double.NegativeInfinity;
        foreach (var logit in logits) largest = Math.Max(largest, logit);
        var sum = 0.0;
        foreach (var logit in logits) sum += Math.Exp(logit - largest);
        return largest + Math.Log(sum);
    }

    internal static double Divergence(ReadOnlySpan<float> p, ReadOnlySpan<float> q)
    {
        var (sumP, sumQ, result) = (LogSum(p), LogSum(q), 0.0);
        for (var i = 0; i < p.Length; i++) result += Math.Exp(p[i] - sumP) * (p[i] - sumP - (q[i] - sumQ));
        return result;
    }
}
