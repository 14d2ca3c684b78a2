using NativeSteer.Tensors;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>
/// Attention of the tokens of a batch over the earlier tokens of their own sequence, its shared beginning included. Neither pass keeps a table of attention
/// weights (native/attention.cpp): between the two, queries, keys and values alone stay in memory.
/// </summary>
/// <param name="graph">The graph.</param>
/// <param name="shape">The model.</param>
/// <param name="sees">(length, 3, rows, I32) what <see cref="Sees"/> gives.</param>
/// <param name="threads">CPU threads.</param>
internal sealed class AttentionGraph(TensorGraph graph, TransformerShape shape, Tensor sees, int threads)
{
    private readonly Tensor _scratch = graph.AttentionScratch(shape.HeadSize, sees.Shape.N0, threads);

    /// <summary>q (head size, heads, n), k and v (head size, key-value heads, n) -> (head size * heads, n).</summary>
    public Tensor Forward(Tensor q, Tensor k, Tensor v) => graph.Attention(q, k, v, sees, _scratch);

    /// <summary>The gradients by q, k and v, each in its shape, from the gradient by the result.</summary>
    public (Tensor Query, Tensor Key, Tensor Value) Back(Tensor q, Tensor k, Tensor v, Tensor gradient)
    {
        var all = graph.AttentionBack(q, k, v, sees, gradient, _scratch);
        var tokens = q.Shape.N2;
        var (queries, keys) = (tokens * shape.HeadSize * shape.Heads, tokens * shape.HeadSize * shape.KeyValueHeads);
        return (
            graph.Slice(all, 0, shape.HeadSize, shape.Heads, tokens),
            graph.Slice(all, queries, shape.HeadSize, shape.KeyValueHeads, tokens),
            graph.Slice(all, queries + keys, shape.HeadSize, shape.KeyValueHeads, tokens));
    }

    /// <summary>
    /// What each token of a batch sees: the first place of its segment in its row, up to itself; and the places of the segment that it
    /// goes on from, or none.
    /// </summary>
    public static int[] Sees(TrainingBatch batch)
    {
        var length = batch.Length;
        var sees = new int[3 * batch.Rows * length];
        for (var row = 0; row < batch.Rows; row++)
        {
            var (starts, from, to) = (3 * row * length, (3 * row + 1) * length, (3 * row + 2) * length);
            var segments = batch.Segments.AsSpan(row * length, length);
            for (var t = 0; t < length; t++)
            {
                var goesOn = t > 0 && segments[t] >= 0 && segments[t] == segments[t - 1];
                sees[starts + t] = goesOn ? sees[starts + t - 1] : t; // padding sees itself: what sees nothing would be not-a-number
                if (batch.Beginnings?[row * length + t] is not (>= 0 and var beginning)) continue;
                sees[from + t] = goesOn ? sees[from + t - 1] : segments.IndexOf(beginning);
                sees[to + t] = goesOn ? sees[to + t - 1] : segments.LastIndexOf(beginning) + 1;
            }
        }
        return sees;
    }
}
