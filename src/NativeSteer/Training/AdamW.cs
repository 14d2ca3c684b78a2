using NativeSteer.Tensors;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>The update of all trained tensors from their gradients: clipping by the norm of all together, then AdamW.</summary>
/// <remarks>Loshchilov and Hutter, Decoupled Weight Decay Regularization (1711.05101), as ggml_opt_step_adamw computes it.</remarks>
internal sealed class AdamW(ComputeDevice device, TensorAllocator allocator, IReadOnlyList<ModelTensor> tensors, TrainerOptions options)
{
    /// <summary>The L2 norm of the gradient of all trained tensors.</summary>
    public double GradientNorm()
    {
        using var graph = new TensorGraph(device, allocator, 2 * tensors.Count + 8);
        var parts = tensors.Select(tensor => graph.Squares(tensor.Gradient)).ToList();
        foreach (var part in parts) graph.ScheduleOutput(part);
        graph.Compute();
        return Math.Sqrt(parts.Sum(part => part.ToArray().Sum(value => (double)value)));
    }

    /// <summary>One update.</summary>
    /// <param name="update">Its number, from 1: AdamW's t.</param>
    /// <param name="learningRate">AdamW's alpha.</param>
    /// <param name="gradientNorm">What <see cref="GradientNorm"/> gave.</param>
    public void Update(long update, float learningRate, double gradientNorm)
    {
        using var graph = new TensorGraph(device, allocator, 4 * tensors.Count + 8);
        var (decayed, plain) = (graph.Input(GgmlType.F32, 7), graph.Input(GgmlType.F32, 7));
        var clip = options.ClipNorm > 0 && gradientNorm > options.ClipNorm ? (float)(options.ClipNorm / gradientNorm) : 1;
        foreach (var tensor in tensors)
        {
            var gradient = clip == 1 ? tensor.Gradient : graph.ScaleInPlace(tensor.Gradient, clip);
            graph.Schedule(graph.AdamW(tensor.Value, gradient, tensor.FirstMoment, tensor.SecondMoment, tensor.Decays ? decayed : plain));
        }
        graph.Allocate();
        Write(decayed, options.WeightDecay);
        Write(plain, 0);
        graph.Compute();

        void Write(Tensor parameters, float decay)
        {
            if (tensors.All(tensor => tensor.Decays != (parameters == decayed))) return; // not in the graph, so without memory
            parameters.Write<float>(
            [
                learningRate, options.Beta1, options.Beta2, options.Epsilon, decay,
                (float)(1 / (1 - Math.Pow(options.Beta1, update))), (float)(1 / (1 - Math.Pow(options.Beta2, update))),
            ]);
        }
    }
}
