using NativeSteer.Analysis;
using NativeSteer.Engine;
using NativeSteer.Hooks;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Analysis;

public sealed class TokenProjectionTests
{
    private const int Layer = 3; // the last one, whose rows exist only as outputs

    private static readonly ContextOptions s_exact = new() { ContextLength = 256, Sequences = 4, CacheType = CacheType.F32, FlashAttention = false };

    private static readonly ProjectedText[] s_texts =
        [.. Enumerable.Range(0, 7).Select(i => new ProjectedText([1, .. Enumerable.Range(10 * i + 5, 6 + 4 * i)], 1 + i % 2))];

    [Theory]
    [InlineData(Layer)]
    [InlineData(1)]
    public void Values_are_the_centred_residuals_along_the_unit_direction(int layer)
    {
        var vector = Models.RandomVector(Models.Tiny.Shape, 5, layer);
        using var context = Models.Tiny.CreateContext(s_exact);
        var residuals = s_texts.Select(text => Residuals(context, text, layer)).ToArray();
        var all = Mean(residuals.SelectMany(rows => rows));
        var values = TokenProjection.Project(context, s_texts, vector, layer);
        var own = TokenProjection.Project(context, s_texts, vector, layer, ProjectionCentre.Text);
        var plain = TokenProjection.Project(context, s_texts, vector, layer, ProjectionCentre.None);
        for (var text = 0; text < s_texts.Length; text++)
        {
            var mean = Mean(residuals[text]);
            Assert.Equal(s_texts[text].Tokens.Count - s_texts[text].First, values[text].Length);
            Assert.Equal(0, own[text].Sum(), 1e-3);
            for (var token = 0; token < values[text].Length; token++)
            {
                var h = residuals[text][token];
                Assert.Equal(Along(h.Zip(all, (a, b) => a - b)), values[text][token], 1e-4);
                Assert.Equal(Along(h.Zip(mean, (a, b) => a - b)), own[text][token], 1e-4);
                Assert.Equal(Along(h), plain[text][token], 1e-4);
            }
        }

        double Along(IEnumerable<double> row) => row.Zip(vector.Direction(layer).ToArray(), (a, b) => a * b).Sum() / vector.Norm(layer);
    }

    [Fact]
    public void How_the_texts_are_batched_does_not_matter()
    {
        var vector = Models.RandomVector(Models.Tiny.Shape, 5, Layer);
        using var wide = Models.Tiny.CreateContext(s_exact);
        using var narrow = Models.Tiny.CreateContext(s_exact with { Sequences = 2, BatchLength = 5 });
        var (a, b) = (TokenProjection.Project(wide, s_texts, vector, Layer), TokenProjection.Project(narrow, s_texts, vector, Layer));
        for (var text = 0; text < s_texts.Length; text++)
        {
            for (var token = 0; token < a[text].Length; token++) Assert.Equal(a[text][token], b[text][token], 1e-4);
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        using var context = Models.Tiny.CreateContext(s_exact);
        var vector = Models.RandomVector(Models.Tiny.Shape, 5, Layer);
        Assert.Throws<NativeSteerException>(() => TokenProjection.Project(context, s_texts, vector, 2));
        Assert.Throws<NativeSteerException>(() => TokenProjection.Project(context, s_texts, 0 * vector, Layer));
        var error = Assert.Throws<NativeSteerException>(() => TokenProjection.Project(context, [new([.. Enumerable.Repeat(9, 257)], 0)], vector, Layer));
        Assert.Contains("257 tokens", error.Message, StringComparison.Ordinal);
    }

    private static double[][] Residuals(InferenceContext context, ProjectedText text, int layer)
    {
        var rows = new ActivationRows([new HookSlot(HookSite.Residual, layer)], context.Model.Shape.Width);
        using var hook = new ResidualHook(context);
        var batch = new TokenBatch();
        foreach (var token in text.Tokens) batch.Copy(batch.Add(token, batch.Count, 0));
        context.Clear();
        using (hook.Copy(rows)) context.Decode(batch);
        context.Clear();
        return [.. Enumerable.Range(text.First, text.Tokens.Count - text.First).Select(row => rows.Row(row, 0).ToArray().Select(x => (double)x).ToArray())];
    }

    private static double[] Mean(IEnumerable<double[]> rows)
    {
        var list = rows.ToList();
        return [.. Enumerable.Range(0, list[0].Length).Select(i => list.Average(row => row[i]))];
    }
}
