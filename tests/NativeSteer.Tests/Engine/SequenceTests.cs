using NativeSteer.Engine;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Engine;

/// <summary>Sequences side by side: forked, rewound, many at a time, and all that can be wrong with a batch.</summary>
public sealed class SequenceTests
{
    // With an F32 cache and no flash attention the same rows give the same bits, in whichever cells they lie.
    private static readonly ContextOptions s_exact =
        new() { ContextLength = 256, Sequences = 4, CacheType = CacheType.F32, FlashAttention = false };

    [Fact]
    public void A_fork_goes_on_as_if_it_had_been_computed()
    {
        using var forked = Models.Tiny.CreateContext(s_exact);
        Feed(forked, sequence: 0, from: 0, 5, 6, 7, 8, 9);
        forked.CopySequence(0, 2);
        forked.CopySequence(0, 3, length: 3);
        Assert.Equal([5, 0, 5, 3], Enumerable.Range(0, 4).Select(forked.SequenceLength));

        using var recomputed = Models.Tiny.CreateContext(s_exact);
        Feed(recomputed, sequence: 2, from: 0, 5, 6, 7, 8, 9);
        AssertClose(Feed(recomputed, sequence: 2, from: 5, 20, 21), Feed(forked, sequence: 2, from: 5, 20, 21));
        Feed(recomputed, sequence: 3, from: 0, 5, 6, 7);
        AssertClose(Feed(recomputed, sequence: 3, from: 3, 30), Feed(forked, sequence: 3, from: 3, 30));
        // The one that was forked does not see its forks.
        Feed(recomputed, sequence: 0, from: 0, 5, 6, 7, 8, 9);
        AssertClose(Feed(recomputed, sequence: 0, from: 5, 40), Feed(forked, sequence: 0, from: 5, 40));
    }

    [Fact]
    public void A_rewound_sequence_is_as_if_it_had_never_gone_there()
    {
        using var rewound = Models.Tiny.CreateContext(s_exact);
        Feed(rewound, sequence: 0, from: 0, 5, 6, 7);
        Feed(rewound, sequence: 0, from: 3, 50, 51, 52);
        rewound.RewindSequence(0, 3);
        Assert.Equal(3, rewound.SequenceLength(0));

        using var straight = Models.Tiny.CreateContext(s_exact);
        Feed(straight, sequence: 0, from: 0, 5, 6, 7);
        AssertClose(Feed(straight, sequence: 0, from: 3, 8), Feed(rewound, sequence: 0, from: 3, 8));
        rewound.RewindSequence(0, 0);
        Assert.Equal(0, rewound.SequenceLength(0));
        rewound.RewindSequence(0, 10);
        rewound.Clear();
        Assert.Equal(Feed(straight, sequence: 1, from: 0, 9), Feed(rewound, sequence: 1, from: 0, 9));
    }

    [Fact]
    public void Two_hundred_and_fifty_six_sequences_run_in_one_batch()
    {
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 1024, Sequences = 256 });
        var batch = new TokenBatch();
        for (var step = 0; step < 3; step++)
        {
            batch.Clear();
            for (var sequence = 0; sequence < 256; sequence++) batch.Add(3 + (sequence + step) % 200, step, sequence, output: true);
            context.Decode(batch);
        }
        Assert.All(Enumerable.Range(0, 256), sequence => Assert.Equal(3, context.SequenceLength(sequence)));
        // Sequences 200 apart were given the same tokens.
        AssertClose(context.Logits(10).ToArray(), context.Logits(210).ToArray());
        Assert.NotEqual(context.Logits(10).ToArray(), context.Logits(11).ToArray());
    }

    [Fact]
    public void A_full_cache_is_an_error_that_leaves_the_context_as_it_was()
    {
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 256, BatchLength = 64, Sequences = 2 });
        Assert.Equal(256, context.Options.ContextLength);
        for (var at = 0; at < 256; at += 64) Feed(context, 0, at, [.. Enumerable.Repeat(5, 64)]);
        Fails.With(() => Feed(context, 1, 0, 6), "KV cache (256 cells)", "-c");
        Assert.Equal((256, 0), (context.SequenceLength(0), context.SequenceLength(1)));

        context.RewindSequence(0, 100);
        Feed(context, 1, 0, 6);
        Feed(context, 0, 100, 7);
        Assert.Equal((101, 1), (context.SequenceLength(0), context.SequenceLength(1)));
    }

    [Fact]
    public void A_malformed_batch_is_an_error_that_leaves_the_context_as_it_was()
    {
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 256, BatchLength = 16, Sequences = 2 });
        Feed(context, 0, 0, 5, 6);
        Fails.With(() => Feed(context, 2, 0, 5), "sequence 2", "has 2");
        Fails.With(() => Feed(context, -1, 0, 5), "sequence -1");
        Fails.With(() => Feed(context, 1, 0, TinyModel.VocabularySize), $"token {TinyModel.VocabularySize}");
        Fails.With(() => Feed(context, 1, 0, -1), "token -1");
        Fails.With(() => Feed(context, 1, -1, 5), "negative position");
        Fails.With(() => Feed(context, 0, 3, 5), "without gaps"); // one position left out
        Fails.With(() => Feed(context, 0, 1, 5), "without gaps"); // one that is taken
        Fails.With(() => Feed(context, 1, 0, [.. Enumerable.Repeat(5, 17)]), "1 to 16 rows, not 17");
        Fails.With(() => context.Decode(new TokenBatch()), "1 to 16 rows, not 0");
        var gap = new TokenBatch();
        gap.Add(5, 0, 1);
        gap.Add(5, 2, 1);
        Fails.With(() => context.Decode(gap), "without gaps");
        Feed(context, 0, 2, 7);
        Assert.Equal((3, 0), (context.SequenceLength(0), context.SequenceLength(1)));
    }

    [Fact]
    public void Sequences_out_of_range_are_refused()
    {
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 64, Sequences = 2 });
        foreach (var sequence in (int[])[-1, 2, int.MaxValue])
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => context.CopySequence(0, sequence));
            Assert.Throws<ArgumentOutOfRangeException>(() => context.CopySequence(sequence, 0));
            Assert.Throws<ArgumentOutOfRangeException>(() => context.RewindSequence(sequence, 0));
            Assert.Throws<ArgumentOutOfRangeException>(() => context.SequenceLength(sequence));
        }
    }

    [Fact]
    public void Cancelling_from_another_thread_ends_a_decode_and_can_be_taken_back()
    {
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 256, BatchLength = 128 });
        var thread = new Thread(() =>
        {
            Thread.Sleep(50);
            context.Cancel();
        });
        thread.Start();
        Assert.ThrowsAny<OperationCanceledException>(() =>
        {
            var batch = Models.Sequence(Models.Tiny, 128);
            for (var i = 0; i < 100_000; i++)
            {
                context.Clear();
                context.Decode(batch);
            }
        });
        thread.Join();
        Assert.ThrowsAny<OperationCanceledException>(() => Feed(context, 0, context.SequenceLength(0), 5));
        context.Resume();
        context.Clear();
        Assert.Equal(Feed(context, 0, 0, 5, 6), Fresh());

        static float[] Fresh()
        {
            using var context = Models.Tiny.CreateContext(new() { ContextLength = 256, BatchLength = 128 });
            return Feed(context, 0, 0, 5, 6);
        }
    }

    // Decodes tokens of a sequence and returns the logits after the last.
    private static float[] Feed(InferenceContext context, int sequence, int from, params int[] tokens)
    {
        var batch = new TokenBatch();
        for (var i = 0; i < tokens.Length; i++) batch.Add(tokens[i], from + i, sequence, output: i == tokens.Length - 1);
        context.Decode(batch);
        return context.Logits(tokens.Length - 1).ToArray();
    }

    // The sums over cells run in another order when the cells lie elsewhere.
    private static void AssertClose(float[] expected, float[] actual)
    {
        var tolerance = 1e-5f * expected.Max(MathF.Abs);
        for (var i = 0; i < expected.Length; i++) Assert.InRange(actual[i] - expected[i], -tolerance, tolerance);
    }
}
