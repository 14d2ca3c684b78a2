using System.Globalization;
using NativeSteer.Engine;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>
/// What training a model will take, in bytes, from its shape and the options alone: before anything is loaded, and before the
/// system ends the process without a word.
/// </summary>
public sealed record MemoryEstimate
{
    private const int Float = sizeof(float);
    private const long HeadChunk = 1024; // targets that go through the head together

    /// <summary>The model's tensors: frozen ones as they are stored, trained ones in F32.</summary>
    public required long Weights { get; init; }

    /// <summary>Copies of matrices for the products: transposed ones of frozen matrices, BF16 ones of trained matrices.</summary>
    public required long Copies { get; init; }

    /// <summary>Gradient and AdamW's two moments of every trained number.</summary>
    public required long Optimizer { get; init; }

    /// <summary>What the forward pass keeps for the backward pass, at the moment when that is most.</summary>
    public required long Activations { get; init; }

    /// <summary>Logits and their gradients.</summary>
    public required long Head { get; init; }

    /// <summary>All together.</summary>
    public long Total => Weights + Copies + Optimizer + Activations + Head;

    /// <summary>Estimates.</summary>
    /// <param name="model">The model, or its first part.</param>
    /// <param name="parts">What is trained.</param>
    /// <param name="trainer">How.</param>
    /// <param name="rows">Rows of a batch.</param>
    /// <param name="length">Tokens of a row.</param>
    /// <exception cref="NativeSteerException">The file's numbers are missing or impossible.</exception>
    public static MemoryEstimate Of(GgufFile model, TrainableParts parts, TrainerOptions trainer, int rows, int length)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentNullException.ThrowIfNull(trainer);
        using var source = ModelSource.Open(model.Path);
        var numbers = ModelNumbers.Read(source.First)
            ?? throw GgufFile.Fault(model.Path, "it does not say how many layers it has");
        long weights = 0, copies = 0, trained = 0;
        foreach (var (_, tensor) in source.Tensors)
        {
            var isMatrix = tensor.Count > tensor.Shape[0];
            var isTrained = parts.AllWeights || (parts.Norms && tensor.Name.EndsWith("norm.weight", StringComparison.Ordinal));
            weights += isTrained ? tensor.Count * Float : tensor.Bytes;
            if (isTrained) trained += tensor.Count;
            if (isMatrix) copies += isTrained ? TrainedCopies(tensor, trainer) : TransposedBytes(tensor, trainer);
        }
        var embedding = source.Find("token_embd.weight")?.Tensor;
        var tied = source.Find("output.weight") is null;
        var added = (long)parts.VectorLayers.Count * numbers.Width + (tied ? 1L : 2L) * parts.TokenRows.Count * numbers.Width;
        var tokens = (long)rows * length;
        var kept = trainer.Recompute
            ? tokens * numbers.Width * Float * numbers.Layers + LayerActivations(numbers, rows, length)
            : LayerActivations(numbers, rows, length) * numbers.Layers;
        return new MemoryEstimate
        {
            Weights = weights + added * Float,
            Copies = copies,
            Optimizer = (trained + added) * 3 * Float,
            Activations = kept + LayerGradients(numbers, rows, length),
            Head = Math.Min(tokens, HeadChunk) * (embedding?.Shape[^1] ?? 0) * 2 * Float + 2 * tokens * numbers.Width * Float,
        };
    }

    /// <summary>
    /// Bytes that one layer's forward pass keeps for its backward pass, all F32. For each token: the layer's input and the
    /// residual after attention (2 widths) and their normalised forms (2 widths); queries before and after rotation and the
    /// attention's result (3 times heads x head size); keys before and after rotation and values (3 times key-value heads x head
    /// size); gate, up, silu(gate) and their product (4 feed-forward lengths); and for each head the row's attention weights, before
    /// and after the softmax (2 x length).
    /// </summary>
    internal static long LayerActivations(ModelNumbers numbers, int rows, int length)
    {
        var queries = (long)numbers.Heads * numbers.HeadSize;
        var keys = (long)numbers.KeyValueHeads * numbers.HeadSize;
        var perToken = 4L * numbers.Width + 3 * queries + 3 * keys + 4L * numbers.FeedForward + 2L * numbers.Heads * length;
        return (long)rows * length * perToken * Float;
    }

    /// <summary>
    /// Bytes of gradients at the worst moment of a layer's backward pass: those of the residual stream, of the feed-forward
    /// network's three middle rows or of the attention weights before and after the softmax, whichever is more, and transposed
    /// copies of as much.
    /// </summary>
    internal static long LayerGradients(ModelNumbers numbers, int rows, int length)
    {
        var perToken = 2L * numbers.Width + 2 * Math.Max(3L * numbers.FeedForward, 2L * numbers.Heads * length);
        return (long)rows * length * perToken * Float;
    }

    /// <summary>Throws where the estimate is more than can be had.</summary>
    /// <param name="available">Bytes that can be had.</param>
    /// <param name="options">What was estimated for.</param>
    /// <param name="rows">Rows of a batch.</param>
    /// <param name="length">Tokens of a row.</param>
    /// <exception cref="NativeSteerException">Says how much is missing and what would help.</exception>
    internal void RequireFit(long available, TrainerOptions options, int rows, int length)
    {
        if (Total <= available) return;
        var help = new List<string>();
        if (!options.Recompute && Activations > Total / 4) help.Add("--recompute");
        if (rows > 1) help.Add($"fewer rows than --rows {rows} (with --accumulate for the same update)");
        else if (length > 128) help.Add($"rows shorter than --length {length}");
        if (options.Transposed == TransposedType.BF16 && Copies > Total / 8) help.Add("--transposed q8_0");
        if (help.Count == 0) help.Add("a smaller model, or a machine with more memory");
        throw new NativeSteerException(
            $"Training would take about {Gibibytes(Total)} GiB (weights {Gibibytes(Weights)}, their copies {Gibibytes(Copies)}, gradients and "
            + $"moments {Gibibytes(Optimizer)}, activations {Gibibytes(Activations + Head)}), {Gibibytes(available)} GiB are free; what would help: "
            + $"{string.Join(", ", help)}.");
    }

    // A BF16 copy each way where products are computed in BF16, a transposed one otherwise.
    private static long TrainedCopies(GgufTensor tensor, TrainerOptions trainer) =>
        trainer.Compute == ComputeType.BF16 ? tensor.Count * 4 : tensor.Count * Float;

    private static long TransposedBytes(GgufTensor tensor, TrainerOptions trainer) =>
        trainer.Transposed == TransposedType.BF16 ? tensor.Count * 2 : tensor.Count / 32 * 34;

    private static string Gibibytes(long bytes) => ((double)bytes / (1L << 30)).ToString("0.##", CultureInfo.InvariantCulture);
}
