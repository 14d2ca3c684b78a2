using NativeSteer.Tensors;

namespace NativeSteer.Training;

/// <summary>One trained tensor: its values and AdamW's moments. It lives as long as its <see cref="Trainer"/>, and throws
/// <see cref="ObjectDisposedException"/> afterwards.</summary>
public sealed class TrainedTensor
{
    private readonly ModelTensor _tensor;

    internal TrainedTensor(ModelTensor tensor) => _tensor = tensor;

    /// <summary>The name in the GGUF; <c>blk.L.vector</c> for a layer's vector, <c>token_embd.rows</c> and <c>output.rows</c> for token rows.</summary>
    public string Name => _tensor.Name;

    /// <summary>ggml's order: the dimension that lies contiguously first.</summary>
    public IReadOnlyList<long> Shape => _tensor.Shape;

    /// <summary>A copy of the values; set, it copies as many in.</summary>
    public float[] Values { get => _tensor.Value.ToArray(); set => Write(_tensor.Value, value); }

    /// <summary>A copy of the gradient that the last step computed (before clipping only when it was not clipped).</summary>
    public float[] Gradient => _tensor.Gradient.ToArray();

    /// <summary>A copy of AdamW's first moment.</summary>
    public float[] FirstMoment { get => _tensor.FirstMoment.ToArray(); set => Write(_tensor.FirstMoment, value); }

    /// <summary>A copy of AdamW's second moment.</summary>
    public float[] SecondMoment { get => _tensor.SecondMoment.ToArray(); set => Write(_tensor.SecondMoment, value); }

    private static void Write(Tensor tensor, float[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Length != tensor.Count) throw new ArgumentException($"{values.Length} values were given for {tensor.Count}.", nameof(values));
        tensor.Write<float>(values);
    }
}
