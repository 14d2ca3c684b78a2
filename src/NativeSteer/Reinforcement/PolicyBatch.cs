using NativeSteer.Rollouts;
using NativeSteer.Training;

namespace NativeSteer.Reinforcement;

/// <summary>Turns judged rollouts into what the trainer is given.</summary>
internal static class PolicyBatch
{
    /// <summary>The tokens of a rollout, its end token too where it has one, each weighed by the rollout's advantage.</summary>
    /// <param name="rollout">What was generated.</param>
    /// <param name="advantage">The factor of its loss.</param>
    /// <param name="penalised">Whether the reference's log-probabilities will be filled in.</param>
    internal static TrainingSequence Sequence(Rollout rollout, double advantage, bool penalised)
    {
        int[] generated = rollout.End is { } end ? [.. rollout.Tokens, end] : [.. rollout.Tokens];
        var prompt = rollout.Request.Prompt;
        var weights = new float[prompt.Count + generated.Length];
        weights.AsSpan(prompt.Count).Fill((float)advantage);
        if (!penalised) return new([.. prompt, .. generated], weights);
        var references = new float[weights.Length];
        references.AsSpan(0, prompt.Count).Fill(float.NaN);
        return new([.. prompt, .. generated], weights) { ReferenceLogProbabilities = references };
    }

    /// <summary>How many tokens were generated, an end token included.</summary>
    internal static long Generated(Rollout rollout) => rollout.Tokens.Count + (rollout.End is null ? 0 : 1);

    /// <summary>Packs sequences, in their order, into batches of rows as long as the longest of them.</summary>
    internal static IReadOnlyList<TrainingBatch> Pack(IReadOnlyList<TrainingSequence> sequences, int rows)
    {
        var packer = new BatchPacker(sequences, rows, sequences.Max(sequence => sequence.Tokens.Count), 0, shuffle: false);
        return [.. Enumerable.Range(0, packer.Batches(0)).Select(index => packer.Batch(0, index))];
    }
}
