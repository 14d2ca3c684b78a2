using NativeSteer.Training;

namespace NativeSteer.Tests.Training;

/// <summary>Batches of random tokens for tests of the trainer.</summary>
internal static class Batches
{
    /// <summary>A batch whose rows hold sequences of the given lengths one after another; every second token or every one counts.</summary>
    internal static TrainingBatch Random(int vocabulary, int length, IReadOnlyList<int[]> rows, int seed = 1, float? weight = 1, bool every = true)
    {
        var random = new Random(seed);
        var count = rows.Count * length;
        var (tokens, positions, segments) = (new int[count], new int[count], new int[count]);
        Array.Fill(segments, -1);
        var (outputs, targets, weights) = (new List<int>(), new List<int>(), new List<float>());
        for (var row = 0; row < rows.Count; row++)
        {
            var place = row * length;
            for (var segment = 0; segment < rows[row].Length; segment++)
            {
                for (var t = 0; t < rows[row][segment]; t++, place++)
                {
                    (tokens[place], positions[place], segments[place]) = (random.Next(vocabulary), t, segment);
                    if (t + 1 == rows[row][segment] || (!every && t % 2 == 1)) continue;
                    outputs.Add(place);
                    weights.Add(weight ?? (random.NextSingle() * 2) - 1);
                }
            }
        }
        foreach (var output in outputs) targets.Add(tokens[output + 1]);
        return new TrainingBatch
        {
            Rows = rows.Count,
            Length = length,
            Tokens = tokens,
            Positions = positions,
            Segments = segments,
            Outputs = [.. outputs],
            Targets = [.. targets],
            Weights = [.. weights],
        };
    }
}
