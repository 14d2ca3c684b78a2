using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Hooks;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Extraction;

/// <summary>Packing changes nothing but the number of decodes, and leaves nothing behind.</summary>
public sealed class CaptureRunnerTests
{
    private static readonly LanguageModel s_model = Models.Tiny;
    private static readonly HookSlot[] s_slots = [.. Enumerable.Range(0, TinyModel.Layers).Select(layer => new HookSlot(HookSite.Residual, layer))];

    [Theory]
    [InlineData(16, 64, 4)]
    [InlineData(33, 128, 32)]
    [InlineData(128, 256, 2)]
    public void Texts_packed_into_full_batches_give_what_each_gives_alone(int batchLength, int contextLength, int sequences)
    {
        var texts = Enumerable.Range(0, 20).Select(i => Text(i, 1 + i * 29 % 60, group: i)).ToArray();
        using var context = s_model.CreateContext(ExtractionData.Exact with { BatchLength = batchLength, ContextLength = contextLength, Sequences = sequences });
        var sums = new ActivationSums(s_slots, texts.Length, TinyModel.Width);
        var log = new Log();
        var runner = new CaptureRunner(context) { Expected = new CaptureProgress(0, texts.Length, 0, texts.Sum(text => (long)text.Tokens.Length)) };
        runner.Sum(texts, sums, log);

        foreach (var (text, group) in texts.Select((text, i) => (text, i)))
        {
            var rows = ExtractionData.Alone(text.Tokens);
            foreach (var slot in s_slots)
            {
                var expected = ExtractionData.Mean([.. Enumerable.Range(0, rows.Count).Select(row => ExtractionData.Doubles(rows.Row(row, slot.Layer)))]);
                Assert.Equal(rows.Count, sums.Count(slot, group));
                Assert.Equal(expected, sums.Mean(slot, group)!, (x, y) => Math.Abs(x - y) < 1e-4);
            }
        }
        Assert.Equal(runner.Expected with { Texts = runner.Expected.TotalTexts, Rows = runner.Expected.TotalRows }, log.Reports[^1]);
        if (sequences == 32)
        {
            // All batches but the last are full.
            Assert.Equal((runner.Done.Rows + batchLength - 1) / batchLength, log.Reports.Count);
        }
        for (var sequence = 0; sequence < sequences; sequence++) Assert.Equal(0, context.SequenceLength(sequence));
        context.Decode(Models.Sequence(s_model, 4)); // the hook is gone
    }

    [Theory]
    [InlineData(32, 64, 8)] // texts are cut, and there is hardly room to keep any
    [InlineData(64, 256, 3)]
    [InlineData(64, 1024, 32)]
    public void Texts_that_begin_alike_share_their_beginning_and_nothing_else(int batchLength, int contextLength, int sequences)
    {
        // Three openings of 20 tokens, continued in turn; labels from row 15 to 25 on, so that some lie in the shared part.
        var texts = Enumerable.Range(0, 24).Select(i =>
        {
            int[] tokens = [.. Tokens(100 + i % 3, 20), .. Tokens(i, 5 + i % 20)];
            return LabelledTokens.AllRows(tokens, i, first: Math.Min(tokens.Length - 1, 15 + i % 11));
        }).ToArray();
        using var context = s_model.CreateContext(ExtractionData.Exact with { BatchLength = batchLength, ContextLength = contextLength, Sequences = sequences });
        var sums = new ActivationSums(s_slots, texts.Length, TinyModel.Width);
        var runner = new CaptureRunner(context);
        runner.Sum(texts, sums);

        Assert.InRange(runner.ReusedRows, 24 * 4, 24 * 20);
        Assert.Equal(texts.Sum(text => (long)text.Tokens.Length), runner.Done.Rows);
        for (var group = 0; group < texts.Length; group++)
        {
            var (first, rows) = (texts[group].Labels[0].Row, ExtractionData.Alone(texts[group].Tokens));
            foreach (var slot in s_slots)
            {
                var expected = ExtractionData.Mean([.. Enumerable.Range(first, rows.Count - first).Select(row => ExtractionData.Doubles(rows.Row(row, slot.Layer)))]);
                Assert.Equal(rows.Count - first, sums.Count(slot, group));
                Assert.Equal(expected, sums.Mean(slot, group)!, (x, y) => Math.Abs(x - y) < 1e-4);
            }
        }
    }

    [Fact]
    public void One_sequence_is_enough_for_any_number_of_texts_that_begin_alike()
    {
        var texts = Enumerable.Range(0, 6).Select(i => LabelledTokens.LastRow([.. Tokens(1, 12), .. Tokens(i, 4)], 0)).ToArray();
        using var context = s_model.CreateContext(new() { Threads = 1, ContextLength = 128 });
        var sums = new ActivationSums([s_slots[1]], 1, TinyModel.Width);
        var runner = new CaptureRunner(context);
        runner.Sum(texts, sums);
        Assert.Equal(6, runner.Done.Texts);
        Assert.Equal(6, sums.Count(s_slots[1], 0));
    }

    [Fact]
    public void Rows_after_the_last_labelled_one_and_texts_without_labels_are_not_run()
    {
        using var context = s_model.CreateContext(new() { Threads = 1, ContextLength = 128, Sequences = 4 });
        var runner = new CaptureRunner(context);
        var sums = new ActivationSums([s_slots[1]], 1, TinyModel.Width);
        runner.Sum([new LabelledTokens(Tokens(1, 50), [new(3, 0), new(9, 0)]), new LabelledTokens(Tokens(2, 50), [])], sums);
        Assert.Equal((1, 10L), (runner.Done.Texts, runner.Done.Rows));
        Assert.Equal(2, sums.Count(s_slots[1], 0));
    }

    [Fact]
    public void Cancelling_stops_the_run_and_leaves_the_context_empty_and_usable()
    {
        using var context = s_model.CreateContext(new() { Threads = 1, ContextLength = 256, BatchLength = 32, Sequences = 8 });
        using var source = new CancellationTokenSource();
        var runner = new CaptureRunner(context);
        var sums = new ActivationSums(s_slots, 1, TinyModel.Width);
        var log = new Log(report => { if (report.Rows > 100) source.Cancel(); });
        var error = Assert.Throws<OperationCanceledException>(() => runner.Sum(Enumerable.Range(0, 1000).Select(i => Text(i, 40, 0)), sums, log, source.Token));
        Assert.Equal(source.Token, error.CancellationToken);
        Assert.InRange(runner.Done.Rows, 101, 160);
        Assert.Equal(0, context.SequenceLength(0));
        runner.Sum([Text(1, 40, 0)], sums);

        Assert.Throws<OperationCanceledException>(() => runner.Sum([Text(1, 40, 0)], sums, cancellation: new CancellationToken(canceled: true)));
        runner.Sum([Text(1, 40, 0)], sums);
    }

    [Fact]
    public void A_text_longer_than_the_context_is_refused()
    {
        using var context = s_model.CreateContext(new() { Threads = 1, ContextLength = 256, Sequences = 2 });
        var sums = new ActivationSums(s_slots, 1, TinyModel.Width);
        Fails.With(() => new CaptureRunner(context).Sum([Text(1, 257, 0)], sums), "257 tokens", "the context of 256");
        Assert.Throws<ArgumentException>(() => new LabelledTokens([1, 2], [new(1, 0), new(0, 0)]));
        Assert.Throws<ArgumentException>(() => new LabelledTokens([1, 2], [new(2, 0)]));
    }

    [Fact]
    public void Texts_are_let_go_once_they_are_decoded()
    {
        using var context = s_model.CreateContext(new() { Threads = 1, BatchLength = 128, ContextLength = 256, Sequences = 32 });
        var runner = new CaptureRunner(context);
        var sums = new ActivationSums(s_slots, 2, TinyModel.Width);
        // A batch of 128 rows touches at most 5 texts of 40; a few more may still lie in registers and enumerators.
        Assert.InRange(AliveAtEnd(64), 1, 10);
        Assert.InRange(AliveAtEnd(512), 1, 10);

        int AliveAtEnd(int count)
        {
            var seen = new List<WeakReference>();
            var alive = 0;
            runner.Sum(Enumerable.Range(0, count).Select(i => Next(i, count)), sums);
            return alive;

            LabelledTokens Next(int i, int last)
            {
                var text = Text(i, 40, i % 2);
                seen.Add(new WeakReference(text));
                if (seen.Count < last) return text;
                GC.Collect();
                alive = seen.Count(reference => reference.IsAlive);
                return text;
            }
        }
    }

    private static int[] Tokens(int seed, int length)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(3, s_model.Vocabulary.Size))];
    }

    private static LabelledTokens Text(int seed, int length, int group) => LabelledTokens.AllRows(Tokens(seed, length), group);

    private sealed class Log(Action<CaptureProgress>? then = null) : IProgress<CaptureProgress>
    {
        public List<CaptureProgress> Reports { get; } = [];

        public void Report(CaptureProgress value)
        {
            Reports.Add(value);
            then?.Invoke(value);
        }
    }
}
