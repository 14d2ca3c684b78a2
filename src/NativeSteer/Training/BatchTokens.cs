namespace NativeSteer.Training;

/// <summary>A batch's tokens, seen by a model some of whose token rows are trained apart.</summary>
/// <param name="Tokens">Ids within the embedding matrix; any id where a trained row takes its place.</param>
/// <param name="Replaced">Places whose token has a trained row.</param>
/// <param name="Rows">The trained row of each.</param>
/// <param name="Hidden">
/// (vocabulary with rows) minus infinity for the logits that trained rows replace, else 0; empty when there are none.
/// </param>
internal readonly record struct BatchTokens(int[] Tokens, int[] Replaced, int[] Rows, float[] Hidden)
{
    public static BatchTokens Read(TrainingBatch batch, TransformerWeights weights)
    {
        if (weights.TokenRows.Count == 0) return new BatchTokens(batch.Tokens, [], [], []);
        var rowOf = weights.TokenRows.Select((token, row) => (token, row)).ToDictionary(pair => pair.token, pair => pair.row);
        var places = Enumerable.Range(0, batch.Tokens.Length).Where(i => rowOf.ContainsKey(batch.Tokens[i])).ToArray();
        var hidden = new float[weights.Shape.Vocabulary + weights.TokenRows.Count];
        foreach (var token in weights.TokenRows.Where(token => token < weights.Shape.Vocabulary)) hidden[token] = float.NegativeInfinity;
        return new BatchTokens(
            [.. batch.Tokens.Select(token => rowOf.ContainsKey(token) ? 0 : token)], places, [.. places.Select(i => rowOf[batch.Tokens[i]])],
            hidden.Any(float.IsNegativeInfinity) ? hidden : []);
    }
}
