using NativeSteer.Tensors;

namespace NativeSteer.Training;

/// <summary>Tokens to the first residual stream, and its gradient back to the embeddings that are trained.</summary>
/// <param name="graph">The graph.</param>
/// <param name="weights">The model.</param>
/// <param name="gradients">Where gradients go.</param>
/// <param name="tokens">(n, I32) ids within the embedding matrix.</param>
/// <param name="replaced">(m, I32) the places whose token has a trained row, or none.</param>
/// <param name="rows">(m, I32) the trained row of each.</param>
internal sealed class EmbeddingGraph(
    TensorGraph graph, TransformerWeights weights, GradientSink gradients, Tensor tokens, Tensor replaced, Tensor rows)
{
    /// <summary>(width, n).</summary>
    public Tensor Forward()
    {
        var embedded = graph.GetRows(weights.Embedding.Value, tokens);
        return replaced.IsNone ? embedded : graph.SetRows(embedded, graph.GetRows(weights.EmbeddingRows!.Value, rows), replaced);
    }

    /// <summary>Adds the gradients, given that by the first residual stream (width, n).</summary>
    public void Back(Tensor gradient)
    {
        if (weights.Embedding.Trained) gradients.Add(weights.Embedding, graph.GetRowsBack(gradient, tokens, weights.Embedding.Value));
        if (weights.EmbeddingRows is { } trained && !replaced.IsNone)
            gradients.Add(trained, graph.GetRowsBack(graph.GetRows(gradient, replaced), rows, trained.Value));
    }
}
