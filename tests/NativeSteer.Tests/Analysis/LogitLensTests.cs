using NativeSteer.Analysis;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Hooks;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Training;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Analysis;

public sealed class LogitLensTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Scores_and_top_tokens_equal_the_formula_in_double(bool unit, bool norm)
    {
        var path = WithNormWeights();
        using var model = LanguageModel.Load(path);
        var vector = Models.RandomVector(model.Shape, 3, 0, 2);
        using var lens = new LogitLens(model, new LensOptions { UnitLength = unit, ApplyNorm = norm, Top = 5 });
        var layers = lens.Look(vector);
        Assert.Equal([0, 2], layers.Select(layer => layer.Layer));
        var (weights, normWeights) = (Matrix(model.File), model.File.ReadTensor("output_norm.weight"));
        foreach (var layer in layers)
        {
            var v = vector.Direction(layer.Layer).ToArray().Select(x => (double)x).ToArray();
            if (unit) v = [.. v.Select(x => x / vector.Norm(layer.Layer))];
            if (norm) v = [.. v.Select((x, i) => x * normWeights[i])];
            var dots = weights.Select(row => Dot(row, v)).ToArray();
            var cosines = weights.Select((row, i) => dots[i] / Math.Sqrt(Dot(row, row) * Dot(v, v))).ToArray();
            // "wait" and "hmm" are the tokens that contain one of the words.
            var words = Enumerable.Range(0, dots.Length).Where(i => TextOf(model, i) is "wait" or "hmm").ToArray();
            Assert.Equal(2, words.Length);
            Assert.Equal(words, lens.WordTokens);
            Assert.Equal(words.Average(i => dots[i]), layer.Score, 1e-4);
            AssertTop(dots, layer.TopDot);
            AssertTop(cosines, layer.TopCosine);
        }
    }

    [Fact]
    public void A_row_of_the_unembedding_speaks_for_its_own_token()
    {
        var weights = Matrix(Models.Tiny.File);
        var token = Enumerable.Range(0, weights.Length).First(i => TextOf(Models.Tiny, i) is "hmm");
        var vector = new SteeringVector(Models.Tiny.Shape, [KeyValuePair.Create(1, weights[token].Select(x => (float)x).ToArray())]);
        using var lens = new LogitLens(Models.Tiny, new LensOptions { Keywords = KeywordSet.Parse("hmm"), Top = 1 });
        var layer = Assert.Single(lens.Look(vector));
        var top = Assert.Single(layer.TopCosine);
        Assert.Equal((token, "hmm"), (top.Id, top.Text));
        Assert.Equal(1, top.Value, 1e-5);
        Assert.Equal(vector.Norm(1), layer.Score, 1e-4);
        Assert.Equal(-layer.Score, Assert.Single(lens.Look(-vector)).Score, 1e-5);
    }

    [Fact]
    public void A_quantised_unembedding_is_read_as_ggml_reads_it()
    {
        var path = _folder["q8.gguf"];
        QuantizedCopy.Write(TinyModel.Path, path, GgmlType.Q8_0);
        using var model = LanguageModel.Load(path, new ModelOptions { VocabularyOnly = true });
        var vector = Models.RandomVector(Models.Tiny.Shape, 8, 1);
        using var exact = new LogitLens(Models.Tiny);
        using var quantised = new LogitLens(model);
        Assert.Equal(exact.Look(vector)[0].Score, quantised.Look(vector)[0].Score, 0.02);
        Assert.Equal(exact.Look(vector)[0].TopDot[0].Id, quantised.Look(vector)[0].TopDot[0].Id);
        Assert.NotEqual(exact.Look(vector)[0].Score, quantised.Look(vector)[0].Score);
    }

    [Fact]
    public void Tied_embeddings_are_the_unembedding()
    {
        using var model = LanguageModel.Load(BuiltInModel.Default, new ModelOptions { VocabularyOnly = true });
        Assert.Null(model.File.FindTensor("output.weight"));
        var shape = ModelShape.Of(model.File);
        var vector = Models.RandomVector(shape, 1, 0);
        using var lens = new LogitLens(model, new LensOptions { Top = 1 });
        var top = lens.Look(vector)[0].TopDot[0];
        var stored = model.File.FindTensor("token_embd.weight")!;
        var values = new float[stored.Count];
        GgmlRows.Decode(stored.Type, model.File.ReadTensorBytes(stored.Name), values);
        var v = vector.Direction(0).ToArray().Select(x => x / vector.Norm(0)).ToArray();
        var dots = values.Chunk(shape.Width).Select(row => Dot([.. row.Select(x => (double)x)], v)).ToArray();
        Assert.Equal(dots.Max(), top.Value, 1e-4);
        Assert.Equal(Array.IndexOf(dots, dots.Max()), top.Id);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        using var lens = new LogitLens(Models.Tiny, new LensOptions { Keywords = KeywordSet.Parse("nowhere") });
        Assert.Empty(lens.WordTokens);
        Assert.True(double.IsNaN(lens.Look(Models.RandomVector(Models.Tiny.Shape, 1, 1))[0].Score));
        var error = Assert.Throws<NativeSteerException>(() => lens.Look(Models.RandomVector(new ModelShape("llama", 4, 32), 1, 1)));
        Assert.Contains("width 32", error.Message, StringComparison.Ordinal);
        Assert.Contains("width 64", error.Message, StringComparison.Ordinal);
    }

    [Theory, ModelData("tiny"), ModelData("stories260K")]
    public void After_the_last_layer_a_position_says_what_the_model_says(string name)
    {
        var model = string.Equals(name, "tiny", StringComparison.Ordinal) ? Models.Tiny : Models.Stories;
        int[] tokens = [1, 20, 40, 60, 80, 100, 120];
        using var context = model.CreateContext(new() { ContextLength = 64, BatchLength = 3, CacheType = CacheType.F32, FlashAttention = false });
        var positions = PositionLens.Look(context, tokens, options: new LensOptions { Top = 3 });
        Assert.Equal(tokens.Length * model.Shape.Layers, positions.Count);
        Assert.Equal(0, context.SequenceLength(0));

        using var whole = model.CreateContext(new() { ContextLength = 64, CacheType = CacheType.F32, FlashAttention = false });
        var batch = new TokenBatch();
        foreach (var token in tokens) batch.Add(token, batch.Count, 0, output: true);
        whole.Decode(batch);
        foreach (var position in positions.Where(position => position.Layer == model.Shape.Layers - 1))
        {
            var logits = whole.Logits(position.Position).ToArray();
            var sum = Reference.LogSum(logits);
            AssertTop([.. logits.Select(logit => Math.Exp(logit - sum))], position.Top);
        }
    }

    [Fact]
    public void Before_the_last_layer_it_is_norm_and_unembedding_of_the_residual()
    {
        using var model = LanguageModel.Load(WithNormWeights());
        int[] tokens = [1, 20, 40, 60];
        using var context = model.CreateContext(new() { ContextLength = 64, CacheType = CacheType.F32, FlashAttention = false });
        var rows = new ActivationRows([new HookSlot(HookSite.Residual, 1)], model.Shape.Width);
        using (var hook = new ResidualHook(context))
        {
            var batch = new TokenBatch();
            foreach (var token in tokens) batch.Copy(batch.Add(token, batch.Count, 0));
            using (hook.Copy(rows)) context.Decode(batch);
        }
        var (weights, norm) = (Matrix(model.File), model.File.ReadTensor("output_norm.weight"));
        var positions = PositionLens.Look(context, tokens, [1], new LensOptions { Top = 4 });
        Assert.Equal(Enumerable.Range(0, 4), positions.Select(position => position.Position));
        foreach (var position in positions)
        {
            var h = rows.Row(position.Position, 0).ToArray().Select(x => (double)x).ToArray();
            var root = Math.Sqrt(Dot(h, h) / h.Length + 1e-5);
            var logits = weights.Select(row => Dot(row, [.. h.Select((x, i) => x / root * norm[i])])).ToArray();
            var sum = logits.Sum(Math.Exp);
            AssertTop([.. logits.Select(logit => Math.Exp(logit) / sum)], position.Top);
        }
    }

    [Fact]
    public void A_layer_norm_takes_the_mean_away_and_adds_its_bias()
    {
        float[] row = [1, 2, 3, 6];
        new FinalNorm([1, 1, 2, 1], [0, 10, 0, 0], 0.5f, Centred: true).Apply(row);
        var root = Math.Sqrt((4 + 1 + 0 + 9) / 4.0 + 0.5);
        double[] expected = [-2 / root, -1 / root + 10, 0, 3 / root];
        for (var i = 0; i < 4; i++) Assert.Equal(expected[i], row[i], 1e-5);
    }

    private static void AssertTop(double[] values, IReadOnlyList<LensToken> top)
    {
        var best = values.OrderDescending().Take(top.Count).ToArray();
        for (var i = 0; i < top.Count; i++)
        {
            Assert.Equal(best[i], top[i].Value, 1e-4 * Math.Max(1e-2, Math.Abs(best[i])));
            Assert.Equal(values[top[i].Id], top[i].Value, 1e-4 * Math.Max(1e-2, Math.Abs(best[i])));
        }
    }

    // The tiny model with a final norm whose weights are not all one.
    private string WithNormWeights()
    {
        var path = _folder["norm.gguf"];
        using var source = GgufFile.Open(TinyModel.Path);
        var writer = new GgufWriter();
        foreach (var entry in source.Entries.Where(entry => entry.Key is not "general.alignment")) writer.CopyEntry(source, entry);
        foreach (var tensor in source.Tensors)
        {
            if (tensor.Name != "output_norm.weight") writer.CopyTensor(source, tensor);
            else writer.AddTensor(tensor.Name, [.. Enumerable.Range(0, TinyModel.Width).Select(i => 0.5f + i % 7)], TinyModel.Width);
        }
        writer.Write(path);
        return path;
    }

    private static double[][] Matrix(GgufFile file) =>
        [.. file.ReadTensor("output.weight").Chunk(TinyModel.Width).Select(row => row.Select(x => (double)x).ToArray())];

    private static double Dot(double[] x, double[] y) => x.Zip(y, (a, b) => a * b).Sum();

    private static string TextOf(LanguageModel model, int token) => LogitLens.TextOf(model.Vocabulary, token);
}
