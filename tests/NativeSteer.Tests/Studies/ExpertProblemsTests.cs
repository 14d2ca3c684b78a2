using NativeSteer.Countdown;
using NativeSteer.Studies;
using Xunit;

namespace NativeSteer.Tests.Studies;

/// <summary>What is collected from is never evaluated on.</summary>
public sealed class ExpertProblemsTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(0.25)]
    [InlineData(0.5)]
    [InlineData(1)]
    public void No_problem_is_in_two_rounds_or_evaluated_on(double newTargets)
    {
        var options = new ExpertIterationOptions { Rounds = 3, Problems = 40, Evaluated = 30, NewTargets = newTargets, Seed = 5 };
        var problems = ExpertProblems.Draw(options);
        List<IReadOnlyList<Puzzle>> parts = [problems.Seen, problems.New, problems.Of(1), problems.Of(2), problems.Of(3)];
        Assert.Equal([30, 30, 40, 40, 40], parts.Select(part => part.Count));
        var all = parts.SelectMany(part => part).Select(puzzle => puzzle.StableHash).ToList();
        Assert.Equal(all.Count, all.Distinct().Count());

        var splits = new PuzzleSplits();
        Assert.All(problems.Seen, puzzle => Assert.Equal(PuzzleSplit.Validation, splits.Of(puzzle)));
        Assert.All(problems.New, puzzle => Assert.Equal(PuzzleSplit.NewTargets, splits.Of(puzzle)));
        foreach (var round in (ReadOnlySpan<int>)[1, 2, 3])
        {
            Assert.Equal(newTargets * 40, problems.Of(round).Count(puzzle => splits.Of(puzzle) == PuzzleSplit.NewTargets));
            Assert.DoesNotContain(problems.Of(round), puzzle => splits.Of(puzzle) == PuzzleSplit.Validation);
            // Any beginning of a round has both kinds in their shares, give or take one.
            Assert.InRange(problems.Of(round).Take(20).Count(puzzle => splits.Of(puzzle) == PuzzleSplit.NewTargets), newTargets * 20 - 1, newTargets * 20 + 1);
        }
    }

    [Fact]
    public void More_problems_than_there_are_is_said() =>
        Assert.Contains("such puzzles", Assert.Throws<NativeSteerException>(() => ExpertProblems.Draw(new ExpertIterationOptions
        {
            Problems = 5000, Puzzles = new PuzzleOptions { Counts = [new(2, 1)], MostNumber = 20 },
        })).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.5)]
    [InlineData(double.NaN)]
    public void A_share_is_between_0_and_1(double share) =>
        Assert.Contains("give 0 to 1", Assert.Throws<NativeSteerException>(() => new ExpertIterationOptions { NewTargets = share }.Validate()).Message, StringComparison.Ordinal);
}
