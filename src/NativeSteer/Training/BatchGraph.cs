using NativeSteer.Tensors;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>The graph of one batch, with its inputs: from tokens to the loss of the counted tokens, and back.</summary>
internal sealed class BatchGraph : IDisposable
{
    /// <summary>The most tensors that a layer takes, computed again for its backward pass.</summary>
    internal const int TensorsPerLayer = 192;

    /// <summary>The most tensors that a chunk of the head's rows takes.</summary>
    internal const int TensorsPerChunk = 40;

    private const int OtherTensors = 128;

    private readonly TransformerWeights _weights;
    private readonly TrainerOptions _options;
    private readonly TrainingBatch _batch;
    private readonly TensorGraph _graph;
    private readonly GradientSink _gradients;
    private readonly LinearGraph _linear;
    private readonly NormGraph _norm;
    private readonly LayerGraph _layer;
    private readonly EmbeddingGraph _embedding;
    private readonly HeadGraph _head;
    private readonly List<Action> _inputs = [];
    private readonly Tensor _outputs;
    private readonly Tensor _hidden;
    private IReadOnlyList<Tensor> _stats = [];
    private Tensor _logits;

    private BatchGraph(
        ComputeDevice device, TensorAllocator allocator, TransformerWeights weights, TrainerOptions options, TrainingBatch batch, bool accumulate,
        int? chunkRows)
    {
        (_weights, _options, _batch) = (weights, options, batch);
        var shape = weights.Shape;
        var step = chunkRows ?? HeadGraph.ChunkRows(shape.Vocabulary);
        var chunks = (batch.Outputs.Length + step - 1) / step;
        _graph = new TensorGraph(device, allocator, shape.Layers * TensorsPerLayer + chunks * TensorsPerChunk + OtherTensors);
        _gradients = new GradientSink(_graph, accumulate);
        _linear = new LinearGraph(_graph, _gradients, options.Compute);
        _norm = new NormGraph(_graph, _gradients, shape.Epsilon);
        var sees = _graph.Input(GgmlType.I32, batch.Length, 3, batch.Rows);
        _inputs.Add(() => sees.Write<int>(AttentionGraph.Sees(batch)));
        var attention = new AttentionGraph(_graph, shape, sees, options.Threads);
        _layer = new LayerGraph(_graph, shape, _linear, _norm, attention, _gradients, Input<int>(batch.Positions), weights.Rope);
        var places = BatchTokens.Read(batch, weights);
        _embedding = new EmbeddingGraph(
            _graph, weights, _gradients, Input<int>(places.Tokens),
            places.Replaced.Length == 0 ? Tensor.None : Input<int>(places.Replaced), places.Replaced.Length == 0 ? Tensor.None : Input<int>(places.Rows));
        _head = new HeadGraph(_graph, weights, _linear, _norm, _gradients, step);
        _outputs = Input<int>(batch.Outputs);
        _hidden = places.Hidden.Length == 0 ? Tensor.None : Input<float>(places.Hidden);
    }

    /// <summary>Tensors that it is made of.</summary>
    public int Tensors => _graph.Made;

    /// <summary>A graph that leaves the gradient of the batch's loss in the trained tensors, and its statistics.</summary>
    /// <param name="device">Where it is computed.</param>
    /// <param name="allocator">Memory for activations.</param>
    /// <param name="weights">The model.</param>
    /// <param name="options">Number types, KL weight, temperature, recomputation.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="targets">Targets of all batches of the update, by whose number the loss is divided.</param>
    /// <param name="accumulate">Add to the gradients of the batches before.</param>
    /// <param name="chunkRows">Rows that go through the head together; null for as many as suit the vocabulary.</param>
    public static BatchGraph Gradient(
        ComputeDevice device, TensorAllocator allocator, TransformerWeights weights, TrainerOptions options, TrainingBatch batch, long targets,
        bool accumulate, int? chunkRows = null) =>
        Built(new BatchGraph(device, allocator, weights, options, batch, accumulate, chunkRows), graph => graph.BuildGradient(targets));

    /// <summary>A graph that leaves the statistics alone.</summary>
    public static BatchGraph Forward(
        ComputeDevice device, TensorAllocator allocator, TransformerWeights weights, TrainerOptions options, TrainingBatch batch,
        int? chunkRows = null) =>
        Built(
            new BatchGraph(device, allocator, weights, options, batch, accumulate: false, chunkRows),
            graph => graph._stats = graph.Loss(graph.LastResidual(), 1, back: false).Stats);

    /// <summary>A graph that leaves the logits.</summary>
    public static BatchGraph Logits(
        ComputeDevice device, TensorAllocator allocator, TransformerWeights weights, TrainerOptions options, TrainingBatch batch) =>
        Built(new BatchGraph(device, allocator, weights, options, batch, accumulate: false, null), graph =>
        {
            graph._logits = graph._head.Logits(graph._graph.GetRows(graph.LastResidual(), graph._outputs), graph._hidden);
            graph._graph.ScheduleOutput(graph._logits);
        });

    /// <summary>Computes the graph; trained tensors that it does not reach get a gradient of zero.</summary>
    public void Compute()
    {
        _graph.Allocate();
        foreach (var write in _inputs) write();
        _graph.Compute();
    }

    /// <summary>(4, n): log-probability, loss, slope and log of the sum of exponentials of each target.</summary>
    public float[] Stats() => [.. _stats.SelectMany(chunk => chunk.ToArray())];

    /// <summary>(n, vocabulary) logits; columns after the vocabulary are those of token rows.</summary>
    public float[] LogitValues() => _logits.ToArray();

    public void Dispose() => _graph.Dispose();

    private static BatchGraph Built(BatchGraph graph, Action<BatchGraph> build)
    {
        try
        {
            build(graph);
            return graph;
        }
        catch
        {
            graph.Dispose();
            throw;
        }
    }

    private void BuildGradient(long targets)
    {
        var passes = new LayerGraph.Pass[_weights.Layers.Count];
        var input = _embedding.Forward();
        _graph.Schedule(input);
        for (var layer = 0; layer < passes.Length; layer++)
        {
            passes[layer] = _layer.Forward(_weights.Layers[layer], input);
            input = passes[layer].Output;
            _graph.Schedule(input);
        }
        var (stats, residualGradient) = Loss(input, targets, back: true);
        _stats = stats;
        var gradient = _graph.GetRowsBack(residualGradient, _outputs, input);
        _graph.Schedule(gradient);
        var lowest = _weights.LowestLayer;
        var toEmbedding = _weights.Embedding.Trained || _weights.EmbeddingRows is not null;
        for (var layer = passes.Length - 1; layer >= lowest; layer--)
        {
            var pass = _options.Recompute ? _layer.Forward(_weights.Layers[layer], passes[layer].Input) : passes[layer];
            gradient = _layer.Back(_weights.Layers[layer], pass, gradient, toInput: layer > lowest || toEmbedding);
            if (!gradient.IsNone) _graph.Schedule(gradient);
        }
        if (toEmbedding) _embedding.Back(gradient);
        foreach (var tensor in _gradients.Missing(_weights.Trained)) _inputs.Add(() => tensor.Gradient.Write<float>(new float[tensor.Gradient.Count]));
    }

    private Tensor LastResidual()
    {
        var residual = _embedding.Forward();
        foreach (var layer in _weights.Layers) residual = _layer.Forward(layer, residual).Output;
        return residual;
    }

    private (IReadOnlyList<Tensor> Stats, Tensor Gradient) Loss(Tensor residual, long targets, bool back)
    {
        var count = _batch.Outputs.Length;
        var options = _graph.Input(GgmlType.F32, 4, count);
        _inputs.Add(() => options.Write<float>(LossOptions(targets)));
        var ids = Input<int>([.. _batch.Targets.Select(token => HeadGraph.TargetOf(token, _weights))]);
        return _head.Loss(_graph.GetRows(residual, _outputs), ids, options, _hidden, back);
    }

    // (4, n): weight, reference, KL weight, 1 / temperature.
    private float[] LossOptions(long targets)
    {
        var values = new float[4 * _batch.Outputs.Length];
        for (var i = 0; i < _batch.Outputs.Length; i++)
        {
            values[4 * i] = _batch.Weights[i] / targets;
            if (_batch.Reference(i) is { } reference) (values[4 * i + 1], values[4 * i + 2]) = (reference, _options.KlWeight / targets);
            values[4 * i + 3] = 1 / _options.Temperature;
        }
        return values;
    }

    private Tensor Input<T>(T[] values) where T : unmanaged
    {
        var tensor = _graph.Input(typeof(T) == typeof(int) ? GgmlType.I32 : GgmlType.F32, values.Length);
        _inputs.Add(() => tensor.Write<T>(values));
        return tensor;
    }
}
