using NativeSteer.Files;
using NativeSteer.Tensors;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>
/// The same training by ggml's automatic differentiation and optimiser (<c>ggml_opt</c>, which llama.cpp's own fine-tuning
/// uses): the reference for <see cref="Trainer"/>'s losses and speed. Used by one thread at a time.
/// </summary>
/// <remarks>
/// It computes in F32 and neither clips, packs, accumulates nor recomputes. Its AdamW decays every trained tensor, where
/// <see cref="Trainer"/> decays matrices alone.
/// </remarks>
public sealed class AutodiffTrainer : IDisposable
{
    /// <summary>The most layers that ggml's graphs, whose size is fixed, have room for when all weights are trained (without biases).</summary>
    public const int MostLayers = 15;

    private readonly ComputeDevice _device;
    private readonly TransformerWeights _weights;
    private readonly TrainerOptions _options;
    private readonly TrainingBatch _like;
    private readonly TensorAllocator _allocator;
    private readonly AutodiffInputs _inputs;
    private readonly TensorGraph _graph;
    private readonly Autodiff _autodiff;
    private bool _disposed;

    private AutodiffTrainer(ComputeDevice device, TransformerWeights weights, TrainingBatch like, TrainerOptions options)
    {
        (_device, _weights, _options, _like) = (device, weights, options, like);
        _allocator = new TensorAllocator(device);
        _inputs = new AutodiffInputs(device, like);
        _graph = new TensorGraph(device, _allocator, Autodiff.Room);
        try
        {
            foreach (var tensor in weights.Trained) Autodiff.Train(tensor.Value);
            _autodiff = _graph.Differentiate(_inputs.Tokens, new AutodiffGraph(_graph, weights, _inputs).Logits());
        }
        catch
        {
            DisposeGraph();
            throw;
        }
    }

    /// <summary>Loads a model with its graph, which is made for batches of one shape.</summary>
    /// <param name="modelPath">The model, or the first part of a split one.</param>
    /// <param name="parts">What is trained: anything but single token rows.</param>
    /// <param name="like">A batch with as many rows, tokens and targets as every later one; see <see cref="Step"/>.</param>
    /// <param name="options">Threads, and AdamW's parameters.</param>
    /// <exception cref="NativeSteerException">The model is of a kind that ggml cannot derive, or there is not enough memory.</exception>
    public static AutodiffTrainer Load(string modelPath, TrainableParts parts, TrainingBatch like, TrainerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(modelPath);
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentNullException.ThrowIfNull(like);
        options ??= new TrainerOptions();
        if (parts.TokenRows.Count > 0) throw new NativeSteerException("ggml's autodiff does not train single token rows; train all weights or vectors.");
        var device = new ComputeDevice(options.Threads);
        TransformerWeights? weights = null;
        try
        {
            weights = WeightLoader.Load(modelPath, device, parts, options, valuesAlone: true);
            Check(weights, FileErrors.Shown(modelPath));
            Check(like, weights);
            return new AutodiffTrainer(device, weights, like, options);
        }
        catch
        {
            weights?.Dispose();
            device.Dispose();
            throw;
        }
    }

    /// <summary>One AdamW update from the gradient of the mean loss over the batch's targets.</summary>
    /// <param name="batch">Rows of one sequence each, without padding; targets that all weigh 1.</param>
    /// <param name="learningRate">Above 0.</param>
    /// <returns>The mean loss before the update.</returns>
    public double Step(TrainingBatch batch, float learningRate)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(batch);
        Check(batch, _weights);
        if (batch.Rows != _like.Rows || batch.Length != _like.Length || batch.Outputs.Length != _like.Outputs.Length)
            throw new ArgumentException("ggml's autodiff was made for batches of another shape.", nameof(batch));
        _inputs.Write(batch);
        return _autodiff.Step(batch.Targets, new(learningRate, _options.Beta1, _options.Beta2, _options.Epsilon, _options.WeightDecay));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        DisposeGraph();
        _weights.Dispose();
        _device.Dispose();
    }

    private void DisposeGraph()
    {
        _autodiff?.Dispose();
        _graph.Dispose();
        _inputs.Dispose();
        _allocator.Dispose();
    }

    // What ggml's gradients of mul_mat do not cover: they assert while the graph is built or computed.
    private static void Check(TransformerWeights weights, string shown)
    {
        var shape = weights.Shape;
        if (shape.Heads != shape.KeyValueHeads)
        {
            throw new NativeSteerException(
                $"{shown} shares {shape.KeyValueHeads} key-value heads among {shape.Heads} heads, whose gradient ggml's autodiff cannot derive; "
                + "give a model with as many of each.");
        }
        if (shape.Layers > MostLayers)
            throw new NativeSteerException($"{shown} has {shape.Layers} layers; ggml's autodiff has room for {MostLayers} at most.");
        if (weights.Layers.SelectMany(layer => layer.Matrices).Append(weights.Head).Any(matrix => !matrix.Trained && matrix.Value.Type == GgmlType.BF16))
            throw new NativeSteerException($"{shown} holds BF16 matrices, through which ggml's autodiff cannot derive; convert them to F32, F16 or Q8_0.");
    }

    private static void Check(TrainingBatch batch, TransformerWeights weights)
    {
        BatchCheck.Run(batch, weights);
        for (var place = 0; place < batch.Segments.Length; place++)
        {
            if (batch.Segments[place] != 0 || batch.Positions[place] != place % batch.Length)
                throw new ArgumentException("ggml's autodiff takes rows of one sequence each, without padding.");
        }
        if (batch.Weights.Any(weight => weight != 1) || batch.ReferenceLogProbabilities is not null)
            throw new ArgumentException("ggml's autodiff takes targets of weight 1, without a reference.");
    }
}
