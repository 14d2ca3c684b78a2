using NativeSteer.Tensors;

namespace NativeSteer.Training;

/// <summary>
/// Masked attention over a batch of rows, and its way back. Only queries, keys and values are kept between the two passes: the
/// table of attention weights, length x length for each head and row, is made again for the way back, so one layer's at a time is in memory.
/// </summary>
/// <remarks>
/// With grouped queries the heads that share keys and values are laid one after the other along the query positions, so that
/// every product is an ordinary batched one and the sums over a group come by themselves.
/// </remarks>
/// <param name="graph">The graph.</param>
/// <param name="shape">The model.</param>
/// <param name="rows">Rows of the batch.</param>
/// <param name="length">Tokens in a row.</param>
/// <param name="mask">(length, length, 1, rows or 1): 0 where a token (second dimension) sees another, else minus infinity.</param>
internal sealed class AttentionGraph(TensorGraph graph, TransformerShape shape, int rows, int length, Tensor mask)
{
    private readonly float _scale = 1 / MathF.Sqrt(shape.HeadSize);
    private readonly int _group = shape.Heads / shape.KeyValueHeads;

    /// <summary>q (head size, heads, n), k and v (head size, key-value heads, n) -> (head size * heads, n).</summary>
    public Tensor Forward(Tensor q, Tensor k, Tensor v)
    {
        var weights = Weights(Gathered(q, shape.Heads), Gathered(k, shape.KeyValueHeads));
        var values = graph.Reshape(v, shape.HeadSize, shape.KeyValueHeads, length, rows);
        var turned = graph.Contiguous(graph.Permute(values, 1, 2, 0, 3)); // (length, head size, key-value heads, rows)
        return Scattered(graph.MatMul(turned, weights), shape.Heads);
    }

    /// <summary>The gradients by q, k and v, each in its shape, from the gradient by the result.</summary>
    public (Tensor Query, Tensor Key, Tensor Value) Back(Tensor q, Tensor k, Tensor v, Tensor gradient)
    {
        var (queries, keys, values) = (Gathered(q, shape.Heads), Gathered(k, shape.KeyValueHeads), Gathered(v, shape.KeyValueHeads));
        var dOut = Gathered(gradient, shape.Heads);
        var weights = Weights(queries, keys);
        var dWeights = graph.MatMul(values, dOut);
        var dScores = PerGroup(graph.SoftMaxBack(PerHead(dWeights), PerHead(weights), _scale));
        var dQuery = graph.MatMul(Turned(keys), dScores);
        var dKey = graph.MatMul(Turned(queries), Turned(dScores));
        var dValue = graph.MatMul(Turned(dOut), Turned(weights));
        return (
            Heads(Scattered(dQuery, shape.Heads), shape.Heads),
            Heads(Scattered(dKey, shape.KeyValueHeads), shape.KeyValueHeads),
            Heads(Scattered(dValue, shape.KeyValueHeads), shape.KeyValueHeads));
    }

    // (length of keys, length * group, key-value heads, rows)
    private Tensor Weights(Tensor queries, Tensor keys) =>
        PerGroup(graph.SoftMax(PerHead(graph.MatMul(keys, queries)), mask, _scale));

    // (head size, heads, n) -> (head size, length * heads of a group, key-value heads, rows)
    private Tensor Gathered(Tensor x, int heads)
    {
        var perHead = graph.Contiguous(graph.Permute(graph.Reshape(x, shape.HeadSize, heads, length, rows), 0, 2, 1, 3));
        return graph.Reshape(perHead, shape.HeadSize, (long)length * heads / shape.KeyValueHeads, shape.KeyValueHeads, rows);
    }

    // The way back: -> (head size * heads, n)
    private Tensor Scattered(Tensor x, int heads)
    {
        var perHead = graph.Permute(graph.Reshape(x, shape.HeadSize, length, heads, rows), 0, 2, 1, 3);
        return graph.Reshape(graph.Contiguous(perHead), (long)shape.HeadSize * heads, (long)length * rows);
    }

    private Tensor Heads(Tensor x, int heads) => graph.Reshape(x, shape.HeadSize, heads, (long)length * rows);

    private Tensor PerHead(Tensor x) => graph.Reshape(x, length, length, shape.Heads, rows);

    private Tensor PerGroup(Tensor x) => graph.Reshape(x, length, (long)length * _group, shape.KeyValueHeads, rows);

    private Tensor Turned(Tensor x) => graph.Contiguous(graph.Permute(x, 1, 0, 2, 3));
}
