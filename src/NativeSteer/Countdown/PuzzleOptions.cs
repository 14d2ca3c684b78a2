namespace NativeSteer.Countdown;

/// <summary>Which part of the puzzles is meant. No puzzle is in two of them.</summary>
public enum PuzzleSplit
{
    /// <summary>To learn from.</summary>
    Train,

    /// <summary>Targets that training has too, puzzles that it has not.</summary>
    Validation,

    /// <summary>Targets that training never has.</summary>
    NewTargets,
}

/// <summary>How likely a puzzle has so many numbers.</summary>
/// <param name="Numbers">How many.</param>
/// <param name="Weight">Compared with the other counts' weights; they need not add up to 1.</param>
public readonly record struct NumberCount(int Numbers, double Weight);

/// <summary>What puzzles are drawn.</summary>
public sealed record PuzzleOptions
{
    /// <summary>Most numbers of a generated puzzle: all ways of using them are listed.</summary>
    public const int MostNumbers = 5;

    /// <summary>How many numbers a puzzle has.</summary>
    public IReadOnlyList<NumberCount> Counts { get; init; } = [new(3, 1)];

    /// <summary>The smallest number.</summary>
    public int LeastNumber { get; init; } = 1;

    /// <summary>The largest number.</summary>
    public int MostNumber { get; init; } = 50;

    /// <summary>The smallest target.</summary>
    public int LeastTarget { get; init; } = 10;

    /// <summary>The largest target.</summary>
    public int MostTarget { get; init; } = 100;

    /// <summary>The largest result of a step of a solution.</summary>
    public int Limit { get; init; } = (int)PuzzleSolver.DefaultLimit;

    /// <summary>The share of targets that training never has. Does not depend on <see cref="Seed"/>.</summary>
    public double HeldOut { get; init; } = 0.1;

    /// <summary>Which part is drawn from.</summary>
    public PuzzleSplit Split { get; init; }

    /// <summary>Decides which puzzles are drawn, and nothing else.</summary>
    public ulong Seed { get; init; }

    /// <summary>Throws when a value makes no sense.</summary>
    /// <exception cref="NativeSteerException">A range is empty or too large, a weight is negative, a target lies above the limit.</exception>
    public void Validate()
    {
        if (Counts.Count == 0) throw new NativeSteerException("No count of numbers is given; give for example 3:0.7,4:0.3.");
        foreach (var (numbers, weight) in Counts)
        {
            if (numbers is < 2 or > MostNumbers) throw new NativeSteerException($"Puzzles of {numbers} numbers cannot be drawn; give 2 to {MostNumbers}.");
            if (!double.IsFinite(weight) || weight < 0) throw new NativeSteerException($"Puzzles of {numbers} numbers have the weight {weight}; give 0 or more.");
        }
        if (!(Counts.Sum(count => count.Weight) > 0)) throw new NativeSteerException("All counts of numbers have the weight 0; give one a larger weight.");
        CheckRange("numbers", LeastNumber, MostNumber);
        CheckRange("targets", LeastTarget, MostTarget);
        if (MostTarget > Limit) throw new NativeSteerException($"The largest target, {MostTarget}, lies above the limit of results, {Limit}; raise the limit or lower the targets.");
        if (Limit > 1_000_000) throw new NativeSteerException($"The limit of results is {Limit}; it should be at most 1000000.");
        if (!(HeldOut is >= 0 and < 1)) throw new NativeSteerException($"The share of held-out targets is {HeldOut}; it should be 0 or more and below 1.");
    }

    private static void CheckRange(string what, int least, int most)
    {
        if (least < 1 || most > Puzzle.Largest || least > most)
            throw new NativeSteerException($"The range of {what} is {least} to {most}; it should lie within 1 to {Puzzle.Largest}, the smaller end first.");
    }
}
