namespace NativeSteer.Training;

/// <summary>A low-rank addition to a matrix: B A.</summary>
/// <param name="A">(inputs, rank).</param>
/// <param name="B">(rank, outputs).</param>
internal sealed record Adapter(ModelTensor A, ModelTensor B);

/// <summary>The tensors of one block. Biases are null where the model has none, <see cref="Vector"/> where none is trained.</summary>
internal sealed record LayerWeights
{
    public required ModelTensor AttentionNorm { get; init; }
    public required ModelTensor Query { get; init; }
    public required ModelTensor Key { get; init; }
    public required ModelTensor Value { get; init; }
    public required ModelTensor AttentionOutput { get; init; }
    public required ModelTensor FeedForwardNorm { get; init; }
    public required ModelTensor Gate { get; init; }
    public required ModelTensor Up { get; init; }
    public required ModelTensor Down { get; init; }
    public ModelTensor? QueryBias { get; init; }
    public ModelTensor? KeyBias { get; init; }
    public ModelTensor? ValueBias { get; init; }
    public ModelTensor? AttentionOutputBias { get; init; }
    public ModelTensor? GateBias { get; init; }
    public ModelTensor? UpBias { get; init; }
    public ModelTensor? DownBias { get; init; }

    /// <summary>The adapter of <see cref="Down"/>, or null.</summary>
    public Adapter? DownAdapter { get; init; }

    /// <summary>(width), added to the residual stream after the block.</summary>
    public ModelTensor? Vector { get; init; }

    /// <summary>Whether anything that the block's inputs pass through on their way is trained: the block's own tensors but the vector.</summary>
    public bool TrainsInside => DownAdapter is not null || All().Any(tensor => tensor is { Trained: true });

    /// <summary>The matrices.</summary>
    public IEnumerable<ModelTensor> Matrices => [Query, Key, Value, AttentionOutput, Gate, Up, Down];

    private IEnumerable<ModelTensor?> All() =>
    [
        .. Matrices, AttentionNorm, FeedForwardNorm,
        QueryBias, KeyBias, ValueBias, AttentionOutputBias, GateBias, UpBias, DownBias,
    ];
}
