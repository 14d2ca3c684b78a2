using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Countdown;
using Xunit;

namespace NativeSteer.Tests.Countdown;

public sealed class PuzzleSolverTests
{
    private static Arbitrary<Puzzle> Puzzles(int most, int largest, int count) => (
        from size in Gen.Choose(1, count)
        from numbers in Gen.ArrayOf(Gen.Choose(1, largest), size)
        from target in Gen.Choose(0, most)
        select new Puzzle(numbers, target)).ToArbitrary();

    [Fact]
    public void It_can_reach_what_brute_force_can() => Prop.ForAll(Puzzles(60, 12, 5), puzzle =>
    {
        long[] numbers = [.. puzzle.Numbers.Select(number => (long)number)];
        var can = BruteForce.Reachable(numbers).Contains(puzzle.Target);
        Assert.Equal(can, PuzzleSolver.CanReach(numbers, puzzle.Target));
        var solver = new PuzzleSolver(puzzle);
        Assert.Equal(can, solver.CanReach(numbers));
        Assert.Equal(can, solver.CanReach([.. numbers.Reverse()])); // from memory
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Every_solution_is_right_by_the_rules_and_none_is_there_twice() => Prop.ForAll(Puzzles(40, 15, 4), puzzle =>
    {
        const int limit = 60;
        var solutions = new PuzzleSolver(puzzle, limit).Solutions();
        Assert.Equal(solutions.Count, solutions.Select(steps => string.Join('\n', steps)).Distinct().Count());
        foreach (var steps in solutions)
        {
            Assert.True(SolutionVerifier.Judge(puzzle, string.Join('\n', [.. steps.Select(step => step.ToString()), "Goal Reached!"])).IsSolved || steps.Length == 0);
            Assert.All(steps, step => Assert.InRange(step.Result, 1, limit));
            Assert.All(steps.Where(step => step.Operation is '-' or '/'), step => Assert.True(step.Left >= step.Right));
        }
        Assert.Equal(solutions.Count > 0, new PuzzleSolver(puzzle, limit).FirstSolution() is not null);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void It_finds_all_solutions_where_neither_limit_nor_zero_forbids_one() => Prop.ForAll(Puzzles(200, 9, 3), puzzle =>
    {
        // Three numbers below 10 never give more than 9*9*9.
        var found = new PuzzleSolver(puzzle, 1000).FirstSolution() is not null;
        var can = BruteForce.Reachable([.. puzzle.Numbers.Select(number => (long)number)]).Contains(puzzle.Target);
        if (found) Assert.True(can);
        if (can && !found) Assert.True(puzzle.Target == 0 || puzzle.Numbers.Distinct().Count() < puzzle.Numbers.Count || HasZeroOnTheWay(puzzle));
    }).QuickCheckThrowOnFailure();

    // A zero of all but one number, and that number is the target.
    private static bool HasZeroOnTheWay(Puzzle puzzle) => puzzle.Numbers.Any(number =>
    {
        var rest = puzzle.Numbers.Select(n => (long)n).ToList();
        rest.Remove(number);
        return number == puzzle.Target && BruteForce.Reachable(rest).Contains(0);
    });

    [Fact]
    public void The_papers_example_is_solved_as_there()
    {
        var solutions = new PuzzleSolver(new Puzzle([2, 39, 45, 10], 62)).Solutions();
        Assert.Contains("45-39=6,10*6=60,2+60=62", solutions.Select(steps => string.Join(',', steps)));
    }

    [Fact]
    public void Large_numbers_do_not_overflow() => Assert.False(PuzzleSolver.CanReach([9999, 9998, 9997, 9996, 9995], 7));
}
