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
        CheckBeginnings(batch);
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

    // A segment's beginning lies before it in its row, and all its tokens have the same one.
    private static void CheckBeginnings(TrainingBatch batch)
    {
        if (batch.Beginnings is not { } beginnings) return;
        if (beginnings.Length != batch.Segments.Length) throw new ArgumentException($"A batch of {batch.Segments.Length} tokens needs as many beginnings.");
        for (var place = 0; place < beginnings.Length; place++)
        {
            var (row, t) = Math.DivRem(place, batch.Length);
            var goesOn = t > 0 && batch.Segments[place] >= 0 && batch.Segments[place] == batch.Segments[place - 1];
            if (goesOn ? beginnings[place] != beginnings[place - 1]
                : beginnings[place] >= 0 && batch.Segments.AsSpan(row * batch.Length, t).IndexOf(beginnings[place]) < 0)
                throw new ArgumentException("A segment goes on from one that is not before it in its row.");
        }
    }
}
