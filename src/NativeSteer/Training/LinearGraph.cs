using NativeSteer.Tensors;

namespace NativeSteer.Training;

/// <summary>
/// Products with a matrix of the model: forward, back to its input, and back to itself. In BF16 all three are
/// <see cref="TensorGraph.Product"/> of factors in pairs; in F32, and forward through frozen weights that have no pairs, ggml's <c>mul_mat</c>.
/// </summary>
/// <param name="graph">The graph.</param>
/// <param name="gradients">Where the gradients of trained tensors go.</param>
/// <param name="compute">The number type that factors of trained matrices are rounded to.</param>
internal sealed class LinearGraph(TensorGraph graph, GradientSink gradients, ComputeType compute)
{
    private readonly Dictionary<ModelTensor, Tensor> _turnedMatrices = [];
    private readonly Dictionary<ModelTensor, Tensor> _backMatrices = [];
    private readonly Dictionary<Tensor, Tensor> _pairs = [];

    private bool Rounds => compute == ComputeType.BF16;

    /// <summary>x (inputs, n) -> W x + b (outputs, n).</summary>
    public Tensor Forward(ModelTensor matrix, Tensor x, ModelTensor? bias = null)
    {
        var y = matrix.Trained && Rounds ? graph.Product(Pairs(x), TurnedPairs(matrix))
            : matrix.Turned.IsNone ? graph.MatMul(matrix.Value, x) : graph.Product(Pairs(x), matrix.Turned);
        return bias is null ? y : graph.Add(y, bias.Value);
    }

    /// <summary>dy (outputs, n) -> its contribution to dx (inputs, n).</summary>
    public Tensor Back(ModelTensor matrix, Tensor dy)
    {
        if (matrix.Trained) return Rounds ? graph.Product(Pairs(dy), ForBack(matrix)) : graph.MatMul(ForBack(matrix), dy);
        return matrix.HasPairs ? graph.Product(Pairs(dy), matrix.Transposed) : graph.MatMul(matrix.Transposed, dy);
    }

    /// <summary>
    /// x (inputs, n) made ready for <see cref="WeightGradient"/>, once for all matrices that read x; none when none of them is trained.
    /// </summary>
    public Tensor Ready(Tensor x, params ReadOnlySpan<ModelTensor> matrices)
    {
        foreach (var matrix in matrices)
        {
            if (matrix.Trained) return Rounds ? graph.Pairs(x, PairsAlong.Rows) : graph.Transpose(x);
        }
        return Tensor.None;
    }

    /// <summary>Adds dy x^T to the matrix's gradient and the sum of dy's rows to the bias's, where they are trained.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="readyInput">x as <see cref="Ready"/> gives it.</param>
    /// <param name="dy">(outputs, n).</param>
    /// <param name="bias">The bias added after the product.</param>
    public void WeightGradient(ModelTensor matrix, Tensor readyInput, Tensor dy, ModelTensor? bias = null)
    {
        if (matrix.Trained) gradients.Add(matrix, Outer(readyInput, dy));
        if (bias is { Trained: true }) gradients.Add(bias, graph.SumRows(dy));
    }

    /// <summary>x (inputs, n) -> B A x (outputs, n), in F32: adapters are small.</summary>
    public Tensor AdapterForward(Adapter adapter, Tensor x) => graph.MatMul(adapter.B.Value, graph.MatMul(adapter.A.Value, x));

    /// <summary>Adds the adapter's gradients; dy (outputs, n) -> its contribution to dx (inputs, n).</summary>
    public Tensor AdapterBack(Adapter adapter, Tensor x, Tensor dy)
    {
        var turned = graph.Transpose(dy);
        gradients.Add(adapter.B, graph.MatMul(graph.Transpose(graph.MatMul(adapter.A.Value, x)), turned));
        var inner = graph.MatMul(graph.Transpose(adapter.B.Value), dy);
        gradients.Add(adapter.A, graph.MatMul(graph.Transpose(x), graph.Transpose(inner)));
        return graph.MatMul(graph.Transpose(adapter.A.Value), inner);
    }

    /// <summary>The sum over n of dy x^T: (inputs, outputs).</summary>
    private Tensor Outer(Tensor readyInput, Tensor dy) => Rounds
        ? graph.Product(graph.Pairs(dy, PairsAlong.Rows), readyInput, turned: true) : graph.MatMul(readyInput, graph.Transpose(dy));

    // Several matrices read the same rows.
    private Tensor Pairs(Tensor x)
    {
        if (_pairs.TryGetValue(x, out var pairs)) return pairs;
        return _pairs[x] = graph.Pairs(x, PairsAlong.Columns);
    }

    // The head needs it for every chunk of its rows.
    private Tensor ForBack(ModelTensor matrix)
    {
        if (_backMatrices.TryGetValue(matrix, out var ready)) return ready;
        return _backMatrices[matrix] = Rounds ? graph.Pairs(matrix.Value, PairsAlong.Rows) : graph.Transpose(matrix.Value);
    }

    // The head's chunks, and a layer that is computed again, need it again.
    private Tensor TurnedPairs(ModelTensor matrix)
    {
        if (_turnedMatrices.TryGetValue(matrix, out var pairs)) return pairs;
        return _turnedMatrices[matrix] = graph.Pairs(matrix.Value, PairsAlong.Turned);
    }
}
