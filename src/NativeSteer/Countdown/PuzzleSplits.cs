using NativeSteer.Files;

namespace NativeSteer.Countdown;

/// <summary>
/// Says which part of the puzzles a puzzle belongs to, by hashes alone: the same for every seed of the data, every range of
/// numbers and every order of the numbers. A larger share keeps out all that a smaller one does.
/// </summary>
/// <param name="heldOut">The share of targets that training never has.</param>
public sealed class PuzzleSplits(double heldOut = 0.1)
{
    /// <summary>The share of puzzles that are kept for validation.</summary>
    public const double ValidationShare = 0.05;

    // Chosen so that the usual tenth of the targets 10 to 100 is 9 of 91, as in stream of search, spread over the range.
    private const ulong TargetSeed = 17;

    /// <summary>Whether training never has the target.</summary>
    public bool IsHeldOut(int target) => Share(StableRandom.Mix((ulong)target ^ StableRandom.Mix(TargetSeed))) < heldOut;

    /// <summary>The part that a puzzle belongs to.</summary>
    public PuzzleSplit Of(Puzzle puzzle)
    {
        ArgumentNullException.ThrowIfNull(puzzle);
        if (IsHeldOut(puzzle.Target)) return PuzzleSplit.NewTargets;
        return Share(puzzle.StableHash) < ValidationShare ? PuzzleSplit.Validation : PuzzleSplit.Train;
    }

    private static double Share(ulong hash) => (hash >> 11) * (1.0 / (1UL << 53));
}
