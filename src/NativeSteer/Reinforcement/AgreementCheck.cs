using System.Numerics.Tensors;
using NativeSteer.Analysis;
using NativeSteer.Rollouts;
using NativeSteer.Tensors;
using NativeSteer.Training;
using NativeSteer.Vectors;

namespace NativeSteer.Reinforcement;

/// <summary>Checks that llama.cpp, which makes the rollouts, and the trainer, which makes their gradients, are the same model.</summary>
/// <remarks>
/// What may differ is rounding. Each of the 2 L + 1 stages (attention and feed-forward network of every layer, and the head) rounds what it
/// reads to a relative error of u: 2^-11 for the cache's half precision, 2^-8 where products are of BF16 or of quantised numbers, which have 8 bits. Errors
/// of stages are independent, so logits that scatter by s are wrong by about u s sqrt(2 L + 1); four times that is allowed for a mean.
/// </remarks>
internal sealed class AgreementCheck
{
    private const int MostTargets = 256; // whose logits are held at a time
    private const double Half = 1.0 / (1 << 11), EightBits = 1.0 / (1 << 8), Allowed = 4;

    private readonly double _rounding;

    internal AgreementCheck(GgufFile model, ModelShape shape, ReinforcementOptions options)
    {
        var eightBits = options.Trainer.RoundFrozen || (options.Parts.All && options.Trainer.Compute == ComputeType.BF16)
            || model.Tensors.Any(tensor => tensor.Type == GgmlType.BF16 || GgmlTypes.BlockElements(tensor.Type) > 1);
        _rounding = (eightBits ? EightBits : Half) * Math.Sqrt(2.0 * shape.Layers + 1);
    }

    /// <summary>The mean difference of the log-probability of a generated token, at temperature 1, over the first of some rollouts.</summary>
    /// <returns>The difference and what is allowed, in nats; null where nothing was generated.</returns>
    internal (double Difference, double Tolerance)? Run(Trainer trainer, IEnumerable<Rollout> rollouts)
    {
        var chosen = new List<(JudgedAnswer Answer, double LogProbability)>();
        var tokens = 0;
        foreach (var rollout in rollouts)
        {
            var answer = JudgedAnswer.Of(rollout, 1);
            if (answer.Tokens.Count == 0) continue;
            if (tokens > 0 && tokens + answer.Tokens.Count > MostTargets) break;
            tokens += answer.Tokens.Count;
            chosen.Add((answer, rollout.LogProbability));
        }
        if (tokens == 0) return null;
        // As the gradient's batches are packed, in one of them.
        var batch = AnswerRows.Pack([.. chosen.Select(pair => pair.Answer)], int.MaxValue, penalised: false)[0];
        var found = Targets(trainer, batch, out var scatter);
        var (difference, at) = (0.0, 0);
        foreach (var (answer, expected) in chosen)
        {
            difference += Math.Abs(found.Skip(at).Take(answer.Tokens.Count).Sum() - expected);
            at += answer.Tokens.Count;
        }
        return (difference / tokens, Allowed * _rounding * scatter);
    }

    /// <summary>Throws where they differ.</summary>
    /// <exception cref="NativeSteerException">By how much, and what is allowed.</exception>
    internal static void Require((double Difference, double Tolerance) found)
    {
        if (found.Difference <= found.Tolerance) return;
        throw new NativeSteerException(FormattableString.Invariant(
            $"The rollouts and the trainer do not see the same model: a token's log-probability differs by {found.Difference:0.####} nats on average, rounding explains {found.Tolerance:0.####}; use --compute f32, or check the model with 'nativesteer doctor'."));
    }

    // Log-probabilities of the targets, and the standard deviation of a row's logits.
    private static List<double> Targets(Trainer trainer, TrainingBatch batch, out double scatter)
    {
        ReadOnlySpan<float> logits = trainer.Logits(batch);
        var vocabulary = logits.Length / batch.Targets.Length;
        var found = new List<double>(batch.Targets.Length);
        var variance = 0.0;
        for (var i = 0; i < batch.Targets.Length; i++)
        {
            var row = logits.Slice(i * vocabulary, vocabulary);
            found.Add(row[batch.Targets[i]] - LogProbabilities.LogSum(row));
            var mean = TensorPrimitives.Sum(row) / vocabulary;
            variance += TensorPrimitives.SumOfSquares(row) / vocabulary - mean * mean;
        }
        scatter = Math.Sqrt(Math.Max(0, variance / batch.Targets.Length));
        return found;
    }
}
