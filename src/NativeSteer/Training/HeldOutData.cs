using NativeSteer.Files;

namespace NativeSteer.Training;

/// <summary>Sequences that are not trained on, to measure the loss on.</summary>
internal static class HeldOutData
{
    private const ulong Stream = ulong.MaxValue; // of the seed's random numbers; epochs use those from 0 on

    /// <summary>Holds out a share of the sequences, at least one, chosen by the seed.</summary>
    /// <exception cref="NativeSteerException">Nothing would be left on one of the sides.</exception>
    internal static (IReadOnlyList<TrainingSequence> Trained, IReadOnlyList<TrainingSequence> HeldOut) Split(
        IReadOnlyList<TrainingSequence> sequences, double share, ulong seed)
    {
        if (share <= 0) return (sequences, []);
        var count = Math.Max(1, (int)Math.Round(share * sequences.Count));
        if (count >= sequences.Count)
            throw new NativeSteerException(
                $"{sequences.Count} sequences are too few to hold out a share of them; give more data, or held-out data with --eval-file.");
        int[] order = [.. Enumerable.Range(0, sequences.Count)];
        new StableRandom(seed, Stream).Shuffle<int>(order);
        var chosen = order[..count].ToHashSet();
        return ([.. sequences.Where((_, i) => !chosen.Contains(i))], [.. sequences.Where((_, i) => chosen.Contains(i))]);
    }

    /// <summary>The mean weighted loss a target (natural logarithm) over all batches of a packer's first epoch.</summary>
    internal static double Loss(ITrainable trainer, BatchPacker packer, CancellationToken stop)
    {
        var (sum, count) = (0.0, 0L);
        for (var i = 0; i < packer.Batches(0); i++)
        {
            stop.ThrowIfCancellationRequested();
            var batch = packer.Batch(0, i);
            var probabilities = trainer.LogProbabilities(batch);
            for (var target = 0; target < probabilities.Length; target++) sum -= (double)batch.Weights[target] * probabilities[target];
            count += probabilities.Length;
        }
        return sum / count;
    }
}
