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
    private nint _context;
    private readonly nint _graph;
    private bool _allocated;

    /// <summary>An empty graph.</summary>
    /// <param name="device">Where it will be computed.</param>
    /// <param name="allocator">Memory for results; graphs that share one may not be used at the same time.</param>
    /// <param name="nodes">The most nodes it may have, views included.</param>
    public TensorGraph(ComputeDevice device, TensorAllocator allocator, int nodes)
    {
        _device = device;
        _allocator = allocator;
        _context = GgmlApi.ns_tensors_new(2L * nodes, nodes);
        if (_context == 0) throw new NativeSteerException($"There is no memory for a graph of {nodes} nodes.");
        _graph = GgmlApi.ggml_new_graph_custom(_context, (nuint)nodes, 0);
    }

    /// <summary>A tensor whose data is written before each computation.</summary>
    public Tensor Input(GgmlType type, params ReadOnlySpan<long> shape)
    {
        Tensor tensor;
        fixed (long* first = shape) tensor = new(GgmlApi.ggml_new_tensor(_context, (int)type, shape.Length, first));
        GgmlApi.ggml_set_input(tensor.Pointer);
        return tensor;
    }

    /// <summary>Schedules a tensor, after all that it needs.</summary>
    public void Schedule(Tensor tensor) => GgmlApi.ggml_build_forward_expand(_graph, tensor.Pointer);

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
        _allocator.Allocate(_graph);
        _allocated = true;
    }

    /// <summary>Computes all scheduled nodes.</summary>
    public void Compute()
    {
        if (!_allocated) Allocate();
        _device.Run(_graph);
    }

    /// <summary>Hands the forward graph of <paramref name="logits"/>, made here with nothing scheduled, to ggml's automatic differentiation.</summary>
    /// <param name="input">A stored tensor that the logits depend on.</param>
    /// <param name="logits">(vocabulary, n).</param>
    /// <exception cref="NativeSteerException">ggml cannot derive it, or memory is short.</exception>
    public Autodiff Differentiate(Tensor input, Tensor logits) => new(_device, _context, input, logits);

    public void Dispose()
    {
        if (_context != 0) GgmlApi.ggml_free(_context);
        _context = 0;
    }
}

/// <summary>Memory for the results of graphs, grown as needed and kept from graph to graph.</summary>
internal sealed class TensorAllocator : IDisposable
{
    private nint _allocator;

    public TensorAllocator(ComputeDevice device) =>
        _allocator = GgmlApi.ggml_gallocr_new(GgmlApi.ggml_backend_get_default_buffer_type(device.Backend));

    /// <summary>Bytes held.</summary>
    public long Bytes => (long)GgmlApi.ggml_gallocr_get_buffer_size(_allocator, 0);

    internal void Allocate(nint graph)
    {
        if (GgmlApi.ggml_gallocr_alloc_graph(_allocator, graph) == 0)
            throw new NativeSteerException("There is not enough memory for the activations; use fewer or shorter rows, or recompute them.");
    }

    public void Dispose()
    {
        if (_allocator != 0) GgmlApi.ggml_gallocr_free(_allocator);
        _allocator = 0;
    }
}
