namespace NativeSteer.Training;

/// <summary>Checks a batch before ggml sees it: its kernels read what they are pointed at.</summary>
internal static class BatchCheck
{
    /// <summary>Checks a batch.</summary>
    /// <exception cref="ArgumentException">An array has the wrong length, or an id or index is out of range.</exception>
    public static void Run(TrainingBatch batch, TransformerWeights weights)
    {
        var count = batch.Rows * batch.Length;
        if (batch.Rows < 1 || batch.Length < 1) throw new ArgumentException("A batch needs at least one row of at least one token.");
        if (batch.Tokens.Length != count || batch.Positions.Length != count || batch.Segments.Length != count)
            throw new ArgumentException($"A batch of {batch.Rows} rows of {batch.Length} needs {count} tokens, positions and segments.");
        var outputs = batch.Outputs.Length;
        if (outputs == 0) throw new ArgumentException("A batch needs at least one target.");
        if (batch.Targets.Length != outputs || batch.Weights.Length != outputs || (batch.ReferenceLogProbabilities?.Length ?? outputs) != outputs)
            throw new ArgumentException($"A batch of {outputs} outputs needs as many targets and weights.");
        if (batch.Outputs.Any(place => place < 0 || place >= count)) throw new ArgumentException("An output lies outside the batch.");
        var most = Math.Max(weights.Shape.Vocabulary, weights.TokenRows.Count == 0 ? 0 : weights.TokenRows.Max() + 1);
        foreach (var token in batch.Tokens.Concat(batch.Targets))
        {
            if (token < 0 || token >= most)
                throw new ArgumentException($"Token {token} is outside the vocabulary of {most}.");
        }
    }
}
