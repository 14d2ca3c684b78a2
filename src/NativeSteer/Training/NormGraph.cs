using NativeSteer.Tensors;

namespace NativeSteer.Training;

/// <summary>RMS norms with their weights, forward and back.</summary>
/// <param name="graph">The graph.</param>
/// <param name="gradients">Where the gradients of trained norms go.</param>
/// <param name="epsilon">Added to the mean square.</param>
internal sealed class NormGraph(TensorGraph graph, GradientSink gradients, float epsilon)
{
    /// <summary>x (width, n) -> x / rms(x) * weight.</summary>
    public Tensor Forward(ModelTensor norm, Tensor x) => graph.Multiply(graph.RmsNorm(x, epsilon), norm.Value);

    /// <summary>The gradient by x; adds the weight's own where it is trained.</summary>
    public Tensor Back(ModelTensor norm, Tensor x, Tensor gradient)
    {
        if (norm.Trained) gradients.Add(norm, graph.SumRows(gradient, graph.RmsNorm(x, epsilon)));
        return graph.RmsNormBack(graph.Multiply(gradient, norm.Value), x, epsilon);
    }
}
