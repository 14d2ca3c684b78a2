using NativeSteer.Tensors;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>Products with a matrix of the model: forward, and back to its input and to itself, all of them ggml's <c>mul_mat</c>.</summary>
/// <param name="graph">The graph.</param>
/// <param name="gradients">Where the gradients of trained tensors go.</param>
/// <param name="compute">The number type that factors of trained matrices are rounded to.</param>
internal sealed class LinearGraph(TensorGraph graph, GradientSink gradients, GgmlType compute)
{
    private readonly Dictionary<ModelTensor, Tensor> _rounded = [];

    /// <summary>x (inputs, n) -> W x + b (outputs, n).</summary>
    public Tensor Forward(ModelTensor matrix, Tensor x, ModelTensor? bias = null)
    {
        var y = graph.MatMul(Rounded(matrix), x);
        return bias is null ? y : graph.Add(y, bias.Value);
    }

    /// <summary>dy (outputs, n) -> its contribution to dx (inputs, n).</summary>
    public Tensor Back(ModelTensor matrix, Tensor dy) =>
        graph.MatMul(matrix.Trained ? graph.Transpose(matrix.Value, compute) : matrix.Transposed, dy);

    /// <summary>
    /// x (inputs, n) turned for <see cref="WeightGradient"/>, shared by all matrices that read x; none when none of them is trained.
    /// </summary>
    public Tensor Turned(Tensor x, params ReadOnlySpan<ModelTensor> matrices)
    {
        foreach (var matrix in matrices)
        {
            if (matrix.Trained) return graph.Transpose(x, compute);
        }
        return Tensor.None;
    }

    /// <summary>Adds dy x^T to the matrix's gradient and the sum of dy's rows to the bias's, where they are trained.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="turnedInput">x as <see cref="Turned"/> gives it: (n, inputs).</param>
    /// <param name="dy">(outputs, n).</param>
    /// <param name="bias">The bias added after the product.</param>
    public void WeightGradient(ModelTensor matrix, Tensor turnedInput, Tensor dy, ModelTensor? bias = null)
    {
        if (matrix.Trained) gradients.Add(matrix, graph.MatMul(turnedInput, graph.Transpose(dy)));
        if (bias is { Trained: true }) gradients.Add(bias, graph.SumRows(dy));
    }

    private Tensor Rounded(ModelTensor matrix)
    {
        if (!matrix.Trained || compute == GgmlType.F32) return matrix.Value;
        if (_rounded.TryGetValue(matrix, out var rounded)) return rounded;
        return _rounded[matrix] = graph.Cast(matrix.Value, compute);
    }
}
