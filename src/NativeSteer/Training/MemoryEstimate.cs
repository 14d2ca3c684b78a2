using System.Globalization;
using NativeSteer.Engine;
using NativeSteer.Tensors;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>
/// What training a model will take, in bytes, from its shape and the options alone: before anything is loaded, and before the
/// system ends the process without a word.
/// </summary>
public sealed record MemoryEstimate
{
    private const int Float = sizeof(float);

    /// <summary>The model's tensors: frozen ones as they are stored, trained ones in F32.</summary>
    public required long Weights { get; init; }

    /// <summary>Copies of matrices for the products: transposed ones of frozen matrices, rounded ones of trained matrices.</summary>
    public required long Copies { get; init; }

    /// <summary>Gradient and AdamW's two moments of every trained number.</summary>
    public required long Optimizer { get; init; }

    /// <summary>What the forward pass keeps for the backward pass, at the moment when that is most.</summary>
    public required long Activations { get; init; }

    /// <summary>Logits and their gradients, and gradients of matrices before they are added to what is there.</summary>
    public required long Head { get; init; }

    /// <summary>What the threads work in while they compute attention.</summary>
    public required long Scratch { get; init; }

    /// <summary>What comes and goes while the model is loaded, when there are no activations yet: a matrix in other number types.</summary>
    public required long Loading { get; init; }

    /// <summary>Copies of a tensor on its way into a checkpoint or the trained model.</summary>
    public required long Writing { get; init; }

    /// <summary>The most that is taken at once.</summary>
    public long Total => Weights + Copies + Optimizer + Math.Max(Loading, Activations + Head + Scratch) + Writing;

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
        var tied = source.Find("output.weight") is null;
        long weights = 0, transposed = 0, trained = 0, trainedMatrices = 0, largest = 0, loading = 0;
        foreach (var (_, tensor) in source.Tensors)
        {
            var isMatrix = tensor.Count > tensor.Shape[0];
            var isTrained = parts.AllWeights || (parts.Norms && tensor.Name.EndsWith("norm.weight", StringComparison.Ordinal));
            weights += isTrained ? tensor.Count * Float : tensor.Bytes;
            if (isTrained) trained += tensor.Count;
            if (!isMatrix) continue;
            loading = Math.Max(loading, LoadingBytes(tensor, isTrained, trainer));
            if (isTrained) (trainedMatrices, largest) = (trainedMatrices + tensor.Count, Math.Max(largest, tensor.Count));
            else if (tied || tensor.Name is not "token_embd.weight") transposed += CopyBytes(tensor, trainer);
        }
        var added = (long)parts.VectorLayers.Count * numbers.Width + (tied ? 1L : 2L) * parts.TokenRows.Count * numbers.Width;
        added += (long)parts.AdapterLayers.Count * parts.AdapterRank * (numbers.Width + numbers.FeedForward);
        var tokens = (long)rows * length;
        var vocabulary = source.Find("token_embd.weight")?.Tensor.Shape[^1] ?? 0;
        var kept = KeptLayers(parts, numbers.Layers);
        var activations = trainer.Recompute
            ? ((kept + 1L) * numbers.Width * tokens * Float) + Math.Min(kept, 1) * LayerActivations(numbers, parts, tokens)
            : kept * LayerActivations(numbers, parts, tokens);
        return new MemoryEstimate
        {
            Weights = weights + added * Float,
            Copies = transposed + RoundedBytes(trainer, trainedMatrices, largest),
            Optimizer = (trained + added) * 3 * Float,
            Activations = activations + PassingActivations(numbers, parts, tokens),
            Head = HeadBytes(numbers, parts, tokens, vocabulary) + (largest * Float),
            Scratch = TensorGraph.AttentionScratch(numbers.HeadSize, length) * trainer.Threads * Float,
            Loading = loading,
            Writing = 2 * Math.Max(largest, parts.TokenRows.Count * numbers.Width) * Float, // values, and those before that are not collected yet
        };
    }

    /// <summary>
    /// How many layers the backward pass goes through, which is as many as must keep their activations: down to the lowest
    /// trained thing. A vector's gradient is that of its layer's output, so its own layer needs none.
    /// </summary>
    internal static int KeptLayers(TrainableParts parts, int layers) =>
        parts.AllWeights || parts.Norms || parts.TokenRows.Count > 0 ? layers
        : Math.Max(
            parts.VectorLayers.Count > 0 ? layers - 1 - parts.VectorLayers.Min() : 0,
            parts.AdapterLayers.Count > 0 ? layers - parts.AdapterLayers.Min() : 0);

    /// <summary>
    /// Bytes that one layer's forward pass keeps for its backward pass, all F32. For each token: the residual stream before the
    /// layer and between its halves (2 widths); rotated queries, and attention's result where its matrix is trained (heads x head
    /// size each); rotated keys and values (2 times key-value heads x head size); gate and up (2 feed-forward lengths). Attention
    /// keeps no table of weights.
    /// </summary>
    internal static long LayerActivations(ModelNumbers numbers, TrainableParts parts, long tokens)
    {
        var queries = (long)numbers.Heads * numbers.HeadSize * (parts.AllWeights ? 2 : 1);
        var keys = (long)numbers.KeyValueHeads * numbers.HeadSize;
        return tokens * (2L * numbers.Width + queries + 2 * keys + 2L * numbers.FeedForward) * Float;
    }

    /// <summary>
    /// Bytes that come and go at the moment when that is most: in the forward pass three rows of the feed-forward network beside the
    /// residual stream; in the backward pass the gradients of two of them, or of queries, keys and values, and turned copies of
    /// what the trained matrices have read.
    /// </summary>
    internal static long PassingActivations(ModelNumbers numbers, TrainableParts parts, long tokens)
    {
        var (queries, keys) = ((long)numbers.Heads * numbers.HeadSize, (long)numbers.KeyValueHeads * numbers.HeadSize);
        var feedForward = (long)numbers.FeedForward * (KeptLayers(parts, numbers.Layers) == 0 ? 3 : 2);
        if (parts.AllWeights) feedForward += numbers.FeedForward; // turned, and its gradient turned, in 16 bits
        return tokens * (numbers.Width + Math.Max(feedForward, (2 * queries) + (4 * keys) + numbers.Width)) * Float;
    }

    /// <summary>
    /// Bytes of the head: for each target the residual stream before and after its norm and the gradient by it; for the targets that
    /// go through the head together what they read and its gradient, their logits, and the gradients of these in another order or
    /// type, or parts of them where token rows are trained.
    /// </summary>
    private static long HeadBytes(ModelNumbers numbers, TrainableParts parts, long tokens, long vocabulary)
    {
        if (vocabulary == 0) return 0;
        var together = Math.Min(tokens, HeadGraph.ChunkRows((int)vocabulary));
        return ((together * vocabulary * (parts.TokenRows.Count > 0 ? 3 : 2)) + (((3 * tokens) + (2 * together)) * numbers.Width)) * Float;
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
            + $"moments {Gibibytes(Optimizer)}, activations {Gibibytes(Activations + Head + Scratch)}), {Gibibytes(available)} GiB are free; what would help: "
            + $"{string.Join(", ", help)}.");
    }

    // Made for one product after the other; recomputing layers keeps those of the forward pass until the end.
    private static long RoundedBytes(TrainerOptions trainer, long trained, long largest) => trainer.Compute == ComputeType.BF16
        ? trainer.Recompute ? 2 * (trained + largest) : 4 * largest
        : Float * largest;

    // Stored bytes that become F32 in their place; or a frozen matrix as F32, and turned where its copy is quantised.
    private static long LoadingBytes(GgufTensor tensor, bool isTrained, TrainerOptions trainer)
    {
        if (isTrained) return tensor.Type == GgmlType.F32 ? 0 : tensor.Bytes;
        var expanded = tensor.Type == GgmlType.F32 ? 0 : tensor.Count * Float;
        var turned = trainer.Transposed == TransposedType.BF16 || tensor.Shape[^1] % 32 != 0 ? 0 : tensor.Count * Float;
        return expanded + turned;
    }

    // Copies for the backward pass, and for the forward pass where that rounds too.
    private static long CopyBytes(GgufTensor tensor, TrainerOptions trainer) =>
        TransposedBytes(tensor, trainer) + (trainer.RoundFrozen && GgmlTypes.BlockElements(tensor.Type) == 1 ? tensor.Count * 2 : 0);

    private static long TransposedBytes(GgufTensor tensor, TrainerOptions trainer) =>
        trainer.Transposed == TransposedType.BF16 || tensor.Shape[^1] % 32 != 0 ? tensor.Count * 2 : tensor.Count / 32 * 34;

    private static string Gibibytes(long bytes) => ((double)bytes / (1L << 30)).ToString("0.##", CultureInfo.InvariantCulture);
}
