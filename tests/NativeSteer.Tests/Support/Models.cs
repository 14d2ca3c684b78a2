using NativeSteer.Engine;
using NativeSteer.Vectors;

namespace NativeSteer.Tests.Support;

/// <summary>Models loaded once for the whole test run, and small helpers on them.</summary>
internal static class Models
{
    private static readonly Lazy<LanguageModel> s_tiny = new(() => LanguageModel.Load(TinyModel.Path));
    private static readonly Lazy<LanguageModel> s_stories = new(() => LanguageModel.Load(SharedFolder.Stories260K!));

    internal static LanguageModel Tiny => s_tiny.Value;

    internal static LanguageModel Stories => s_stories.Value;

    /// <summary>A vector with random directions at the given layers.</summary>
    internal static SteeringVector RandomVector(ModelShape shape, int seed, params int[] layers)
    {
        var random = new Random(seed);
        return new SteeringVector(
            shape,
            layers.ToDictionary(l => l, _ => Enumerable.Range(0, shape.Width).Select(_ => random.NextSingle() - 0.5f).ToArray()));
    }

    /// <summary>One sequence with deterministic tokens.</summary>
    internal static TokenBatch Sequence(LanguageModel model, int length, int seed = 1, int sequence = 0, bool allOutputs = false)
    {
        var batch = new TokenBatch();
        Append(batch, model, length, seed, sequence, allOutputs);
        return batch;
    }

    internal static void Append(TokenBatch batch, LanguageModel model, int length, int seed, int sequence, bool allOutputs = false)
    {
        var random = new Random(seed);
        for (var i = 0; i < length; i++) batch.Add(random.Next(3, model.Vocabulary.Size), i, sequence, output: allOutputs || i == length - 1);
    }
}
