using NativeSteer.Engine;

namespace NativeSteer.Rollouts;

/// <summary>
/// Runs rollouts block by block. A block begins with an empty cache and its rollouts come back together, in the order they were
/// asked for: what they are depends on the block alone, to the last bit, not on what ran before. So a run that was killed, or
/// dealt out to several machines, repeats them.
/// </summary>
/// <remarks>
/// Rounding differs with the rows that share a batch, and a different rounding now and then picks another token; only the same
/// batches give the same texts.
/// </remarks>
public static class RolloutBlocks
{
    /// <summary>Blocks are this many times as large as what runs side by side, so that few sequences idle at their ends.</summary>
    public const int Turns = 4;

    /// <summary>Most sequences side by side where no number is given.</summary>
    public const int MostParallel = 32;

    /// <summary>
    /// The same without flash attention: every row then looks at every sequence's cells, and more sequences are slower from here on
    /// (3.6 M weights on two cores: 8300 tokens/s with 4, 7600 with 8, 4300 with 32, 2300 with 64).
    /// </summary>
    public const int MostParallelUnfused = 4;

    private const int Granularity = 256; // llama.cpp rounds the cache up to this

    /// <summary>A context for rollouts of some length, as many side by side as fit.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokensEach">Most tokens of a rollout, its prompt included.</param>
    /// <param name="options">Threads and the like; <see cref="ContextOptions.Sequences"/> 0 means as many as fit, at most <see cref="MostParallel"/>, or <see cref="MostParallelUnfused"/>.</param>
    public static ContextOptions Fit(LanguageModel model, int tokensEach, ContextOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        var each = tokensEach + 1L; // llama.cpp wants room for the token after the last
        var most = InferenceContext.UsesFlashAttention(model, options) ? MostParallel : MostParallelUnfused;
        var parallel = options.Sequences > 0 ? options.Sequences : ContextMemory.Sequences(model, options.CacheType, (int)Math.Min(each, int.MaxValue), most);
        var length = (each * parallel + Granularity - 1) / Granularity * Granularity;
        return options with
        {
            Sequences = parallel,
            ContextLength = options.ContextLength > 0 ? options.ContextLength : (int)Math.Min(length, int.MaxValue / 2),
        };
    }

    /// <summary>Runs a block; on cancellation nothing of it is returned.</summary>
    /// <param name="runner">The runner.</param>
    /// <param name="block">What is to be generated.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <returns>The rollouts in the order of the requests.</returns>
    public static IReadOnlyList<Rollout> Run(RolloutRunner runner, IReadOnlyList<RolloutRequest> block, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(block);
        var order = new Dictionary<RolloutRequest, int>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < block.Count; i++) order.Add(block[i], i);
        var rollouts = new Rollout[block.Count];
        foreach (var rollout in runner.Run(block, cancellation)) rollouts[order[rollout.Request]] = rollout;
        return rollouts;
    }
}
