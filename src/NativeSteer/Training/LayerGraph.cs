using NativeSteer.Tensors;

namespace NativeSteer.Training;

/// <summary>One block of the transformer, forward and back.</summary>
/// <param name="graph">The graph.</param>
/// <param name="shape">The model.</param>
/// <param name="linear">Products with the model's matrices.</param>
/// <param name="norm">The model's norms.</param>
/// <param name="attention">Attention over the batch.</param>
/// <param name="gradients">Where gradients go.</param>
/// <param name="positions">(n, I32) position of each token in its sequence.</param>
/// <param name="rope">How positions are rotated in.</param>
internal sealed class LayerGraph(
    TensorGraph graph, TransformerShape shape, LinearGraph linear, NormGraph norm, AttentionGraph attention, GradientSink gradients,
    Tensor positions, RopeOptions rope)
{
    /// <summary>What the backward pass needs of a forward pass; n tokens.</summary>
    /// <param name="Input">(width, n) the residual stream before the block.</param>
    /// <param name="Query">(head size, heads, n), rotated.</param>
    /// <param name="Key">(head size, key-value heads, n), rotated.</param>
    /// <param name="Value">(head size, key-value heads, n).</param>
    /// <param name="Attended">(head size * heads, n), attention's result.</param>
    /// <param name="Middle">(width, n) the residual stream between attention and the feed-forward network.</param>
    /// <param name="Gate">(feed forward, n) before silu.</param>
    /// <param name="Up">(feed forward, n).</param>
    /// <param name="Output">(width, n) the residual stream after the block, its vector included.</param>
    internal readonly record struct Pass(
        Tensor Input, Tensor Query, Tensor Key, Tensor Value, Tensor Attended, Tensor Middle, Tensor Gate, Tensor Up, Tensor Output);

    public Pass Forward(LayerWeights layer, Tensor input)
    {
        var h = norm.Forward(layer.AttentionNorm, input);
        var q = graph.Rope(Heads(linear.Forward(layer.Query, h, layer.QueryBias), shape.Heads), positions, rope);
        var k = graph.Rope(Heads(linear.Forward(layer.Key, h, layer.KeyBias), shape.KeyValueHeads), positions, rope);
        var v = Heads(linear.Forward(layer.Value, h, layer.ValueBias), shape.KeyValueHeads);
        var attended = attention.Forward(q, k, v);
        var middle = graph.Add(input, linear.Forward(layer.AttentionOutput, attended, layer.AttentionOutputBias));
        h = norm.Forward(layer.FeedForwardNorm, middle);
        var gate = linear.Forward(layer.Gate, h, layer.GateBias);
        var up = linear.Forward(layer.Up, h, layer.UpBias);
        var output = graph.Add(middle, Down(layer, graph.SwiGlu(gate, up)));
        if (layer.Vector is { } vector) output = graph.Add(output, vector.Value);
        return new Pass(input, q, k, v, attended, middle, gate, up, output);
    }

    /// <summary>Gathers the gradients of the block's trained tensors.</summary>
    /// <param name="layer">The block.</param>
    /// <param name="pass">What its forward pass left.</param>
    /// <param name="gradient">(width, n) the gradient by its output.</param>
    /// <param name="toInput">Whether the gradient by its input is needed; without it the pass ends at the lowest trained tensor.</param>
    /// <returns>The gradient by its input, or none.</returns>
    public Tensor Back(LayerWeights layer, in Pass pass, Tensor gradient, bool toInput)
    {
        if (layer.Vector is { } vector) gradients.Add(vector, graph.SumRows(gradient));
        if (!toInput && !layer.TrainsInside) return Tensor.None;
        var middle = FeedForwardBack(layer, pass, gradient);
        return AttentionBack(layer, pass, middle);
    }

    private Tensor FeedForwardBack(LayerWeights layer, in Pass pass, Tensor gradient)
    {
        if (layer.Down.Trained)
            linear.WeightGradient(layer.Down, linear.Ready(graph.SwiGlu(pass.Gate, pass.Up), layer.Down), gradient, layer.DownBias);
        var product = linear.Back(layer.Down, gradient);
        if (layer.DownAdapter is { } adapter) product = graph.Add(product, linear.AdapterBack(adapter, graph.SwiGlu(pass.Gate, pass.Up), gradient));
        var gate = graph.SiluBack(graph.Multiply(product, pass.Up), pass.Gate);
        var up = graph.Multiply(product, graph.Silu(pass.Gate));
        graph.Schedule(gate);
        graph.Schedule(up);
        if (layer.Gate.Trained)
        {
            var input = linear.Ready(norm.Forward(layer.FeedForwardNorm, pass.Middle), layer.Gate, layer.Up);
            linear.WeightGradient(layer.Gate, input, gate, layer.GateBias);
            linear.WeightGradient(layer.Up, input, up, layer.UpBias);
        }
        var normed = graph.Add(linear.Back(layer.Gate, gate), linear.Back(layer.Up, up));
        return graph.Add(gradient, norm.Back(layer.FeedForwardNorm, pass.Middle, normed));
    }

    private Tensor Down(LayerWeights layer, Tensor x)
    {
        var y = linear.Forward(layer.Down, x, layer.DownBias);
        return layer.DownAdapter is { } adapter ? graph.Add(y, linear.AdapterForward(adapter, x)) : y;
    }

    private Tensor AttentionBack(LayerWeights layer, in Pass pass, Tensor gradient)
    {
        if (layer.AttentionOutput.Trained)
            linear.WeightGradient(layer.AttentionOutput, linear.Ready(pass.Attended, layer.AttentionOutput), gradient, layer.AttentionOutputBias);
        var (q, k, v) = attention.Back(pass.Query, pass.Key, pass.Value, linear.Back(layer.AttentionOutput, gradient));
        q = Flat(graph.RopeBack(q, positions, rope), shape.Heads);
        k = Flat(graph.RopeBack(k, positions, rope), shape.KeyValueHeads);
        v = Flat(v, shape.KeyValueHeads);
        if (layer.Query.Trained)
        {
            var input = linear.Ready(norm.Forward(layer.AttentionNorm, pass.Input), layer.Query);
            linear.WeightGradient(layer.Query, input, q, layer.QueryBias);
            linear.WeightGradient(layer.Key, input, k, layer.KeyBias);
            linear.WeightGradient(layer.Value, input, v, layer.ValueBias);
        }
        var normed = graph.Add(graph.Add(linear.Back(layer.Query, q), linear.Back(layer.Key, k)), linear.Back(layer.Value, v));
        return graph.Add(gradient, norm.Back(layer.AttentionNorm, pass.Input, normed));
    }

    private Tensor Heads(Tensor x, int heads) => graph.Reshape(x, shape.HeadSize, heads, x.Shape.N1);

    private Tensor Flat(Tensor x, int heads) => graph.Reshape(x, (long)shape.HeadSize * heads, x.Shape.N2);
}
