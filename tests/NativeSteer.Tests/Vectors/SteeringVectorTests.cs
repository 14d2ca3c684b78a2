using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Tests.Files;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Vectors;

public sealed class SteeringVectorTests
{
    private static readonly ModelShape s_shape = new("llama", 4, 5);

    internal static SteeringVector Vector(ModelShape shape, string label, int seed, params int[] layers)
    {
        var random = new System.Random(seed);
        return new SteeringVector(
            shape,
            layers.Select(layer => KeyValuePair.Create(
                layer, Enumerable.Range(0, shape.Width).Select(_ => random.NextSingle() * 8 - 4).ToArray())),
            Provenance.Empty.With(Provenance.Label, label).With(Provenance.Model, "m.gguf"));
    }

    private static Arbitrary<(SteeringVector A, SteeringVector B)> Pairs()
    {
        var vectors =
            from seed in Gen.Choose(0, int.MaxValue)
            from layers in Gen.NonEmptyListOf(Gen.Choose(0, 3))
            select Vector(s_shape, $"v{seed}", seed, [.. layers.Distinct()]);
        return vectors.Zip(vectors, (a, b) => (a, b)).ToArbitrary();
    }

    [Fact]
    public void Arithmetic_has_its_identities() => Prop.ForAll(Pairs(), pair =>
    {
        var (a, b) = pair;
        Assert.All((a + -a).Layers, layer => Assert.Equal(0, (a + -a).Norm(layer)));
        Assert.Equal(a + b, b + a);
        Assert.Equal(a - b, a + -b);
        Assert.Equal(a + a, 2 * a);
        Assert.Equal(a, 1 * a);
        Assert.Equal(a / 4, a * 0.25f);
        var back = a - b + b;
        foreach (var layer in back.Layers)
        {
            var expected = a.Has(layer) ? a.Direction(layer).ToArray() : new float[s_shape.Width];
            Assert.All(back.Direction(layer).ToArray().Zip(expected), both => Assert.Equal(both.Second, both.First, 1e-5f));
        }
        Assert.Equal(a.Layers.Union(b.Layers).Order(), (a + b).Layers);
        Assert.All(a.Normalized().Layers, layer => Assert.Equal(1, a.Normalized().Norm(layer), 1e-6));
        Assert.All(a.Layers, layer => Assert.Equal(-1, a.Cosine(-2 * a, layer), 1e-6));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_layer_of_one_operand_counts_as_zero_in_the_other()
    {
        var a = Vector(s_shape, "a", 1, 0, 2);
        var b = Vector(s_shape, "b", 2, 2, 3);
        var mix = a - 0.5f * b;
        Assert.Equal([0, 2, 3], mix.Layers);
        Assert.Equal(a.Direction(0).ToArray(), mix.Direction(0).ToArray());
        Assert.Equal((-0.5f * b).Direction(3).ToArray(), mix.Direction(3).ToArray());
    }

    [Fact]
    public void Provenance_follows_the_arithmetic()
    {
        var happy = Vector(s_shape, "happy", 1, 1);
        var sad = Vector(s_shape, "sad", 2, 1);
        var mix = (happy - 0.5f * sad) / 2;
        Assert.Equal("(happy - 0.5*sad)/2", mix.Provenance[Provenance.Expression]);
        Assert.Equal("m.gguf", mix.Provenance[Provenance.Model]);
        Assert.False(mix.Provenance.ContainsKey(Provenance.Label));
        for (var i = 0; i < 100; i++) mix += happy;
        Assert.InRange(mix.Provenance[Provenance.Expression].Length, 1, 401);
        Assert.Equal(mix, mix.With(Provenance.Empty)); // where from is not what
    }

    [Fact]
    public void Vectors_of_different_models_do_not_mix()
    {
        var a = Vector(s_shape, "a", 1, 1);
        Fails.With(
            () => _ = a + Vector(s_shape with { Width = 6 }, "b", 1, 1),
            "a of llama with 4 layers of width 5", "b of llama with 4 layers of width 6");
        Fails.With(() => _ = a - Vector(s_shape with { Layers = 5 }, "b", 1, 1), "5 layers");
        Fails.With(() => _ = a + Vector(s_shape with { Architecture = "qwen2" }, "b", 1, 1), "qwen2");
        Fails.With(() => a.Cosine(Vector(s_shape with { Width = 6 }, "b", 1, 1), 1), "different models");
        Assert.Equal(s_shape, (Vector(new ModelShape("", 0, 5), "unknown", 1, 1) + a).Shape);
    }

    [Fact]
    public void Construction_rejects_what_cannot_be()
    {
        static SteeringVector Make(int layer, float[] values, float[]? norms = null) =>
            new(s_shape, [KeyValuePair.Create(layer, values)], null, norms);
        Fails.With(() => Make(4, new float[5]), "layer 4, the model has 4 (0-3)");
        Fails.With(() => Make(-1, new float[5]), "layer -1");
        Fails.With(
            () => new SteeringVector(new ModelShape("", 0, 1), [KeyValuePair.Create(70_000, new float[1])]).ToString(),
            "layer 70000");
        Fails.With(() => Make(1, new float[4]), "has 4 values, the model's width is 5");
        Fails.With(() => Make(1, [1, 2, float.NaN, 4, 5]), "layer 1 holds a value that is not finite");
        Fails.With(() => Make(1, [1, 2, float.PositiveInfinity, 4, 5]), "not finite");
        Fails.With(() => Make(1, new float[5], [1, 2]), "2 residual norms");
        Fails.With(() => Make(1, new float[5], [1, 2, -3, 4]), "A residual norm is negative or infinite");
        Fails.With(() => _ = new SteeringVector(s_shape, []), "at least one layer");
        Fails.With(
            () => _ = new SteeringVector(s_shape, [KeyValuePair.Create(1, new float[5]), KeyValuePair.Create(1, new float[5])]),
            "Two directions");
        Fails.With(() => _ = new SteeringVector(s_shape with { Width = 0 }, [KeyValuePair.Create(1, new float[5])]), "cannot belong");
        var big = Make(1, [float.MaxValue, 0, 0, 0, 0]);
        Fails.With(() => _ = big + big, "not finite");
        Fails.With(() => _ = float.NaN * big, "not finite");
        Fails.With(() => _ = big / 0, "divided by zero");
    }

    [Fact]
    public void Values_are_copied()
    {
        float[] values = [1, 2, 3, 4, 5];
        var vector = new SteeringVector(s_shape, [KeyValuePair.Create(0, values)]);
        values[0] = 9;
        Assert.Equal(1, vector.Direction(0).Span[0]);
    }

    [Fact]
    public void Layers_are_chosen_and_missing_ones_named()
    {
        var vector = Vector(s_shape, "v", 1, 0, 1, 3);
        Assert.Equal([1, 3], vector.OnLayers(1, 9).Layers);
        Assert.Equal([0], vector.OnLayers([0]).Layers);
        Fails.With(() => vector.OnLayers(2, 2), "the vector has layers 0-1, 3");
        Fails.With(() => vector.OnLayers([40]), "Layer 40 was asked for, the vector has layers 0-1, 3");
        Fails.With(() => vector.Direction(2), "vector show");
        Assert.Contains("v: layers 0-1, 3 of llama", vector.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Norms_hold_at_the_ends_of_the_range_of_floats()
    {
        static SteeringVector Make(float value) => new(s_shape, [KeyValuePair.Create(1, new[] { value, 0, 0, 0, value })]);
        foreach (var value in new[] { 1e-40f, 1e-25f, 1f, 1e25f, 3e38f })
        {
            Assert.Equal(1, Make(value).Norm(1) / (value * Math.Sqrt(2)), 1e-6);
            Assert.Equal(1, Make(value).Normalized().Norm(1), 1e-6);
            Assert.Equal(1, Make(value).Cosine(Make(3e38f), 1), 1e-6);
        }
        Assert.Equal(0, Make(0).Normalized().Norm(1));
        Assert.True(double.IsNaN(Make(0).Cosine(Make(1), 1)));
    }

    [Fact]
    public void Residual_norms_fill_each_others_gaps()
    {
        SteeringVector Make(params float[] norms) => new(s_shape, [KeyValuePair.Create(1, new float[5])], null, norms);
        Assert.Equal([1, 2, 7, float.NaN], (Make(1, 2, float.NaN, float.NaN) + Make(5, 6, 7, float.NaN)).ResidualNorms.ToArray());
        Assert.Equal([1, 2, 3, 4], (Make() + Make(1, 2, 3, 4)).ResidualNorms.ToArray());
        Assert.True(float.IsNaN(Make().ResidualNorm(2)));
        Assert.Equal(3, Make(1, 2, 3, 4).ResidualNorm(2));
    }

    [Fact]
    public void Comparison_lists_every_layer()
    {
        var a = Vector(s_shape, "a", 1, 0, 1);
        var rows = VectorComparison.Compare(a, (-2 * a).OnLayers([1]) + Vector(s_shape, "b", 2, 3));
        Assert.Equal([0, 1, 3], rows.Select(row => row.Layer));
        Assert.Equal(-1, rows[1].Cosine, 1e-6);
        Assert.Equal(2, rows[1].NormRatio, 1e-6);
        Assert.True(double.IsNaN(rows[0].Cosine) && double.IsNaN(rows[0].NormB) && double.IsNaN(rows[2].NormRatio));
        Fails.With(() => VectorComparison.Compare(a, Vector(s_shape with { Width = 6 }, "b", 1, 1)), "different models");
    }

    [Fact]
    public void Provenance_is_an_ordered_value()
    {
        var one = Provenance.Empty.With("b", "1").With("a", "2").With("b", "3");
        Assert.Equal(["b", "a"], one.Keys);
        Assert.Equal(["3", "2"], one.Values);
        Assert.Equal(one, Provenance.Empty.With("b", "3").With("a", "2"));
        Assert.NotEqual(one, Provenance.Empty.With("a", "2").With("b", "3"));
        Assert.Throws<ArgumentException>(() => one.With("A b", "x"));
    }
}
