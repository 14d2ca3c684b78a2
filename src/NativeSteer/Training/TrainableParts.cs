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
    /// The rank of low-rank adapters B A that are added to the matrices of <c>ffn_down</c> (Hu et al. 2021; Sinii et al. 2025 train them
    /// beside vectors, with alpha = rank); 0 for none. A begins random, B at zero.
    /// </summary>
    public int AdapterRank { get; init; }

    /// <summary>The layers (0-based) that have adapters.</summary>
    public IReadOnlyList<int> AdapterLayers { get; init; } = [];

    /// <summary>Decides where the adapters begin.</summary>
    public ulong AdapterSeed { get; init; }

    /// <summary>
    /// Tokens whose rows of the embedding and of the head are trained. Ids from the vocabulary's size on, without a gap, are new
    /// tokens, whose rows begin as the mean of all rows.
    /// </summary>
    public IReadOnlyList<int> TokenRows { get; init; } = [];
}
