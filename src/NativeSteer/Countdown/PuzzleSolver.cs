namespace NativeSteer.Countdown;

/// <summary>
/// Tries everything that can be done with a puzzle's numbers, under the rules of stream of search (Gandhi et al. 2024): all
/// numbers are used, results are natural numbers, the larger number stands first in differences and quotients, and quotients
/// are exact. Pairs are tried in the order of the numbers, results standing last.
/// </summary>
/// <param name="puzzle">The puzzle.</param>
/// <param name="limit">The largest result of a step.</param>
public sealed class PuzzleSolver(Puzzle puzzle, long limit = PuzzleSolver.DefaultLimit)
{
    /// <summary>The usual largest result of a step.</summary>
    public const long DefaultLimit = 200;

    private readonly Dictionary<RemainingNumbers, bool> _known = [];

    /// <summary>Takes a whole way of using all numbers; return false to end the search. The span is only lent.</summary>
    internal delegate bool AttemptVisitor(ReadOnlySpan<CountdownStep> steps);

    /// <summary>The solutions, each a step list; none has a zero as result. Ways that are written alike count once.</summary>
    public IReadOnlyList<CountdownStep[]> Solutions()
    {
        var solutions = new List<CountdownStep[]>();
        if (IsSolvedAtOnce) solutions.Add([]);
        VisitAttempts(steps =>
        {
            if (steps[^1].Result == puzzle.Target) solutions.Add(steps.ToArray());
            return true;
        });
        return solutions;
    }

    /// <summary>The solution that is found first, or null.</summary>
    public CountdownStep[]? FirstSolution()
    {
        CountdownStep[]? solution = IsSolvedAtOnce ? [] : null;
        VisitAttempts(steps =>
        {
            if (steps[^1].Result == puzzle.Target) solution = steps.ToArray();
            return solution is null;
        });
        return solution;
    }

    /// <summary>
    /// Whether the puzzle's target can be made of all the numbers that remain after some steps. Larger results than the
    /// limit and zeros are allowed here, so that false means hopeless. Answers are kept.
    /// </summary>
    /// <param name="remaining">The numbers left, in any order.</param>
    public bool CanReach(ReadOnlySpan<long> remaining)
    {
        if (remaining.Length is < 3 or >= Puzzle.MostNumbers) return CanReach(remaining, puzzle.Target);
        var key = new RemainingNumbers(remaining);
        if (!_known.TryGetValue(key, out var can)) _known.Add(key, can = CanReach(remaining, puzzle.Target));
        return can;
    }

    /// <summary>Whether a target can be made of all the numbers by natural arithmetic; zeros are allowed as results.</summary>
    /// <param name="numbers">The numbers, in any order.</param>
    /// <param name="target">What is to be made.</param>
    /// <param name="limit">The largest result of a step.</param>
    public static bool CanReach(ReadOnlySpan<long> numbers, long target, long limit = long.MaxValue)
    {
        if (numbers.Length == 0) return false;
        if (numbers.Length == 1) return numbers[0] == target;
        Span<long> rest = stackalloc long[numbers.Length - 1];
        for (var i = 0; i < numbers.Length; i++)
        {
            for (var j = i + 1; j < numbers.Length; j++)
            {
                Without(numbers, i, j, rest);
                foreach (var operation in Operations)
                {
                    if (!CountdownStep.TryMake(numbers[i], numbers[j], operation, limit, out var step)) continue;
                    rest[^1] = step.Result;
                    if (CanReach(rest, target, limit)) return true;
                }
            }
        }
        return false;
    }

    /// <summary>Shows every way of using all numbers up, right or wrong, without zeros and within the limit.</summary>
    internal void VisitAttempts(AttemptVisitor visit)
    {
        if (puzzle.Numbers.Count < 2) return;
        Span<long> numbers = stackalloc long[puzzle.Numbers.Count];
        for (var i = 0; i < numbers.Length; i++) numbers[i] = puzzle.Numbers[i];
        Span<CountdownStep> steps = stackalloc CountdownStep[numbers.Length - 1];
        Visit(numbers, steps, 0, visit);
    }

    internal const string Operations = "+-*/";

    private bool IsSolvedAtOnce => puzzle.Numbers is [var only] && only == puzzle.Target;

    private bool Visit(ReadOnlySpan<long> numbers, Span<CountdownStep> steps, int done, AttemptVisitor visit)
    {
        if (numbers.Length == 1) return visit(steps);
        Span<long> rest = stackalloc long[numbers.Length - 1];
        for (var i = 0; i < numbers.Length; i++)
        {
            for (var j = i + 1; j < numbers.Length; j++)
            {
                if (IsRepeated(numbers, i, j)) continue;
                Without(numbers, i, j, rest);
                foreach (var operation in Operations)
                {
                    if (!CountdownStep.TryMake(numbers[i], numbers[j], operation, limit, out steps[done]) || steps[done].Result == 0) continue;
                    rest[^1] = steps[done].Result;
                    if (!Visit(rest, steps, done + 1, visit)) return false;
                }
            }
        }
        return true;
    }

    // Equal numbers make pairs that are written alike.
    private static bool IsRepeated(ReadOnlySpan<long> numbers, int i, int j)
    {
        var (a, b) = (numbers[i], numbers[j]);
        for (var k = 0; k <= i; k++)
        {
            for (var l = k + 1; l < numbers.Length && (k < i || l < j); l++)
            {
                if ((numbers[k] == a && numbers[l] == b) || (numbers[k] == b && numbers[l] == a)) return true;
            }
        }
        return false;
    }

    private static void Without(ReadOnlySpan<long> numbers, int i, int j, Span<long> rest)
    {
        var at = 0;
        for (var k = 0; k < numbers.Length; k++)
        {
            if (k != i && k != j) rest[at++] = numbers[k];
        }
    }

    /// <summary>Three to five numbers in ascending order, as a key; -1 where there is none.</summary>
    private readonly record struct RemainingNumbers
    {
        private readonly long _a, _b, _c, _d, _e;

        internal RemainingNumbers(ReadOnlySpan<long> numbers)
        {
            Span<long> sorted = stackalloc long[Puzzle.MostNumbers - 1];
            sorted.Fill(-1);
            numbers.CopyTo(sorted);
            sorted.Sort();
            (_a, _b, _c, _d, _e) = (sorted[0], sorted[1], sorted[2], sorted[3], sorted[4]);
        }
    }
}
