using NativeSteer.Tensors;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>Which tokens of a row see which: the earlier ones of their own sequence, and themselves.</summary>
internal static class AttentionMask
{
    /// <summary>An input of the shape that the batch's mask needs: one table for all rows where each holds one sequence.</summary>
    public static Tensor Input(TensorGraph graph, TrainingBatch batch) =>
        graph.Input(GgmlType.F32, batch.Length, batch.Length, 1, IsPacked(batch) ? batch.Rows : 1);

    /// <summary>Fills the input.</summary>
    public static void Write(Tensor mask, TrainingBatch batch)
    {
        var length = batch.Length;
        var packed = IsPacked(batch);
        var table = new float[length * length];
        for (var row = 0; row < (packed ? batch.Rows : 1); row++)
        {
            var segments = batch.Segments.AsSpan(row * length, length);
            Array.Fill(table, float.NegativeInfinity);
            for (int token = 0, start = 0; token < length; token++)
            {
                // Padding sees itself alone: a row that sees nothing would be not-a-number.
                if (packed && (token == 0 || segments[token] < 0 || segments[token] != segments[token - 1])) start = token;
                table.AsSpan(token * length + start, token - start + 1).Clear();
            }
            mask.Write<float>(table, (long)row * table.Length * sizeof(float));
        }
    }

    // Padding after a row's only sequence may see it: nothing sees padding.
    private static bool IsPacked(TrainingBatch batch) => batch.Segments.Any(segment => segment > 0);
}
