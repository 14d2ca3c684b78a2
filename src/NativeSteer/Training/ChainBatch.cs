namespace NativeSteer.Training;

/// <summary>
/// Batches that are easily learnt and need no data: each token follows from the one before, t' = (5 t + 7) mod vocabulary, from a
/// random first one. Rows are full, of one sequence each.
/// </summary>
internal static class ChainBatch
{
    /// <summary>Makes one.</summary>
    /// <param name="vocabulary">Number of tokens.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="length">Tokens of a row.</param>
    /// <param name="every">Every how many tokens the prediction counts: 1 for all.</param>
    /// <param name="seed">Decides the first tokens.</param>
    public static TrainingBatch Make(int vocabulary, int rows, int length, int every = 1, int seed = 1)
    {
        var random = new Random(seed);
        var tokens = new int[rows * length];
        for (var place = 0; place < tokens.Length; place++)
            tokens[place] = place % length == 0 ? random.Next(vocabulary) : Next(tokens[place - 1], vocabulary);
        int[] outputs = [.. Enumerable.Range(0, (tokens.Length + every - 1) / every).Select(i => i * every)];
        return new TrainingBatch
        {
            Rows = rows,
            Length = length,
            Tokens = tokens,
            Positions = [.. Enumerable.Range(0, tokens.Length).Select(place => place % length)],
            Segments = new int[tokens.Length],
            Outputs = outputs,
            Targets = [.. outputs.Select(place => Next(tokens[place], vocabulary))],
            Weights = [.. outputs.Select(_ => 1f)],
        };
    }

    private static int Next(int token, int vocabulary) => (int)((5L * token + 7) % vocabulary);
}
