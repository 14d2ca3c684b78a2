using System.Text.Json;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Hooks;
using NativeSteer.Tests.Support;

namespace NativeSteer.Tests.Extraction;

/// <summary>Traces and pairs for the tiny model, and rows of the residual taken the plain way: one text, one decode, copied.</summary>
internal static class ExtractionData
{
    internal static readonly string[] Labels = ["backtracking", "deduction", "initializing"];

    /// <summary>
    /// With an F32 cache and no flash attention, other batches change only the order of F32 sums. One thread: the model is
    /// too small for more, and test classes run side by side.
    /// </summary>
    internal static readonly ContextOptions Exact = new() { CacheType = CacheType.F32, FlashAttention = false, Threads = 1 };

    private static readonly Lazy<InferenceContext> s_plain = new(() => Models.Tiny.CreateContext(Exact with { ContextLength = 512 }));

    /// <summary>A trace of random tokens with spans in token positions; some near the start, some overlapping.</summary>
    internal static LabelledTrace Trace(int seed, int length)
    {
        var random = new Random(seed);
        int[] tokens = [.. Enumerable.Range(0, length).Select(_ => random.Next(3, Models.Tiny.Vocabulary.Size))];
        var spans = Enumerable.Range(0, 4).Select(_ =>
        {
            var from = random.Next(length - 1);
            return new TraceSpan(Labels[random.Next(Labels.Length)], from, random.Next(from + 1, length));
        });
        return new LabelledTrace("", [.. spans]) { Tokens = tokens, Unit = SpanUnit.Tokens };
    }

    internal static LabelledTrace[] Traces(int count) => [.. Enumerable.Range(0, count).Select(i => Trace(i, 8 + i * 37 % 90))];

    internal static string Json(LabelledTrace trace) => JsonSerializer.Serialize(new
    {
        tokens = trace.Tokens,
        unit = "tokens",
        spans = trace.Spans.Select(span => new { label = span.Label, from = span.From, to = span.To }),
    });

    /// <summary>All residual rows (tokens, layers, width) of a text run alone in one decode.</summary>
    internal static ActivationRows Alone(int[] tokens)
    {
        lock (s_plain)
        {
            var context = s_plain.Value;
            context.Clear();
            using var hook = new ResidualHook(context);
            var rows = new ActivationRows(Enumerable.Range(0, TinyModel.Layers).Select(layer => new HookSlot(HookSite.Residual, layer)), TinyModel.Width);
            var batch = new TokenBatch();
            for (var i = 0; i < tokens.Length; i++) batch.Copy(batch.Add(tokens[i], i, 0, output: true));
            using (hook.Copy(rows, logits: true)) context.Decode(batch);
            return rows;
        }
    }

    internal static double[] Mean(IReadOnlyCollection<double[]> rows) =>
        [.. Enumerable.Range(0, TinyModel.Width).Select(column => rows.Average(row => row[column]))];

    internal static double[] Doubles(ReadOnlySpan<float> row) => Array.ConvertAll(row.ToArray(), value => (double)value);

    internal static double Distance(ReadOnlySpan<float> actual, double[] expected)
    {
        var sum = 0.0;
        for (var i = 0; i < expected.Length; i++) sum += Math.Pow(actual[i] - expected[i], 2);
        return Math.Sqrt(sum) / Math.Sqrt(expected.Sum(value => value * value));
    }
}
