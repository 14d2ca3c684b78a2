using NativeSteer.Files;

namespace NativeSteer.Countdown;

/// <summary>All ways of using a puzzle's numbers, right and wrong, to draw from.</summary>
/// <remarks>
/// Weights are whole numbers, rounded from <see cref="Math.Exp"/>, so that its last bit, which machines may differ in,
/// decides nothing.
/// </remarks>
internal sealed class AttemptPool
{
    private const double Unit = 1 << 20, NearMiss = 10, SmallIntermediate = 25;

    private static readonly long[] s_missWeights = Weights(NearMiss);
    private static readonly long[] s_solutionWeights = Weights(SmallIntermediate);

    private readonly int _length; // steps of an attempt
    private readonly List<CountdownStep> _steps = []; // (attempts, length)
    private readonly List<(int Attempt, long UpTo)> _solutions = [], _failures = []; // with the weights added up

    internal AttemptPool(Puzzle puzzle, long limit)
    {
        _length = puzzle.Numbers.Count - 1;
        var attempts = 0;
        new PuzzleSolver(puzzle, limit).VisitAttempts(steps =>
        {
            _steps.AddRange(steps);
            var result = steps[^1].Result;
            if (result == puzzle.Target) Add(_solutions, attempts, s_solutionWeights, Intermediates(steps));
            else Add(_failures, attempts, s_missWeights, Math.Abs(result - puzzle.Target));
            attempts++;
            return true;
        });
    }

    internal bool HasFailures => _failures.Count > 0;

    internal bool HasSolutions => _solutions.Count > 0;

    /// <summary>A solution; one whose results before the last add up to s is chosen with a weight of exp(-s/25).</summary>
    internal CountdownStep[] Solution(StableRandom random) => Draw(_solutions, random);

    /// <summary>An attempt that fails; one that misses the target by d is chosen with a weight of exp(-d/10).</summary>
    internal CountdownStep[] Failure(StableRandom random) => Draw(_failures, random);

    private CountdownStep[] Draw(List<(int Attempt, long UpTo)> choices, StableRandom random)
    {
        var at = random.Below(choices[^1].UpTo);
        int low = 0, high = choices.Count - 1;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (choices[middle].UpTo > at) high = middle;
            else low = middle + 1;
        }
        var steps = new CountdownStep[_length];
        _steps.CopyTo(choices[low].Attempt * _length, steps, 0, _length);
        return steps;
    }

    private static void Add(List<(int Attempt, long UpTo)> choices, int attempt, long[] weights, long distance) =>
        choices.Add((attempt, (choices.Count > 0 ? choices[^1].UpTo : 0) + weights[Math.Min(distance, weights.Length - 1)]));

    private static long Intermediates(ReadOnlySpan<CountdownStep> steps)
    {
        var sum = 0L;
        foreach (var step in steps[..^1]) sum += step.Result;
        return sum;
    }

    // By distance, as far as they are larger than the least weight, 1.
    private static long[] Weights(double scale) =>
        [.. Enumerable.Range(0, (int)(scale * Math.Log(Unit)) + 1).Select(d => Math.Max(1, (long)Math.Round(Unit * Math.Exp(-d / scale))))];
}
