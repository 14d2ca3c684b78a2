using NativeSteer.Interop;
using NativeSteer.Vectors;

namespace NativeSteer.Tensors;

/// <summary>
/// A ggml tensor, as an opaque pointer. It lives as long as the <see cref="TensorStore"/> or <see cref="TensorGraph"/> that made
/// it, and throws afterwards. Shapes are in ggml's order: the first dimension lies contiguously, so a matrix is (columns, rows).
/// </summary>
internal readonly record struct Tensor
{
    private readonly TensorsHandle? _owner;
    private readonly nint _pointer;

    /// <summary>Takes a tensor of a context's.</summary>
    internal Tensor(TensorsHandle owner, nint pointer) => (_owner, _pointer) = (owner, pointer);

    /// <summary>ggml's pointer, NULL for none.</summary>
    /// <exception cref="ObjectDisposedException">The store or graph was disposed.</exception>
    public nint Pointer => _owner?.IsClosed == true ? throw new ObjectDisposedException(nameof(Tensor)) : _pointer;

    /// <summary>No tensor: an optional argument left out.</summary>
    public static Tensor None => default;

    /// <summary>Whether there is none.</summary>
    public bool IsNone => _pointer == 0;

    /// <summary>The four dimensions; those it does not have are 1.</summary>
    public unsafe (long N0, long N1, long N2, long N3) Shape
    {
        get
        {
            var shape = stackalloc long[4];
            _ = GgmlApi.ns_tensor_shape(Pointer, shape);
            return (shape[0], shape[1], shape[2], shape[3]);
        }
    }

    /// <summary>The number type.</summary>
    public unsafe GgmlType Type
    {
        get
        {
            var shape = stackalloc long[4];
            return (GgmlType)GgmlApi.ns_tensor_shape(Pointer, shape);
        }
    }

    /// <summary>Number of elements.</summary>
    public long Count
    {
        get
        {
            var (n0, n1, n2, n3) = Shape;
            return n0 * n1 * n2 * n3;
        }
    }

    /// <summary>Bytes of its data.</summary>
    public long Bytes => (long)GgmlApi.ggml_nbytes(Pointer);

    /// <summary>Copies data in, from <paramref name="offset"/> bytes on.</summary>
    public unsafe void Write<T>(ReadOnlySpan<T> data, long offset = 0) where T : unmanaged
    {
        CheckRange(offset, (long)data.Length * sizeof(T));
        fixed (T* first = data) GgmlApi.ggml_backend_tensor_set(Pointer, first, (nuint)offset, (nuint)data.Length * (nuint)sizeof(T));
    }

    /// <summary>Copies data out, from <paramref name="offset"/> bytes on.</summary>
    public unsafe void Read<T>(Span<T> data, long offset = 0) where T : unmanaged
    {
        CheckRange(offset, (long)data.Length * sizeof(T));
        fixed (T* first = data) GgmlApi.ggml_backend_tensor_get(Pointer, first, (nuint)offset, (nuint)data.Length * (nuint)sizeof(T));
    }

    /// <summary>A copy of a whole F32 tensor.</summary>
    public float[] ToArray()
    {
        var values = new float[Count];
        Read<float>(values);
        return values;
    }

    // ggml asserts on this.
    private void CheckRange(long offset, long bytes)
    {
        if (offset < 0 || offset + bytes > Bytes) throw new ArgumentException($"{bytes} bytes at {offset} leave a tensor of {Bytes} bytes.");
    }
}
