using NativeSteer.Files;
using NativeSteer.Tensors;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>Reads a model's tensors into a trainer: frozen ones as they are, trained ones as F32, with what each needs beside it.</summary>
internal sealed class WeightLoader
{
    private const int TensorsPerWeight = 6;

    private readonly TransformerShape _shape;
    private readonly TrainableParts _parts;
    private readonly TrainerOptions _options;
    private readonly TensorStore _store;
    private readonly ModelSource _source;
    private readonly List<ModelTensor> _tensors = [];
    private readonly List<int> _tokenRows;
    private readonly int _newRows;
    private readonly bool _valuesAlone;

    private WeightLoader(TransformerShape shape, TrainableParts parts, TrainerOptions options, TensorStore store, ModelSource source, bool valuesAlone)
    {
        (_shape, _parts, _options, _store, _source, _valuesAlone) = (shape, parts, options, store, source, valuesAlone);
        // With all weights trained, new tokens are more rows of the matrices themselves.
        _newRows = parts.AllWeights ? parts.TokenRows.Count(token => token >= shape.Vocabulary) : 0;
        _tokenRows = parts.AllWeights ? [] : [.. parts.TokenRows];
    }

    /// <summary>Loads a model.</summary>
    /// <param name="path">The model, or its first part.</param>
    /// <param name="device">Where it is computed.</param>
    /// <param name="parts">What is trained.</param>
    /// <param name="options">How.</param>
    /// <param name="valuesAlone">Without transposed copies, gradients and moments: for an optimiser that has its own.</param>
    /// <exception cref="NativeSteerException">The model cannot be trained, what is to be trained does not fit it, or memory is short.</exception>
    public static TransformerWeights Load(string path, ComputeDevice device, TrainableParts parts, TrainerOptions options, bool valuesAlone = false)
    {
        using var source = ModelSource.Open(path);
        var shape = TransformerShape.Read(source.First);
        TrainablePartsCheck.Run(parts, shape, path);
        var store = new TensorStore(device, TensorsPerWeight * (shape.Layers * 19 + 16));
        try
        {
            var loader = new WeightLoader(shape, parts, options, store, source, valuesAlone);
            var weights = loader.Describe();
            store.Allocate();
            loader.Fill(device);
            return weights;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    private TransformerWeights Describe()
    {
        var vocabulary = _shape.Vocabulary + _newRows;
        var tied = _shape.Tied;
        var embedding = Matrix("token_embd.weight", _shape.Width, vocabulary, transposed: tied);
        var layers = Enumerable.Range(0, _shape.Layers).Select(Layer).ToList();
        var outputNorm = Vector("output_norm.weight", _parts.AllWeights || _parts.Norms);
        var head = tied ? embedding : Matrix("output.weight", _shape.Width, vocabulary, transposed: true);
        var headBias = Bias("output.bias");
        var embeddingRows = _tokenRows.Count == 0 ? null : Added("token_embd.rows", _shape.Width, _tokenRows.Count);
        var headRows = _tokenRows.Count == 0 || tied ? embeddingRows : Added("output.rows", _shape.Width, _tokenRows.Count);
        return new TransformerWeights(_shape with { Vocabulary = vocabulary }, _store)
        {
            Embedding = embedding,
            Layers = layers,
            OutputNorm = outputNorm,
            Head = head,
            HeadBias = headBias,
            RopeFactors = _shape.Architecture == "llama" && _source.Find("rope_freqs.weight") is not null ? Vector("rope_freqs.weight", false) : null,
            TokenRows = _tokenRows,
            EmbeddingRows = embeddingRows,
            HeadRows = headRows,
            Trained = [.. _tensors.Where(tensor => tensor.Trained)],
        };
    }

    private LayerWeights Layer(int index)
    {
        var block = $"blk.{index}.";
        var (width, queries, keys) = (_shape.Width, _shape.Heads * _shape.HeadSize, _shape.KeyValueHeads * _shape.HeadSize);
        var norms = _parts.AllWeights || _parts.Norms;
        return new LayerWeights
        {
            AttentionNorm = Vector(block + "attn_norm.weight", norms),
            Query = Matrix(block + "attn_q.weight", width, queries),
            Key = Matrix(block + "attn_k.weight", width, keys),
            Value = Matrix(block + "attn_v.weight", width, keys),
            AttentionOutput = Matrix(block + "attn_output.weight", queries, width),
            FeedForwardNorm = Vector(block + "ffn_norm.weight", norms),
            Gate = Matrix(block + "ffn_gate.weight", width, _shape.FeedForward),
            Up = Matrix(block + "ffn_up.weight", width, _shape.FeedForward),
            Down = Matrix(block + "ffn_down.weight", _shape.FeedForward, width),
            QueryBias = Bias(block + "attn_q.bias"),
            KeyBias = Bias(block + "attn_k.bias"),
            ValueBias = Bias(block + "attn_v.bias"),
            AttentionOutputBias = _shape.Architecture == "llama" ? Bias(block + "attn_output.bias") : null,
            GateBias = _shape.Architecture == "llama" ? Bias(block + "ffn_gate.bias") : null,
            UpBias = _shape.Architecture == "llama" ? Bias(block + "ffn_up.bias") : null,
            DownBias = _shape.Architecture == "llama" ? Bias(block + "ffn_down.bias") : null,
            DownAdapter = _parts.AdapterLayers.Contains(index)
                ? new(Added(block + "ffn_down.lora_a", _shape.FeedForward, _parts.AdapterRank), Added(block + "ffn_down.lora_b", _parts.AdapterRank, width))
                : null,
            Vector = _parts.VectorLayers.Contains(index) ? Added(block + "vector", width) : null,
        };
    }

    private ModelTensor Matrix(string name, long columns, long rows, bool transposed = true)
    {
        if (_source.Find(name) is not var (_, stored))
        {
            throw new NativeSteerException(
                $"{FileErrors.Shown(_source.First.Path)} has no tensor {name} (its attention may be stored in one piece); convert it with separate tensors.");
        }
        if (_parts.AllWeights) return Trained(name, columns, rows);
        var pairs = _options.Transposed == TransposedType.BF16 || rows % 32 != 0;
        return Register(new ModelTensor
        {
            Name = name,
            Shape = [columns, rows],
            Trained = false,
            Value = _store.New(stored.Type, name, columns, rows),
            Transposed = !transposed || _valuesAlone ? Tensor.None
                : pairs ? _store.New(GgmlType.I32, name + ".pairs", columns, (rows + 1) / 2)
                : _store.New(GgmlType.Q8_0, name + ".transposed", rows, columns),
            HasPairs = pairs,
            Turned = !transposed || _valuesAlone || !_options.RoundFrozen || GgmlTypes.BlockElements(stored.Type) > 1 ? Tensor.None
                : _store.New(GgmlType.I32, name + ".turned", rows, (columns + 1) / 2),
        });
    }

    private ModelTensor Vector(string name, bool trained)
    {
        var length = (_source.Find(name) ?? throw new NativeSteerException($"{FileErrors.Shown(_source.First.Path)} has no tensor {name}.")).Tensor.Count;
        if (name == "output.bias") length += _newRows;
        return trained
            ? Trained(name, length)
            : Register(new ModelTensor { Name = name, Shape = [length], Trained = false, Value = _store.New(GgmlType.F32, name, length) });
    }

    private ModelTensor? Bias(string name) => _source.Find(name) is null ? null : Vector(name, _parts.AllWeights);

    private ModelTensor Added(string name, params ReadOnlySpan<long> shape) => Trained(name, shape);

    private ModelTensor Trained(string name, params ReadOnlySpan<long> shape) => Register(new ModelTensor
    {
        Name = name,
        Shape = shape.ToArray(),
        Trained = true,
        Value = _store.New(GgmlType.F32, name, shape),
        Gradient = Beside(name + ".gradient", shape),
        FirstMoment = Beside(name + ".moment1", shape),
        SecondMoment = Beside(name + ".moment2", shape),
    });

    private Tensor Beside(string name, ReadOnlySpan<long> shape) => _valuesAlone ? Tensor.None : _store.New(GgmlType.F32, name, shape);

    private ModelTensor Register(ModelTensor tensor)
    {
        _tensors.Add(tensor);
        return tensor;
    }

    private void Fill(ComputeDevice device)
    {
        using var allocator = new TensorAllocator(device);
        foreach (var tensor in _tensors)
        {
            if (tensor.Name.EndsWith(".lora_a", StringComparison.Ordinal)) FillAdapter(tensor);
            else if (tensor.Name.EndsWith(".rows", StringComparison.Ordinal)) FillRows(tensor, device, allocator);
            else if (_source.Find(tensor.Name) is var (file, stored)) FillFrom(tensor, file, stored, device, allocator);
        }
    }

    // Kaiming's uniform numbers as LoRA begins with (a = sqrt(5)): within 1 / sqrt(inputs), of variance 1 / (3 inputs).
    private void FillAdapter(ModelTensor tensor)
    {
        var random = new StableRandom(_parts.AdapterSeed, (ulong)_tensors.IndexOf(tensor));
        var bound = 1 / Math.Sqrt(tensor.Shape[0]);
        var values = new float[tensor.Value.Count];
        for (var i = 0; i < values.Length; i++) values[i] = (float)(bound * (2 * random.NextShare() - 1));
        tensor.Value.Write<float>(values);
    }

    private static void FillFrom(ModelTensor tensor, GgufFile file, GgufTensor stored, ComputeDevice device, TensorAllocator allocator)
    {
        if (!tensor.Trained)
        {
            WeightConversion.Copy(file, stored, tensor.Value);
            if (!tensor.Transposed.IsNone) WeightConversion.Transpose(tensor, device, allocator);
            if (!tensor.Turned.IsNone) WeightConversion.Turn(tensor, device, allocator);
            return;
        }
        WeightConversion.Expand(file, stored, tensor.Value, device, allocator);
        var missing = tensor.Value.Count - stored.Count;
        if (missing > 0) tensor.Value.Write<float>(NewRows(tensor.Value.ToArray(), (int)tensor.Shape[0], missing), stored.Count * sizeof(float));
    }

    // New tokens begin as the mean of the rows there are (of a bias: its mean).
    private static float[] NewRows(float[] values, int width, long missing)
    {
        if (width == values.Length) width = 1;
        var known = (int)(values.Length - missing) / width;
        var mean = new double[width];
        for (var i = 0; i < known * width; i++) mean[i % width] += values[i];
        return [.. Enumerable.Range(0, (int)missing).Select(i => (float)(mean[i % width] / known))];
    }

    private void FillRows(ModelTensor rows, ComputeDevice device, TensorAllocator allocator)
    {
        var name = rows.Name == "output.rows" ? "output.weight" : "token_embd.weight";
        var matrix = _tensors.Single(tensor => tensor.Name == name);
        rows.Value.Write<float>(WeightConversion.RowsOrMean(matrix.Value, _tokenRows, device, allocator));
    }
}
