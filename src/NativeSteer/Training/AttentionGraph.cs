using NativeSteer.Tensors;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>
/// Attention of the tokens of a batch over the earlier tokens of their own sequence. Neither pass keeps a table of attention
/// weights (native/attention.cpp): between the two, queries, keys and values alone stay in memory.
/// </summary>
/// <param name="graph">The graph.</param>
/// <param name="shape">The model.</param>
/// <param name="starts">(length, rows, I32) the first place in its row that each token sees.</param>
/// <param name="threads">CPU threads.</param>
internal sealed class AttentionGraph(TensorGraph graph, TransformerShape shape, Tensor starts, int threads)
{
    private readonly Tensor _scratch = graph.AttentionScratch(shape.HeadSize, starts.Shape.N0, threads);

    /// <summary>q (head size, heads, n), k and v (head size, key-value heads, n) -> (head size * heads, n).</summary>
    public Tensor Forward(Tensor q, Tensor k, Tensor v) => graph.Attention(q, k, v, starts, _scratch);

    /// <summary>The gradients by q, k and v, each in its shape, from the gradient by the result.</summary>
    public (Tensor Query, Tensor Key, Tensor Value) Back(Tensor q, Tensor k, Tensor v, Tensor gradient)
    {
        var all = graph.AttentionBack(q, k, v, starts, gradient, _scratch);
        var tokens = q.Shape.N2;
        var (queries, keys) = (tokens * shape.HeadSize * shape.Heads, tokens * shape.HeadSize * shape.KeyValueHeads);
        return (
            graph.Slice(all, 0, shape.HeadSize, shape.Heads, tokens),
            graph.Slice(all, queries, shape.HeadSize, shape.KeyValueHeads, tokens),
            graph.Slice(all, queries + keys, shape.HeadSize, shape.KeyValueHeads, tokens));
    }

    /// <summary>What <c>starts</c> holds for a batch.</summary>
    public static int[] Starts(TrainingBatch batch)
    {
        var starts = new int[batch.Rows * batch.Length];
        for (var place = 0; place < starts.Length; place++)
        {
            var inRow = place % batch.Length;
            var goesOn = inRow > 0 && batch.Segments[place] >= 0 && batch.Segments[place] == batch.Segments[place - 1];
            starts[place] = goesOn ? starts[place - 1] : inRow; // padding sees itself: what sees nothing would be not-a-number
        }
        return starts;
    }
}
