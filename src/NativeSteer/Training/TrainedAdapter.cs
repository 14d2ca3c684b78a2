using System.Numerics.Tensors;

namespace NativeSteer.Training;

/// <summary>A trained low-rank addition to a matrix of a model.</summary>
/// <param name="A">(inputs, rank).</param>
/// <param name="B">(rank, outputs).</param>
internal sealed record TrainedAdapter(TrainedWeight A, TrainedWeight B)
{
    /// <summary>The matrix (inputs, outputs) with B A added, in place.</summary>
    internal float[] AddTo(float[] matrix)
    {
        var (a, b) = (A.Values(), B.Values());
        var (inputs, rank) = ((int)A.Shape[0], (int)A.Shape[1]);
        for (var output = 0; output < B.Shape[1]; output++)
        {
            var row = matrix.AsSpan(output * inputs, inputs);
            for (var r = 0; r < rank; r++) TensorPrimitives.MultiplyAdd(a.AsSpan(r * inputs, inputs), b[output * rank + r], row, row);
        }
        return matrix;
    }
}
