namespace NativeSteer.Training;

/// <summary>Which numbers of a model training changes; any combination. What is not named stays frozen, byte for byte.</summary>
public sealed record TrainableParts
{
    /// <summary>Every weight: matrices, embeddings, head, norms and biases. Quantised weights are expanded to F32 first.</summary>
    public bool AllWeights { get; init; }

    /// <summary>The weights of the norms.</summary>
    public bool Norms { get; init; }

    /// <summary>
    /// The layers (0-based) after which a trained vector is added to the residual stream, as a bias of <c>ffn_down</c> would be.
    /// </summary>
    public IReadOnlyList<int> VectorLayers { get; init; } = [];

    /// <summary>
    /// Tokens whose rows of the embedding and of the head are trained. Ids from the vocabulary's size on, without a gap, are new
    /// tokens, whose rows begin as the mean of all rows.
    /// </summary>
    public IReadOnlyList<int> TokenRows { get; init; } = [];
}
