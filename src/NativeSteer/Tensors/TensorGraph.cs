using NativeSteer.Interop;
using NativeSteer.Vectors;

namespace NativeSteer.Tensors;

/// <summary>
/// A graph of ggml operators, built once and computed once or often. Nodes are computed in the order in which they were
/// scheduled; memory for results is shared between nodes whose lifetimes do not meet.
/// </summary>
internal sealed unsafe partial class TensorGraph : IDisposable
{
    private readonly ComputeDevice _device;
    private readonly TensorAllocator _allocator;
    private readonly TensorsHandle _context;
    private readonly nint _graph;
    private readonly int _most;
    private int _made;
    private bool _allocated;

    /// <summary>An empty graph.</summary>
    /// <param name="device">Where it will be computed.</param>
    /// <param name="allocator">Memory for results; graphs that share one may not be used at the same time.</param>
    /// <param name="nodes">The most tensors that may be made in it: results, views and inputs.</param>
    public TensorGraph(ComputeDevice device, TensorAllocator allocator, int nodes)
    {
        _device = device;
        _allocator = allocator;
        _most = nodes;
        // The graph's own tensors and as many stored ones, which count as nodes too once they are marked as trained.
        var size = 2L * nodes;
        _context = new TensorsHandle(GgmlApi.ns_tensors_new(size, size), allocator.Handle, device.Handle);
        if (_context.IsInvalid) throw new NativeSteerException($"There is no memory for a graph of {nodes} nodes.");
        _graph = GgmlApi.ggml_new_graph_custom(_context.Pointer, (nuint)size, 0);
    }

    /// <summary>Tensors made in it so far.</summary>
    public int Made => _made;

    /// <summary>A tensor whose data is written before each computation.</summary>
    public Tensor Input(GgmlType type, params ReadOnlySpan<long> shape)
    {
        Tensor tensor;
        fixed (long* first = shape) tensor = Own(GgmlApi.ggml_new_tensor(Room(), (int)type, shape.Length, first));
        GgmlApi.ggml_set_input(tensor.Pointer);
        return tensor;
    }

    /// <summary>Schedules a tensor, after all that it needs.</summary>
    /// <exception cref="NativeSteerException">More stored tensors are read than the graph has room for.</exception>
    public void Schedule(Tensor tensor)
    {
        ObjectDisposedException.ThrowIf(_context.IsClosed, this);
        NativeError.Check(GgmlApi.ns_graph_schedule(_graph, tensor.Pointer), "The training graph cannot be built: ");
    }

    /// <summary>Schedules a tensor whose data must be there after the computation.</summary>
    public void ScheduleOutput(Tensor tensor)
    {
        GgmlApi.ggml_set_output(tensor.Pointer);
        Schedule(tensor);
    }

    /// <summary>Has the result of <paramref name="node"/> written into the data of a stored tensor of the same size.</summary>
    public static Tensor Place(Tensor node, Tensor where)
    {
        NativeError.Check(GgmlApi.ns_tensor_place(node.Pointer, where.Pointer));
        return node;
    }

    /// <summary>Gives every tensor of the graph its memory; inputs can be written afterwards.</summary>
    /// <exception cref="NativeSteerException">There is not enough memory.</exception>
    public void Allocate()
    {
        ObjectDisposedException.ThrowIf(_context.IsClosed, this);
        _allocator.Allocate(_graph);
        _allocated = true;
    }

    /// <summary>Computes all scheduled nodes.</summary>
    public void Compute()
    {
        ObjectDisposedException.ThrowIf(_context.IsClosed, this);
        if (!_allocated) Allocate();
        _device.Run(_graph);
    }

    /// <summary>Hands the forward graph of <paramref name="logits"/>, made here with nothing scheduled, to ggml's automatic differentiation.</summary>
    /// <param name="input">A stored tensor that the logits depend on.</param>
    /// <param name="logits">(vocabulary, n).</param>
    /// <exception cref="NativeSteerException">ggml cannot derive it, or memory is short.</exception>
    public Autodiff Differentiate(Tensor input, Tensor logits) => new(_device, _context, input, logits);

    public void Dispose() => _context.Dispose();

    // ggml's context, once it is sure to hold one more tensor: ggml itself asserts on that, which ends the process.
    private nint Room()
    {
        var context = _context.Pointer;
        if (_made == _most) throw new NativeSteerException($"The training graph needs more than the {_most} tensors it has room for; use fewer targets in a batch.");
        _made++;
        return context;
    }

    private Tensor Own(nint tensor) => new(_context, tensor);
}

/// <summary>Memory for the results of graphs, grown as needed and kept from graph to graph.</summary>
internal sealed class TensorAllocator : IDisposable
{
    public TensorAllocator(ComputeDevice device) => Handle = new AllocatorHandle(
        GgmlApi.ggml_gallocr_new(GgmlApi.ggml_backend_get_default_buffer_type(device.Backend)), device.Handle);

    /// <summary>Graphs keep it: their results lie in its memory.</summary>
    internal AllocatorHandle Handle { get; }

    /// <summary>Bytes held.</summary>
    public long Bytes => (long)GgmlApi.ggml_gallocr_get_buffer_size(Handle.Pointer, 0);

    internal void Allocate(nint graph)
    {
        if (GgmlApi.ggml_gallocr_alloc_graph(Handle.Pointer, graph) == 0)
            throw new NativeSteerException("There is not enough memory for the activations; use fewer or shorter rows, or recompute them.");
    }

    public void Dispose() => Handle.Dispose();
}
