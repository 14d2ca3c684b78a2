using NativeSteer.Files;

namespace NativeSteer.Countdown;

/// <summary>
/// Draws puzzles that have a solution: how many numbers, then a target of the wanted part, then numbers until there is one
/// (as <c>countdown_generate.py</c> of stream of search does). The n-th puzzle of a seed does not depend on the others.
/// </summary>
public sealed class PuzzleGenerator
{
    private const int DrawsPerTarget = 2000, Targets = 50;

    private readonly PuzzleOptions _options;
    private readonly PuzzleSplits _splits;
    private readonly int[] _targets;
    private readonly double _weights;

    /// <summary>Prepares the drawing.</summary>
    /// <exception cref="NativeSteerException">An option makes no sense, or the wanted part has no targets.</exception>
    public PuzzleGenerator(PuzzleOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _splits = new PuzzleSplits(options.HeldOut);
        _weights = options.Counts.Sum(count => count.Weight);
        var range = Enumerable.Range(options.LeastTarget, options.MostTarget - options.LeastTarget + 1);
        _targets = [.. range.Where(target => _splits.IsHeldOut(target) == (options.Split == PuzzleSplit.NewTargets))];
        if (_targets.Length == 0)
        {
            var kind = options.Split == PuzzleSplit.NewTargets ? "held out" : "left for training";
            throw new NativeSteerException($"None of the targets {options.LeastTarget} to {options.MostTarget} is {kind}; give a wider range, or another share of held-out targets.");
        }
    }

    /// <summary>The puzzle with an index.</summary>
    /// <param name="index">From 0.</param>
    /// <exception cref="NativeSteerException">The options leave no puzzle, or next to none, with a solution.</exception>
    public Puzzle Create(long index) => Draw(new StableRandom(_options.Seed, (ulong)index));

    /// <summary>Puzzles no two of which are the same, in any order of their numbers.</summary>
    /// <param name="count">How many.</param>
    /// <exception cref="NativeSteerException">While enumerating: the options do not leave so many puzzles.</exception>
    public IEnumerable<Puzzle> Distinct(int count)
    {
        const int mostRepeats = 1000;
        var seen = new HashSet<ulong>();
        for (long index = 0, last = 0; seen.Count < count; index++)
        {
            var puzzle = Create(index);
            if (seen.Add(puzzle.StableHash))
            {
                last = index;
                yield return puzzle;
            }
            else if (index - last > mostRepeats)
            {
                throw new NativeSteerException($"There are only about {seen.Count} such puzzles, {count} were asked for; ask for fewer, or widen the ranges.");
            }
        }
    }

    internal Puzzle Draw(StableRandom random)
    {
        var count = Count(random);
        var numbers = new int[count];
        for (var i = 0; i < Targets; i++)
        {
            var target = random.Pick(_targets);
            for (var j = 0; j < DrawsPerTarget; j++)
            {
                for (var k = 0; k < count; k++) numbers[k] = (int)(_options.LeastNumber + random.Below(_options.MostNumber - _options.LeastNumber + 1));
                var puzzle = new Puzzle(numbers, target);
                // The hash is cheaper than the search.
                if (_splits.Of(puzzle) == _options.Split && new PuzzleSolver(puzzle, _options.Limit).FirstSolution() is not null) return puzzle;
            }
        }
        throw new NativeSteerException(
            $"No puzzle of {count} numbers {_options.LeastNumber} to {_options.MostNumber} for the targets {_options.LeastTarget} to {_options.MostTarget} was found in {Targets * DrawsPerTarget} draws; give other ranges.");
    }

    private int Count(StableRandom random)
    {
        var share = random.NextShare() * _weights;
        foreach (var (numbers, weight) in _options.Counts)
        {
            share -= weight;
            if (share < 0) return numbers;
        }
        return _options.Counts.Last(count => count.Weight > 0).Numbers; // rounding
    }
}
