using NativeSteer.Analysis;
using NativeSteer.Rollouts;
using NativeSteer.Training;

namespace NativeSteer.Reinforcement;

/// <summary>Checks that llama.cpp, which makes the rollouts, and the trainer, which makes their gradients, are the same model.</summary>
internal static class AgreementCheck
{
    /// <summary>The largest mean difference of a token's log-probability that passes, in nats: caches of 16 bits and rounded products differ by less.</summary>
    internal const double Tolerance = 0.05;

    private const int MostTargets = 256; // whose logits are held at a time

    /// <summary>The mean difference of the log-probability of a generated token, at temperature 1, over some rollouts.</summary>
    /// <returns>NaN where nothing was generated.</returns>
    internal static double Difference(Trainer trainer, IEnumerable<Rollout> rollouts)
    {
        var (difference, tokens) = (0.0, 0L);
        foreach (var rollout in rollouts.Where(rollout => PolicyBatch.Generated(rollout) > 0))
        {
            var count = PolicyBatch.Generated(rollout);
            if (tokens > 0 && tokens + count > MostTargets) break;
            var batch = PolicyBatch.Pack([PolicyBatch.Sequence(rollout, 1, penalised: false)], 1)[0];
            difference += Math.Abs(Sum(trainer, batch) - rollout.LogProbability);
            tokens += count;
        }
        return difference / tokens;
    }

    private static double Sum(Trainer trainer, TrainingBatch batch)
    {
        ReadOnlySpan<float> logits = trainer.Logits(batch);
        var vocabulary = logits.Length / batch.Targets.Length;
        var sum = 0.0;
        for (var i = 0; i < batch.Targets.Length; i++)
        {
            var row = logits.Slice(i * vocabulary, vocabulary);
            sum += row[batch.Targets[i]] - LogProbabilities.LogSum(row);
        }
        return sum;
    }
}
