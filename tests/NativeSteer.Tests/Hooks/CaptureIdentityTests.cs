using NativeSteer.Engine;
using NativeSteer.Hooks;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Hooks;

/// <summary>What capture must be: sums equal the sums of copies, parts merge into the whole, row order does not matter.</summary>
public sealed class CaptureIdentityTests
{
    private static readonly LanguageModel s_model = Models.Tiny;

    private static readonly HookSlot[] s_slots =
        [.. from site in Enum.GetValues<HookSite>() from layer in Enumerable.Range(0, TinyModel.Layers) select new HookSlot(site, layer)];

    [Fact]
    public void Sums_equal_the_sums_of_the_copied_rows()
    {
        var batch = Mixed();
        var rows = Copy(batch, s_slots);
        var sums = Sum(batch, s_slots, groups: 3);
        for (var i = 0; i < sums.Slots.Count; i++)
        {
            for (var group = 0; group < 3; group++)
            {
                var members = Enumerable.Range(0, batch.Count).Where(r => r % 3 == group).ToArray();
                Assert.Equal(members.Length, sums.Count(sums.Slots[i], group));
                var expected = new double[TinyModel.Width];
                double norms = 0;
                foreach (var row in members)
                {
                    var values = rows.Row(row, i);
                    for (var c = 0; c < expected.Length; c++) expected[c] += values[c];
                    norms += Math.Sqrt(values.ToArray().Sum(x => (double)x * x));
                }
                Assert.Equal(expected, sums.Sum(sums.Slots[i], group).ToArray(), (a, b) => Math.Abs(a - b) < 1e-9);
                Assert.Equal(norms / members.Length, sums.MeanNorm(sums.Slots[i], group), 1e-9);
            }
        }
    }

    [Theory, InlineData(2), InlineData(3), InlineData(7)]
    public void Sums_of_many_rows_do_not_depend_on_the_number_of_threads(int threads)
    {
        const int rows = (1 << 16) / TinyModel.Width + 300; // enough for the hook to share them out
        var slot = new HookSlot(HookSite.Residual, 0);
        ActivationSums one = Labelled(1), several = Labelled(threads);
        for (var group = 0; group < 3; group++)
        {
            Assert.True(one.Count(slot, group) > 64);
            Assert.Equal(one.Count(slot, group), several.Count(slot, group));
            Assert.Equal(one.Sum(slot, group).ToArray(), several.Sum(slot, group).ToArray());
            Assert.Equal(one.MeanNorm(slot, group), several.MeanNorm(slot, group));
        }

        ActivationSums Labelled(int count)
        {
            using var context = s_model.CreateContext(new() { ContextLength = rows + 256, BatchLength = rows, Sequences = 16, Threads = count });
            using var hook = new ResidualHook(context);
            var batch = new TokenBatch();
            for (var s = 0; s < 16; s++) Models.Append(batch, s_model, rows / 16, seed: s, sequence: s);
            for (var row = 0; row < batch.Count; row++)
            {
                batch.Label(row, row % 3);
                if (row % 5 == 0) batch.Label(row, (row + 1) % 3);
            }
            var sums = new ActivationSums([slot], 3, TinyModel.Width);
            using (hook.Sum(sums)) context.Decode(batch);
            return sums;
        }
    }

    [Fact]
    public void Residual_is_what_attention_and_feed_forward_add_to_the_one_below()
    {
        var rows = Copy(Mixed(), s_slots);
        var index = rows.Slots.Select((slot, i) => (slot, i)).ToDictionary(x => x.slot, x => x.i);
        for (var row = 0; row < rows.Count; row++)
        {
            for (var layer = 1; layer < TinyModel.Layers; layer++)
            {
                for (var c = 0; c < TinyModel.Width; c++)
                {
                    var sum = At(HookSite.Residual, layer - 1) + At(HookSite.Attention, layer) + At(HookSite.FeedForward, layer);
                    Assert.Equal(sum, At(HookSite.Residual, layer), 1e-4);
                    float At(HookSite site, int l) => rows.Row(row, index[new HookSlot(site, l)])[c];
                }
            }
        }
    }

    [Fact]
    public void Means_of_two_halves_merge_into_the_mean_of_all()
    {
        var slots = s_slots.Where(s => s.Site == HookSite.Residual).ToArray();
        ActivationSums Of(int from, int to)
        {
            var sums = new ActivationSums(slots, 1, TinyModel.Width);
            using var context = s_model.CreateContext(new() { ContextLength = 256, Sequences = 8 });
            using var hook = new ResidualHook(context);
            for (var s = from; s < to; s++)
            {
                var batch = Models.Sequence(s_model, 6 + s, seed: s);
                for (var row = 0; row < batch.Count; row++) batch.Label(row, 0);
                using (hook.Sum(sums)) context.Decode(batch);
                context.Clear();
            }
            return sums;
        }
        var all = Of(0, 8);
        var merged = Of(0, 4);
        merged.Merge(Of(4, 8));
        foreach (var slot in slots)
        {
            Assert.Equal(all.Count(slot, 0), merged.Count(slot, 0));
            Assert.Equal(all.Mean(slot, 0)!, merged.Mean(slot, 0)!, (a, b) => Math.Abs(a - b) < 1e-14);
        }
    }

    [Fact]
    public void Interleaved_sequences_give_the_rows_they_give_alone()
    {
        var slots = new[] { new HookSlot(HookSite.Residual, 2), new HookSlot(HookSite.Residual, TinyModel.Layers - 1) };
        int[] lengths = [5, 9, 3];
        var interleaved = new TokenBatch();
        var order = new List<(int Sequence, int Position)>();
        for (var p = 0; p < 9; p++)
        {
            for (var s = 0; s < 3; s++)
            {
                if (p >= lengths[s]) continue;
                interleaved.Copy(interleaved.Add(10 + 7 * s + p, p, s));
                order.Add((s, p));
            }
        }
        var together = Copy(interleaved, slots);
        for (var s = 0; s < 3; s++)
        {
            var alone = new TokenBatch();
            for (var p = 0; p < lengths[s]; p++) alone.Copy(alone.Add(10 + 7 * s + p, p, 0));
            var rows = Copy(alone, slots);
            for (var i = 0; i < order.Count; i++)
            {
                if (order[i].Sequence != s) continue;
                Assert.Equal(rows.Row(order[i].Position).ToArray(), together.Row(i).ToArray(), (a, b) => Math.Abs(a - b) < 1e-4);
            }
        }
    }

    [Fact]
    public void Leaving_the_graph_early_does_not_change_what_was_read()
    {
        var batch = Mixed();
        var slots = s_slots.Where(s => s is { Site: HookSite.Residual, Layer: < 2 }).ToArray();
        Assert.Equal(Copy(batch, slots, logits: true).Values.ToArray(), Copy(batch, slots, logits: false).Values.ToArray());
    }

    [Fact]
    public void The_last_layer_can_be_read_without_asking_for_logits()
    {
        var batch = Models.Sequence(s_model, 7);
        for (var row = 0; row < 7; row += 2) batch.Copy(row);
        var rows = Copy(batch, [new HookSlot(HookSite.Residual, TinyModel.Layers - 1)]);
        Assert.Equal(4, rows.Count);
        Assert.All(rows.Values.ToArray(), x => Assert.True(float.IsFinite(x)));
    }

    [Fact]
    public void A_hook_that_captures_nothing_decodes_as_without()
    {
        using var context = s_model.CreateContext(new() { ContextLength = 64 });
        using var hook = new ResidualHook(context);
        var batch = Models.Sequence(s_model, 8);
        context.Decode(batch);
        var plain = context.Logits(7).ToArray();
        context.Clear();
        var sums = new ActivationSums(s_slots, 1, TinyModel.Width);
        using (hook.Sum(sums, logits: true)) context.Decode(batch);
        Assert.Equal(plain, context.Logits(7).ToArray());
    }

    private static TokenBatch Mixed()
    {
        var batch = new TokenBatch();
        for (var s = 0; s < 4; s++) Models.Append(batch, s_model, 4 + 3 * s, seed: s, sequence: s, allOutputs: true);
        for (var row = 0; row < batch.Count; row++)
        {
            batch.Label(row, row % 3);
            batch.Copy(row);
        }
        return batch;
    }

    private static ActivationRows Copy(TokenBatch batch, HookSlot[] slots, bool logits = true)
    {
        using var context = s_model.CreateContext(new() { ContextLength = 256, Sequences = 8 });
        using var hook = new ResidualHook(context);
        var rows = new ActivationRows(slots, TinyModel.Width);
        using (hook.Copy(rows, logits)) context.Decode(batch);
        return rows;
    }

    private static ActivationSums Sum(TokenBatch batch, HookSlot[] slots, int groups)
    {
        using var context = s_model.CreateContext(new() { ContextLength = 256, Sequences = 8 });
        using var hook = new ResidualHook(context);
        var sums = new ActivationSums(slots, groups, TinyModel.Width);
        using (hook.Sum(sums)) context.Decode(batch);
        return sums;
    }
}
