using NativeSteer.Interop;
using NativeSteer.Vectors;

namespace NativeSteer.Tensors;

/// <summary>Tensors that keep their data between graphs: weights, gradients, moments. First described, then allocated together.</summary>
internal sealed unsafe class TensorStore : IDisposable
{
    private readonly ComputeDevice _device;
    private readonly int _most;
    private int _made;
    private readonly TensorsHandle _context;
    private BufferHandle? _buffer;

    /// <summary>An empty store.</summary>
    /// <param name="device">Where its tensors will be computed with.</param>
    /// <param name="most">Tensors that it has room for.</param>
    public TensorStore(ComputeDevice device, int most)
    {
        _device = device;
        _most = most;
        _context = new TensorsHandle(GgmlApi.ns_tensors_new(most, 0));
        if (_context.IsInvalid) throw new NativeSteerException($"There is no memory for {most} tensors.");
    }

    /// <summary>Bytes allocated.</summary>
    public long Bytes => _buffer is null ? 0 : (long)GgmlApi.ggml_backend_buffer_get_size(_buffer.Pointer);

    /// <summary>Describes a tensor.</summary>
    public Tensor New(GgmlType type, string name, params ReadOnlySpan<long> shape)
    {
        ObjectDisposedException.ThrowIf(_context.IsClosed, this);
        // ggml asserts on this.
        if (_made++ == _most) throw new InvalidOperationException($"A store with room for {_most} tensors was given one more.");
        Tensor tensor;
        fixed (long* first = shape) tensor = new(_context, GgmlApi.ggml_new_tensor(_context.Pointer, (int)type, shape.Length, first));
        _ = GgmlApi.ggml_set_name(tensor.Pointer, name);
        return tensor;
    }

    /// <summary>Gives all tensors described so far zeroed data.</summary>
    /// <exception cref="NativeSteerException">There is not enough memory.</exception>
    public void Allocate()
    {
        var buffer = new BufferHandle(GgmlApi.ggml_backend_alloc_ctx_tensors(_context.Pointer, _device.Backend), _device.Handle);
        if (buffer.IsInvalid) throw new NativeSteerException("There is not enough memory for the tensors; use a smaller model or train less of it.");
        _buffer = buffer;
        GgmlApi.ggml_backend_buffer_clear(buffer.Pointer, 0);
    }

    public void Dispose()
    {
        _context.Dispose(); // its tensors are no more to be had, so that none reads the data
        _buffer?.Dispose();
    }
}
