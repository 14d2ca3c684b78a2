using NativeSteer.Files;

namespace NativeSteer.Countdown;

/// <summary>An attempt that leads nowhere.</summary>
/// <param name="Steps">Its steps: all, or those up to where it was given up.</param>
/// <param name="GivenUp">Whether it stops early because what is left cannot give the target.</param>
internal sealed record FailedAttempt(CountdownStep[] Steps, bool GivenUp)
{
    internal long LastResult => Steps[^1].Result;

    /// <summary>
    /// Whether one of the two is the other's beginning, they are equal, or both come to the same number at their end: mostly the same
    /// sum in another order, from which nothing new is learned.
    /// </summary>
    internal bool Repeats(FailedAttempt other)
    {
        if (!GivenUp && !other.GivenUp && LastResult == other.LastResult) return true;
        var common = Math.Min(Steps.Length, other.Steps.Length);
        return Steps.AsSpan(0, common).SequenceEqual(other.Steps.AsSpan(0, common));
    }
}

/// <summary>Draws attempts at a puzzle that fail, no two alike.</summary>
/// <param name="puzzle">The puzzle.</param>
/// <param name="pool">All attempts at it.</param>
/// <param name="solver">Its solver.</param>
/// <param name="made">Attempts that a model made and failed at, complete or given up; may be none.</param>
internal sealed class FailedAttempts(Puzzle puzzle, AttemptPool pool, PuzzleSolver solver, IReadOnlyList<CountdownStep[]> made)
{
    private const double GivesUp = 0.5, IsMade = 0.75;
    private const int Tries = 20;

    /// <summary>
    /// As many as wanted, or fewer where the puzzle has no more. Three quarters are of those a model made, where there are any; the
    /// others come near the target at their end. At the first state that cannot reach the target, half of them are given up.
    /// </summary>
    internal List<FailedAttempt> Draw(int count, StableRandom random)
    {
        var attempts = new List<FailedAttempt>(count);
        for (var tries = 0; attempts.Count < count && pool.HasFailures && tries < Tries * count; tries++)
        {
            var steps = made.Count > 0 && random.Chance(IsMade) ? random.Pick(made) : pool.Failure(random);
            var hopeless = HopelessAfter(steps);
            var complete = steps.Length == puzzle.Numbers.Count - 1;
            var givenUp = !complete || (hopeless < steps.Length && random.Chance(GivesUp));
            var attempt = new FailedAttempt(givenUp ? steps[..hopeless] : steps, givenUp);
            if (!attempts.Exists(attempt.Repeats)) attempts.Add(attempt);
        }
        return attempts;
    }

    // The number of steps after which the target is out of reach for the first time.
    private int HopelessAfter(CountdownStep[] steps)
    {
        Span<long> numbers = stackalloc long[puzzle.Numbers.Count];
        for (var i = 0; i < numbers.Length; i++) numbers[i] = puzzle.Numbers[i];
        for (var done = 1; done < steps.Length; done++)
        {
            var (left, _, right, result) = steps[done - 1];
            Remove(ref numbers, left);
            numbers[numbers.IndexOf(right)] = result;
            if (!solver.CanReach(numbers)) return done;
        }
        return steps.Length;
    }

    private static void Remove(ref Span<long> numbers, long number)
    {
        numbers[numbers.IndexOf(number)] = numbers[^1];
        numbers = numbers[..^1];
    }
}
