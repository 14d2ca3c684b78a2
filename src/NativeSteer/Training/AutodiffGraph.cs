using NativeSteer.Tensors;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>
/// The forward pass as llama.cpp builds it without flash attention (src/llama-graph.cpp), of operators that ggml can derive: a
/// table of attention weights, and no operator of our own.
/// </summary>
/// <param name="graph">The graph.</param>
/// <param name="weights">The model.</param>
/// <param name="inputs">What is written before each step.</param>
internal sealed class AutodiffGraph(TensorGraph graph, TransformerWeights weights, AutodiffInputs inputs)
{
    private readonly TransformerShape _shape = weights.Shape;

    /// <summary>(vocabulary, n) the logits of the counted rows.</summary>
    public Tensor Logits()
    {
        var residual = graph.GetRows(weights.Embedding.Value, inputs.Tokens);
        foreach (var layer in weights.Layers)
        {
            residual = graph.Add(residual, Attention(layer, Norm(layer.AttentionNorm, residual)));
            residual = graph.Add(residual, FeedForward(layer, Norm(layer.FeedForwardNorm, residual)));
            if (layer.Vector is { } vector) residual = graph.Add(residual, vector.Value);
        }
        if (!inputs.Outputs.IsNone) residual = graph.GetRows(residual, inputs.Outputs);
        return Linear(weights.Head, Norm(weights.OutputNorm, residual), weights.HeadBias);
    }

    // x (width, n) -> (width, n).
    private Tensor Attention(LayerWeights layer, Tensor x)
    {
        var (length, rows) = (inputs.Length, inputs.Rows);
        var (size, heads, keyHeads) = ((long)_shape.HeadSize, (long)_shape.Heads, (long)_shape.KeyValueHeads);
        var q = Rotated(Linear(layer.Query, x, layer.QueryBias), heads);
        var k = Rotated(Linear(layer.Key, x, layer.KeyBias), keyHeads);
        var v = graph.Reshape(Linear(layer.Value, x, layer.ValueBias), size, keyHeads, length, rows);
        v = graph.Contiguous(graph.Permute(v, 1, 2, 0, 3)); // (length, size, heads, rows)
        var table = graph.SoftMax(graph.MatMul(k, q), inputs.Mask, 1 / MathF.Sqrt(size)); // (length, length, heads, rows)
        var attended = graph.Permute(graph.MatMul(v, table), 0, 2, 1, 3);
        return Linear(layer.AttentionOutput, graph.Reshape(graph.Contiguous(attended), size * heads, length * rows), layer.AttentionOutputBias);
    }

    // -> (size, length, heads, rows), a view.
    private Tensor Rotated(Tensor x, long heads)
    {
        x = graph.Rope(graph.Reshape(x, _shape.HeadSize, heads, inputs.Length * inputs.Rows), inputs.Positions, weights.Rope);
        return graph.Permute(graph.Reshape(x, _shape.HeadSize, heads, inputs.Length, inputs.Rows), 0, 2, 1, 3);
    }

    private Tensor FeedForward(LayerWeights layer, Tensor x) => Linear(
        layer.Down, graph.SwiGlu(Linear(layer.Gate, x, layer.GateBias), Linear(layer.Up, x, layer.UpBias)), layer.DownBias);

    private Tensor Norm(ModelTensor norm, Tensor x) => graph.Multiply(graph.RmsNorm(x, _shape.Epsilon), norm.Value);

    private Tensor Linear(ModelTensor matrix, Tensor x, ModelTensor? bias)
    {
        var y = graph.MatMul(matrix.Value, x);
        return bias is null ? y : graph.Add(y, bias.Value);
    }
}

/// <summary>What a step of <see cref="AutodiffTrainer"/> reads: tensors of their own, because ggml wants its inputs stored.</summary>
internal sealed class AutodiffInputs : IDisposable
{
    private readonly TensorStore _store;

    public AutodiffInputs(ComputeDevice device, TrainingBatch like)
    {
        (Length, Rows) = (like.Length, like.Rows);
        var count = (long)Length * Rows;
        _store = new TensorStore(device, 4);
        Tokens = _store.New(GgmlType.I32, "tokens", count);
        Positions = _store.New(GgmlType.I32, "positions", count);
        Mask = _store.New(GgmlType.F32, "mask", Length, Length);
        Outputs = like.Outputs.Length == count ? Tensor.None : _store.New(GgmlType.I32, "outputs", like.Outputs.Length);
        _store.Allocate();
        var mask = new float[Length * Length];
        for (var row = 0; row < Length; row++) mask.AsSpan(row * Length + row + 1, Length - row - 1).Fill(float.NegativeInfinity);
        Mask.Write<float>(mask);
    }

    public int Length { get; }

    public int Rows { get; }

    /// <summary>(length * rows, I32).</summary>
    public Tensor Tokens { get; }

    /// <summary>(length * rows, I32).</summary>
    public Tensor Positions { get; }

    /// <summary>(length, length): 0 for what a token sees, minus infinity for what comes later.</summary>
    public Tensor Mask { get; }

    /// <summary>(n, I32) the rows that count; none when all do.</summary>
    public Tensor Outputs { get; }

    public void Write(TrainingBatch batch)
    {
        Tokens.Write<int>(batch.Tokens);
        Positions.Write<int>(batch.Positions);
        if (!Outputs.IsNone) Outputs.Write<int>(batch.Outputs);
    }

    public void Dispose() => _store.Dispose();
}
