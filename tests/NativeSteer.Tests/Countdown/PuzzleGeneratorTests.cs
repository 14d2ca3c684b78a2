using NativeSteer.Countdown;
using NativeSteer.Files;
using NativeSteer.Tests.Files;
using Xunit;

namespace NativeSteer.Tests.Countdown;

public sealed class PuzzleGeneratorTests
{
    private const int Many = 3000;

    [Fact]
    public void Every_puzzle_is_as_asked_and_has_a_solution()
    {
        var options = new PuzzleOptions { Counts = [new(2, 1), new(3, 2), new(4, 1)], LeastNumber = 3, MostNumber = 40, LeastTarget = 20, MostTarget = 60, Limit = 90, Seed = 3 };
        var generator = new PuzzleGenerator(options);
        var puzzles = Enumerable.Range(0, Many).Select(i => generator.Create(i)).ToList();
        foreach (var puzzle in puzzles)
        {
            Assert.All(puzzle.Numbers, number => Assert.InRange(number, 3, 40));
            Assert.InRange(puzzle.Target, 20, 60);
            Assert.NotNull(new PuzzleSolver(puzzle, 90).FirstSolution());
        }
        Assert.InRange(puzzles.Count(puzzle => puzzle.Numbers.Count == 3) / (double)Many, 0.46, 0.54);
        Assert.InRange(puzzles.Count(puzzle => puzzle.Numbers.Count == 2) / (double)Many, 0.22, 0.28);
    }

    [Fact]
    public void No_puzzle_is_in_two_splits_whatever_the_seed()
    {
        var drawn = new Dictionary<PuzzleSplit, List<Puzzle>>();
        foreach (var split in Enum.GetValues<PuzzleSplit>())
        {
            drawn[split] = [];
            foreach (var seed in new ulong[] { 1, 2 })
            {
                // Few numbers, so that the same puzzles come again and again.
                var generator = new PuzzleGenerator(new() { Split = split, Seed = seed, MostNumber = 12, MostTarget = 30, Counts = [new(3, 1)] });
                drawn[split].AddRange(Enumerable.Range(0, Many).Select(i => generator.Create(i)));
            }
        }
        var hashes = drawn.ToDictionary(pair => pair.Key, pair => pair.Value.Select(puzzle => puzzle.StableHash).ToHashSet());
        Assert.Empty(hashes[PuzzleSplit.Train].Intersect(hashes[PuzzleSplit.Validation]));
        Assert.Empty(hashes[PuzzleSplit.Train].Intersect(hashes[PuzzleSplit.NewTargets]));
        var targets = drawn.ToDictionary(pair => pair.Key, pair => pair.Value.Select(puzzle => puzzle.Target).ToHashSet());
        Assert.Empty(targets[PuzzleSplit.Train].Intersect(targets[PuzzleSplit.NewTargets]));
        Assert.Subset(targets[PuzzleSplit.Train], targets[PuzzleSplit.Validation]);
    }

    [Fact]
    public void The_usual_tenth_of_targets_is_nine_as_in_stream_of_search()
    {
        var splits = new PuzzleSplits();
        var held = Enumerable.Range(10, 91).Where(splits.IsHeldOut).ToList();
        Assert.Equal([18, 30, 31, 33, 49, 53, 67, 80, 95], held);
        Assert.All(held, target => Assert.True(new PuzzleSplits(0.3).IsHeldOut(target)));
    }

    [Fact]
    public void About_a_twentieth_of_the_puzzles_is_for_validation()
    {
        var splits = new PuzzleSplits(0);
        var random = new StableRandom(1);
        var share = Enumerable.Range(0, 20_000).Count(_ =>
            splits.Of(new Puzzle([1 + (int)random.Below(50), 1 + (int)random.Below(50), 1 + (int)random.Below(50)], 10 + (int)random.Below(90))) == PuzzleSplit.Validation);
        Assert.InRange(share / 20_000.0, 0.045, 0.055);
    }

    [Fact]
    public void Distinct_puzzles_are_distinct_and_end_with_an_error_where_there_are_no_more()
    {
        var options = new PuzzleOptions { MostNumber = 6, MostTarget = 12, Counts = [new(2, 1)], HeldOut = 0 };
        var puzzles = new PuzzleGenerator(options).Distinct(4).ToList();
        Assert.Equal(4, puzzles.Select(puzzle => puzzle.StableHash).Distinct().Count());
        Fails.With(() => _ = new PuzzleGenerator(options).Distinct(10_000).ToList(), "such puzzles, 10000 were asked for");
    }

    [Fact]
    public void Options_without_sense_are_refused()
    {
        Bad(new() { Counts = [] }, "No count of numbers");
        Bad(new() { Counts = [new(6, 1)] }, "Puzzles of 6 numbers");
        Bad(new() { Counts = [new(3, -1)] }, "the weight -1");
        Bad(new() { Counts = [new(3, 0)] }, "the weight 0");
        Bad(new() { LeastNumber = 0 }, "The range of numbers is 0 to 50");
        Bad(new() { LeastTarget = 60, MostTarget = 50 }, "The range of targets is 60 to 50");
        Bad(new() { MostTarget = 500 }, "lies above the limit of results, 200");
        Bad(new() { HeldOut = 1 }, "The share of held-out targets is 1");
        Bad(new() { LeastTarget = 20, MostTarget = 22, Split = PuzzleSplit.NewTargets }, "None of the targets 20 to 22 is held out");
        Bad(new() { LeastTarget = 30, MostTarget = 31 }, "None of the targets 30 to 31 is left for training");
        Fails.With(
            () => _ = new PuzzleGenerator(new() { MostNumber = 3, LeastTarget = 90, Counts = [new(2, 1)] }).Create(0),
            "No puzzle of 2 numbers 1 to 3 for the targets 90 to 100 was found");

        static void Bad(PuzzleOptions options, string expected) => Fails.With(() => _ = new PuzzleGenerator(options), expected);
    }
}
