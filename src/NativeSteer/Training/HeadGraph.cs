using NativeSteer.Tensors;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>The head and the loss: logits of the counted rows alone, a chunk of rows at a time so that their memory stays bounded.</summary>
/// <param name="graph">The graph.</param>
/// <param name="weights">The model.</param>
/// <param name="linear">Products with the model's matrices.</param>
/// <param name="norm">The model's norms.</param>
/// <param name="gradients">Where gradients go.</param>
/// <param name="chunkRows">Rows that go through the head together.</param>
internal sealed class HeadGraph(
    TensorGraph graph, TransformerWeights weights, LinearGraph linear, NormGraph norm, GradientSink gradients, int chunkRows)
{
    // The logits of one chunk: large enough for products to run at full speed, small beside a model with such a vocabulary.
    private const long ChunkElements = 16 << 20;
    private const int LeastChunk = 32;

    private Tensor _turnedRows;

    /// <summary>Rows of one chunk for a vocabulary.</summary>
    public static int ChunkRows(int vocabulary) => (int)Math.Max(LeastChunk, ChunkElements / vocabulary / LeastChunk * LeastChunk);

    /// <summary>residual (width, n) of the counted rows -> their logits (vocabulary, n), one tensor.</summary>
    public Tensor Logits(Tensor residual, Tensor hidden) => LogitsOf(norm.Forward(weights.OutputNorm, residual), hidden);

    /// <summary>The loss of the counted rows.</summary>
    /// <param name="residual">(width, n) the last residual stream at the counted rows.</param>
    /// <param name="targets">(n, I32).</param>
    /// <param name="options">(4, n), see native/nativesteer.h, ns_op_token_loss.</param>
    /// <param name="hidden">(vocabulary with rows) added to the logits to hide replaced tokens, or none.</param>
    /// <param name="back">Whether gradients are wanted.</param>
    /// <returns>The statistics of each chunk, scheduled as outputs, and the gradient by the residual or none.</returns>
    public (IReadOnlyList<Tensor> Stats, Tensor Gradient) Loss(Tensor residual, Tensor targets, Tensor options, Tensor hidden, bool back)
    {
        var rows = (int)residual.Shape.N1;
        var normed = norm.Forward(weights.OutputNorm, residual);
        graph.Schedule(normed);
        var stats = new List<Tensor>();
        // The gradients of the chunks lie side by side in it; that of a single one needs no copy.
        var gradient = back && rows > chunkRows ? graph.Input(GgmlType.F32, weights.Shape.Width, rows) : Tensor.None;
        for (var first = 0; first < rows; first += chunkRows)
        {
            var count = Math.Min(chunkRows, rows - first);
            var part = Part(normed, first, count, rows);
            var (chunkTargets, chunkOptions) = (graph.Rows(graph.Reshape(targets, 1, rows), first, count), graph.Rows(options, first, count));
            var logits = LogitsOf(part, hidden);
            var chunkStats = graph.TokenLoss(logits, chunkTargets, chunkOptions);
            graph.ScheduleOutput(chunkStats);
            stats.Add(chunkStats);
            if (!back) continue;
            var chunkGradient = Back(part, graph.TokenLossBack(logits, chunkTargets, chunkOptions, chunkStats));
            if (count == rows) gradient = chunkGradient;
            else chunkGradient = graph.Copy(chunkGradient, graph.Rows(gradient, first, count));
            graph.Schedule(chunkGradient);
        }
        return (stats, back ? norm.Back(weights.OutputNorm, residual, gradient) : Tensor.None);
    }

    private Tensor LogitsOf(Tensor normed, Tensor hidden)
    {
        var logits = linear.Forward(weights.Head, normed, weights.HeadBias);
        if (weights.HeadRows is { } rows) logits = graph.Concat(logits, graph.MatMul(rows.Value, normed), 0);
        return hidden.IsNone ? logits : graph.Add(logits, hidden);
    }

    // The gradient by the normed rows, from that by the logits (vocabulary with rows, n).
    private Tensor Back(Tensor normed, Tensor gradient)
    {
        var ready = linear.Ready(normed, weights.Head);
        if (weights.HeadRows is not { } rows)
        {
            linear.WeightGradient(weights.Head, ready, gradient, weights.HeadBias);
            return linear.Back(weights.Head, gradient);
        }
        var vocabulary = weights.Shape.Vocabulary;
        var ofHead = graph.Contiguous(graph.Columns(gradient, 0, vocabulary));
        var ofRows = graph.Contiguous(graph.Columns(gradient, vocabulary, weights.TokenRows.Count));
        linear.WeightGradient(weights.Head, ready, ofHead, weights.HeadBias);
        gradients.Add(rows, graph.MatMul(graph.Transpose(normed), graph.Transpose(ofRows)));
        return graph.Add(linear.Back(weights.Head, ofHead), graph.MatMul(Turned(rows), ofRows));
    }

    private Tensor Turned(ModelTensor rows) => _turnedRows.IsNone ? _turnedRows = graph.Transpose(rows.Value) : _turnedRows;

    private Tensor Part(Tensor x, int first, int count, int rows) => count == rows ? x : graph.Rows(x, first, count);

    /// <summary>Where the rows of trained tokens stand in the logits: after the vocabulary.</summary>
    public static int TargetOf(int token, TransformerWeights weights)
    {
        for (var row = 0; row < weights.TokenRows.Count; row++)
        {
            if (weights.TokenRows[row] == token) return weights.Shape.Vocabulary + row;
        }
        return token;
    }
}
