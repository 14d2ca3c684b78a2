namespace NativeSteer.Training;

/// <summary>One text as the trainer sees it: its tokens, and how much the prediction of each of them counts.</summary>
/// <param name="Tokens">Token ids, the begin token included where the model wants one.</param>
/// <param name="Weights">
/// One for each token: the factor of the loss of predicting it from the tokens before. 0 masks the token; the first token is
/// never predicted, so its weight must be 0.
/// </param>
public sealed record TrainingSequence(IReadOnlyList<int> Tokens, IReadOnlyList<float> Weights)
{
    /// <summary>
    /// One for each token: log-probability (natural) under the reference model, for the KL penalty. Null: no penalty for
    /// this sequence, whatever others of its batch have.
    /// </summary>
    public IReadOnlyList<float>? ReferenceLogProbabilities { get; init; }
}
