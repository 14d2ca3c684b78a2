using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Reinforcement;
using Xunit;

namespace NativeSteer.Tests.Reinforcement;

public sealed class AdvantageTests
{
    // By hand. One of four right: the others' mean is -1 for it and -1/3 for the rest; the mean is -1/2, the sample deviation 1.
    [Theory]
    [InlineData(AdvantageKind.Rloo, new double[] { 1, -1, -1, -1 }, new[] { 2, -2.0 / 3, -2.0 / 3, -2.0 / 3 })]
    [InlineData(AdvantageKind.GrpoNoStd, new double[] { 1, -1, -1, -1 }, new[] { 1.5, -0.5, -0.5, -0.5 })]
    [InlineData(AdvantageKind.Grpo, new double[] { 1, -1, -1, -1 }, new[] { 1.5, -0.5, -0.5, -0.5 })]
    [InlineData(AdvantageKind.Rloo, new double[] { 1, -1 }, new double[] { 2, -2 })]
    [InlineData(AdvantageKind.GrpoNoStd, new double[] { 1, -1 }, new double[] { 1, -1 })]
    [InlineData(AdvantageKind.Grpo, new double[] { 1, -1 }, new[] { 0.70710678118654757, -0.70710678118654757 })]
    [InlineData(AdvantageKind.Grpo, new double[] { 1, 1, -1, -1 }, new[] { 0.8660254037844386, 0.8660254037844386, -0.8660254037844386, -0.8660254037844386 })]
    [InlineData(AdvantageKind.Rloo, new double[] { 3, 1, 2 }, new[] { 1.5, -1.5, 0 })]
    [InlineData(AdvantageKind.Grpo, new double[] { 3, 1, 2 }, new double[] { 1, -1, 0 })]
    [InlineData(AdvantageKind.Grpo, new double[] { 1, 1, 1 }, new double[] { 0, 0, 0 })]
    [InlineData(AdvantageKind.Rloo, new double[] { -1, -1 }, new double[] { 0, 0 })]
    [InlineData(AdvantageKind.GrpoNoStd, new double[] { 1 }, new double[] { 0 })]
    public void Made_by_hand(AdvantageKind kind, double[] rewards, double[] expected)
    {
        var found = Advantage.Of(kind, rewards);
        Assert.Equal(expected.Length, found.Length);
        for (var i = 0; i < found.Length; i++) Assert.Equal(expected[i], found[i], 12);
    }

    [Fact]
    public void Sums_are_zero_and_leaving_one_out_is_a_multiple_of_the_mean() => Prop.ForAll<bool[]>(
        right =>
        {
            if (right.Length < 2) return true;
            var rewards = right.Select(one => one ? 1.0 : -1).ToArray();
            var (rloo, plain) = (Advantage.Of(AdvantageKind.Rloo, rewards), Advantage.Of(AdvantageKind.GrpoNoStd, rewards));
            var factor = right.Length / (right.Length - 1.0);
            return Math.Abs(rloo.Sum()) < 1e-9 && Math.Abs(Advantage.Of(AdvantageKind.Grpo, rewards).Sum()) < 1e-9
                && rloo.Zip(plain).All(pair => Math.Abs(pair.First - factor * pair.Second) < 1e-9);
        }).QuickCheckThrowOnFailure();
}
