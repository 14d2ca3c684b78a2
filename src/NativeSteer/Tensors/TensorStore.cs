using NativeSteer.Interop;
using NativeSteer.Vectors;

namespace NativeSteer.Tensors;

/// <summary>Tensors that keep their data between graphs: weights, gradients, moments. First described, then allocated together.</summary>
internal sealed unsafe class TensorStore : IDisposable
{
    private readonly ComputeDevice _device;
    private nint _context;
    private nint _buffer;

    public TensorStore(ComputeDevice device, int most)
    {
        _device = device;
        _context = GgmlApi.ns_tensors_new(most, 0);
        if (_context == 0) throw new NativeSteerException($"There is no memory for {most} tensors.");
    }

    /// <summary>Bytes allocated.</summary>
    public long Bytes => _buffer == 0 ? 0 : (long)GgmlApi.ggml_backend_buffer_get_size(_buffer);

    /// <summary>Describes a tensor.</summary>
    public Tensor New(GgmlType type, string name, params ReadOnlySpan<long> shape)
    {
        Tensor tensor;
        fixed (long* first = shape) tensor = new(GgmlApi.ggml_new_tensor(_context, (int)type, shape.Length, first));
        _ = GgmlApi.ggml_set_name(tensor.Pointer, name);
        return tensor;
    }

    /// <summary>Gives all tensors described so far zeroed data.</summary>
    /// <exception cref="NativeSteerException">There is not enough memory.</exception>
    public void Allocate()
    {
        _buffer = GgmlApi.ggml_backend_alloc_ctx_tensors(_context, _device.Backend);
        if (_buffer == 0) throw new NativeSteerException("There is not enough memory for the tensors; use a smaller model or train less of it.");
        GgmlApi.ggml_backend_buffer_clear(_buffer, 0);
    }

    public void Dispose()
    {
        if (_buffer != 0) GgmlApi.ggml_backend_buffer_free(_buffer);
        if (_context != 0) GgmlApi.ggml_free(_context);
        _buffer = _context = 0;
    }
}
