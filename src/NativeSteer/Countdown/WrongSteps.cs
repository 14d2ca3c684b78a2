using NativeSteer.Files;

namespace NativeSteer.Countdown;

/// <summary>
/// Draws wrong steps of the three kinds of Yang et al. 2025. Half of the wrong results and wrong operands are what a model that
/// wishes for the target writes: they lead to it, which is what makes them tempting.
/// </summary>
/// <param name="puzzle">The puzzle.</param>
/// <param name="solver">Its solver.</param>
/// <param name="options">The range of numbers, and the largest result of a step.</param>
internal sealed class WrongSteps(Puzzle puzzle, PuzzleSolver solver, PuzzleOptions options)
{
    private const double Wishes = 0.5;

    /// <summary>A wrong step after right ones, or null where the numbers left allow none of the kind.</summary>
    /// <param name="error">What is wrong with it.</param>
    /// <param name="before">Right steps, fewer than solve the puzzle.</param>
    /// <param name="random">Decides.</param>
    internal CountdownStep? Draw(StepError error, ReadOnlySpan<CountdownStep> before, StableRandom random)
    {
        var numbers = Remaining(before);
        var legal = Legal(numbers);
        var wrong = error switch
        {
            StepError.Exploration => [.. legal.Where(step => IsHopeless(numbers, step))],
            StepError.Computational => Miscalculated(numbers, legal, random),
            _ => Unavailable(numbers, random),
        };
        return wrong.Count > 0 ? random.Pick(wrong) : null;
    }

    /// <summary>The numbers that are left after right steps, results standing last.</summary>
    internal List<long> Remaining(ReadOnlySpan<CountdownStep> before)
    {
        var numbers = puzzle.Numbers.Select(number => (long)number).ToList();
        foreach (var step in before) Take(numbers, step);
        return numbers;
    }

    /// <summary>Whether the target is out of reach after a step that may be taken.</summary>
    internal bool IsHopeless(IReadOnlyList<long> numbers, CountdownStep step)
    {
        List<long> rest = [.. numbers];
        Take(rest, step);
        return rest is [var only] ? only != puzzle.Target : !solver.CanReach([.. rest]);
    }

    private List<CountdownStep> Legal(List<long> numbers)
    {
        var steps = new List<CountdownStep>();
        for (var i = 0; i < numbers.Count; i++)
        {
            for (var j = i + 1; j < numbers.Count; j++)
            {
                foreach (var operation in PuzzleSolver.Operations)
                {
                    if (CountdownStep.TryMake(numbers[i], numbers[j], operation, options.Limit, out var step) && step.Result != 0) steps.Add(step);
                }
            }
        }
        return steps;
    }

    // Off by a little, by ten, or what another operation gives; or what the puzzle would need.
    private List<CountdownStep> Miscalculated(List<long> numbers, List<CountdownStep> legal, StableRandom random)
    {
        if (legal.Count == 0) return legal;
        var step = random.Pick(legal);
        List<long> rest = [.. numbers];
        Take(rest, step);
        rest.RemoveAt(rest.Count - 1);
        List<long> results = random.Chance(Wishes) && rest.Count < 2
            ? rest is [var other] ? Partners(other) : [puzzle.Target]
            : [.. Enumerable.Range(1, 4).SelectMany(by => new[] { step.Result + by, step.Result - by }), step.Result + 10, step.Result - 10,
                step.Left + step.Right, Math.Abs(step.Left - step.Right), step.Left * step.Right];
        return [.. results.Where(result => result > 0 && result <= options.Limit && result != step.Result).Select(result => step with { Result = result })];
    }

    // A number that was used up, is used twice, or never was there.
    private List<CountdownStep> Unavailable(List<long> numbers, StableRandom random)
    {
        var own = random.Pick(numbers);
        var wishes = numbers.Count == 2 && random.Chance(Wishes);
        List<long> others = wishes ? Partners(own) : [.. puzzle.Numbers.Select(number => (long)number), .. Enumerable.Range(0, 4).Select(_ => AnyNumber(random))];
        List<long> rest = [.. numbers];
        rest.Remove(own);
        var steps = new List<CountdownStep>();
        foreach (var other in others.Where(other => !rest.Contains(other)))
        {
            foreach (var operation in PuzzleSolver.Operations)
            {
                var (first, second) = random.Chance(0.5) ? (own, other) : (other, own);
                if (CountdownStep.TryMake(first, second, operation, options.Limit, out var step) && step.Result != 0
                    && (!wishes || step.Result == puzzle.Target)) steps.Add(step);
            }
        }
        return steps;
    }

    private long AnyNumber(StableRandom random) => options.LeastNumber + random.Below(options.MostNumber - options.LeastNumber + 1);

    /// <summary>What gives the target with a number.</summary>
    private List<long> Partners(long number)
    {
        long target = puzzle.Target;
        List<long> partners = [target - number, number - target, target + number, target * number];
        if (target % number == 0) partners.Add(target / number);
        if (target != 0 && number % target == 0) partners.Add(number / target);
        return [.. partners.Where(partner => partner > 0 && partner <= options.Limit).Distinct()];
    }

    private static void Take(List<long> numbers, CountdownStep step)
    {
        if (!numbers.Remove(step.Left) || !numbers.Remove(step.Right)) throw new InvalidOperationException($"{step} takes a number that is not there.");
        numbers.Add(step.Result);
    }
}
