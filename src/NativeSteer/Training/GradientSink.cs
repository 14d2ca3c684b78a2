using NativeSteer.Tensors;

namespace NativeSteer.Training;

/// <summary>Gathers the parts of each trained tensor's gradient while a graph is built, in the tensor's own gradient storage.</summary>
/// <param name="graph">The graph.</param>
/// <param name="accumulate">Add to what the storage holds from the batches before.</param>
internal sealed class GradientSink(TensorGraph graph, bool accumulate)
{
    private readonly Dictionary<ModelTensor, Tensor> _sums = [];

    /// <summary>Adds a part. It must be a fresh node of the size of the tensor, not a view.</summary>
    public void Add(ModelTensor tensor, Tensor part)
    {
        if (_sums.TryGetValue(tensor, out var sum)) sum = graph.AddInPlace(sum, Shaped(tensor, part));
        else if (accumulate) sum = graph.AddInPlace(tensor.Gradient, Shaped(tensor, part));
        else sum = TensorGraph.Place(part, tensor.Gradient);
        graph.Schedule(sum);
        _sums[tensor] = sum;
    }

    /// <summary>The trained tensors that no part came for: their gradient is zero.</summary>
    public IEnumerable<ModelTensor> Missing(IEnumerable<ModelTensor> trained) =>
        accumulate ? [] : trained.Where(tensor => !_sums.ContainsKey(tensor));

    private Tensor Shaped(ModelTensor tensor, Tensor part) =>
        graph.Reshape(part, tensor.Shape[0], tensor.Shape.Length > 1 ? tensor.Shape[1] : 1);
}
