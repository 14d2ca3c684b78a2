using NativeSteer.Tensors;

namespace NativeSteer.Training;

/// <summary>One tensor of the model in a trainer: a frozen one in the file's type, or a trained one in F32 with gradient and moments.</summary>
internal sealed class ModelTensor
{
    /// <summary>The name in the GGUF, or that of an addition (<c>blk.3.vector</c>, <c>token_embd.rows</c>).</summary>
    public required string Name { get; init; }

    /// <summary>(columns, rows), or (length).</summary>
    public required long[] Shape { get; init; }

    /// <summary>Whether training changes it.</summary>
    public required bool Trained { get; init; }

    /// <summary>The values.</summary>
    public Tensor Value { get; init; }

    /// <summary>
    /// A copy of a frozen matrix for the backward pass: (rows, columns) quantised, or (columns, rows / 2) in pairs of BF16 along the rows
    /// (<see cref="HasPairs"/>). None where it is not needed.
    /// </summary>
    public Tensor Transposed { get; init; }

    /// <summary>Whether <see cref="Transposed"/> holds pairs.</summary>
    public bool HasPairs { get; init; }

    /// <summary>
    /// A copy of a frozen matrix for the forward pass, (rows, columns / 2) in pairs of BF16 along the columns; none where the values
    /// themselves are multiplied with.
    /// </summary>
    public Tensor Turned { get; init; }

    /// <summary>The gradient of the last batches; trained tensors only.</summary>
    public Tensor Gradient { get; init; }

    /// <summary>AdamW's running mean of the gradient.</summary>
    public Tensor FirstMoment { get; init; }

    /// <summary>AdamW's running mean of the gradient's square.</summary>
    public Tensor SecondMoment { get; init; }

    /// <summary>Whether weight decay applies: to the matrices of the model.</summary>
    public bool Decays => Shape.Length == 2 && !Name.EndsWith(".rows", StringComparison.Ordinal);
}
