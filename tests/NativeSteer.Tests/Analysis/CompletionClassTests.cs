using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Analysis;
using NativeSteer.Rollouts;
using Xunit;
using static NativeSteer.Analysis.CompletionClass;

namespace NativeSteer.Tests.Analysis;

public sealed class CompletionClassTests
{
    [Theory]
    [InlineData(31, 1, Ok)]
    [InlineData(32, 1, Degenerate)]
    [InlineData(32, 8, Degenerate)]
    [InlineData(39, 9, Ok)] // a longer cycle, and too short to count pairs: 9 distinct ones of 38
    [InlineData(40, 9, Degenerate)] // 9 of 39
    [InlineData(40, 10, Ok)] // 10 of 39 are above a quarter
    [InlineData(128, 31, Degenerate)] // 31 of 127
    [InlineData(128, 32, Ok)] // 32 of 127
    public void A_cycle_alone(int length, int period, CompletionClass expected) =>
        Assert.Equal(expected, Of(Enumerable.Range(0, length).Select(i => i % period), FinishReason.End));

    [Fact]
    public void A_cycle_at_the_end_counts_and_one_before_does_not()
    {
        var cycle = Enumerable.Range(0, 40).Select(i => i % 5).ToArray();
        var text = Enumerable.Range(100, 300).ToArray();
        Assert.Equal(Degenerate, Of([.. text, .. cycle], FinishReason.End));
        Assert.Equal(Ok, Of([.. cycle, .. text], FinishReason.End));
    }

    [Fact]
    public void One_other_token_breaks_a_cycle()
    {
        int[] tokens = [.. Enumerable.Range(100, 60), .. Enumerable.Repeat(7, 15), 8, .. Enumerable.Repeat(7, 16)];
        Assert.Equal(Ok, Of(tokens, FinishReason.End));
        tokens[75] = 7;
        Assert.Equal(Degenerate, Of(tokens, FinishReason.End));
    }

    [Fact]
    public void The_first_that_holds_is_the_class()
    {
        var repeated = Enumerable.Repeat(3, 64).ToArray();
        Assert.Equal(Empty, CompletionClasses.Of("?! ...", repeated, FinishReason.Length));
        Assert.Equal(Degenerate, Of(repeated, FinishReason.Length));
        Assert.Equal(Truncated, Of([1, 2, 3], FinishReason.Length));
        Assert.Equal(Ok, Of([1, 2, 3], FinishReason.Stop));
        Assert.Equal(Empty, CompletionClasses.Of("", [], FinishReason.End));
    }

    [Fact]
    public void Tokens_that_never_repeat_are_never_degenerate_and_names_of_tokens_do_not_matter() =>
        Prop.ForAll<byte[], PositiveInt>((ids, shift) =>
        {
            var tokens = (ids ?? []).SelectMany(id => Enumerable.Repeat(id % 4, 3)).ToArray();
            var renamed = tokens.Select(token => token * 7 + shift.Get).ToArray();
            return Of(tokens, FinishReason.End) == Of(renamed, FinishReason.End) && Of(Enumerable.Range(0, tokens.Length), FinishReason.End) == Ok;
        }).QuickCheckThrowOnFailure();

    private static CompletionClass Of(IEnumerable<int> tokens, FinishReason finish) => CompletionClasses.Of("some words", [.. tokens], finish);
}
