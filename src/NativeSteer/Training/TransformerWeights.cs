using NativeSteer.Tensors;

namespace NativeSteer.Training;

/// <summary>All tensors of a model in a trainer, and the store that holds their data.</summary>
internal sealed class TransformerWeights : IDisposable
{
    private readonly TensorStore _store;

    public TransformerWeights(TransformerShape shape, TensorStore store)
    {
        Shape = shape;
        _store = store;
    }

    public TransformerShape Shape { get; }

    public required ModelTensor Embedding { get; init; }
    public required IReadOnlyList<LayerWeights> Layers { get; init; }
    public required ModelTensor OutputNorm { get; init; }

    /// <summary>The head; the same object as <see cref="Embedding"/> in a tied model.</summary>
    public required ModelTensor Head { get; init; }

    public ModelTensor? HeadBias { get; init; }

    /// <summary>(head size / 2) divisors of the rotary frequencies, or null.</summary>
    public ModelTensor? RopeFactors { get; init; }

    /// <summary>How positions are rotated into queries and keys.</summary>
    public RopeOptions Rope => new(
        Shape.HeadSize, Shape.Architecture == "qwen2" ? 2 : 0, Shape.RopeBase, Shape.RopeScale, RopeFactors?.Value ?? Tensor.None);

    /// <summary>Token ids whose rows are trained apart; the i-th has row i of the two tensors below.</summary>
    public required IReadOnlyList<int> TokenRows { get; init; }

    /// <summary>(width, token rows) that stand for those of the embedding, or null.</summary>
    public ModelTensor? EmbeddingRows { get; init; }

    /// <summary>(width, token rows) that stand for those of the head; the same object as the embedding's in a tied model.</summary>
    public ModelTensor? HeadRows { get; init; }

    /// <summary>The trained tensors, in a fixed order.</summary>
    public required IReadOnlyList<ModelTensor> Trained { get; init; }

    /// <summary>Bytes of all tensors together.</summary>
    public long Bytes => _store.Bytes;

    /// <summary>The lowest block whose output's gradient is needed, or the number of blocks when none is.</summary>
    /// <remarks>Block l's output gradient is needed for its own tensors, its vector, and everything below.</remarks>
    public int LowestLayer
    {
        get
        {
            if (Embedding.Trained || EmbeddingRows is not null) return 0;
            for (var layer = 0; layer < Layers.Count; layer++)
            {
                if (Layers[layer].TrainsInside || Layers[layer].Vector is not null) return layer;
            }
            return Layers.Count;
        }
    }

    public void Dispose() => _store.Dispose();
}
