using NativeSteer.Engine;
using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Extraction;

/// <summary>What every extraction can be told.</summary>
public abstract record ExtractionOptions
{
    /// <summary>The blocks to make directions for, or null for all.</summary>
    public IReadOnlyList<int>? Layers { get; init; }

    /// <summary>
    /// Threads, batch length, cache format and flash attention of the run. <see cref="ContextOptions.ContextLength"/> is the
    /// most tokens a text may have, 0 for what the model was trained with; the cache is made as long as the longest text
    /// needs. <see cref="ContextOptions.Sequences"/> and <see cref="ContextOptions.Hook"/> are set by the extraction.
    /// </summary>
    public ContextOptions Context { get; init; } = new();

    /// <summary>The residual slots of the layers.</summary>
    /// <exception cref="NativeSteerException">The model lacks a layer.</exception>
    internal HookSlot[] Slots(LanguageModel model)
    {
        var layers = model.Shape.Layers;
        if (Layers is { Count: 0 }) throw new NativeSteerException("No layer was asked for; name one with --layers.");
        foreach (var layer in Layers ?? [])
        {
            if (layer < 0 || layer >= layers)
                throw new NativeSteerException($"Layer {layer} was asked for, the model has {layers} (0-{layers - 1}).");
        }
        return [.. (Layers ?? Enumerable.Range(0, layers)).Distinct().Select(layer => new HookSlot(HookSite.Residual, layer))];
    }

    /// <summary>Most tokens a text may have.</summary>
    internal int LongestText(LanguageModel model) => Context.ContextLength > 0 ? Context.ContextLength : model.TrainedContextLength;

    /// <summary>A context that fits texts up to a length and full batches of them.</summary>
    internal InferenceContext CreateContext(LanguageModel model, int longestText)
    {
        const int mostSequences = 64; // enough to fill a batch of 512 with texts of 8 tokens; recurrent models pay for each
        var batch = Math.Max(1, Context.BatchLength);
        return model.CreateContext(Context with
        {
            ContextLength = (longestText + 2 * batch + 255) / 256 * 256, // a batch, and as much of earlier texts to fork from
            Sequences = Math.Clamp(batch, 2, mostSequences),
            Hook = true,
        });
    }
}

/// <summary>How to make a vector of labelled traces.</summary>
/// <param name="Label">The label whose vector is wanted.</param>
public sealed record TraceExtraction(string Label) : ExtractionOptions
{
    /// <summary>The rows that stand for a span.</summary>
    public OffsetRange Offsets { get; init; } = OffsetRange.Paper;

    /// <summary>What the label is compared with.</summary>
    public Against Against { get; init; }
}

/// <summary>How to make a vector of prompt pairs.</summary>
public sealed record PairExtraction : ExtractionOptions
{
    /// <summary>How the pairs' rows become a direction.</summary>
    public PairMethod Method { get; init; }

    /// <summary>The rows that stand for a prompt.</summary>
    public PairPosition Position { get; init; }

    /// <summary>A name for what the vector stands for; goes to its provenance.</summary>
    public string Label { get; init; } = "";
}

/// <summary>How pairs become a direction.</summary>
public enum PairMethod
{
    /// <summary><see cref="DifferenceOfMeans"/>.</summary>
    MeanDifference,

    /// <summary><see cref="PrincipalComponents"/>; needs memory for one row per pair and layer.</summary>
    PrincipalComponent,
}

/// <summary>Which rows stand for a prompt.</summary>
public enum PairPosition
{
    /// <summary>The last token's.</summary>
    Last,

    /// <summary>
    /// All tokens', each weighing the same. The begin token is left out: it is the same in all prompts, and its residual is
    /// often hundreds of times as long, so that prompts of unequal number of tokens would differ mostly by its share.
    /// </summary>
    Mean,
}

/// <summary>What an extraction did.</summary>
public sealed record ExtractionSummary
{
    /// <summary>Texts that were run.</summary>
    public int Texts { get; init; }

    /// <summary>Tokens of the texts, up to the last row that was read of each.</summary>
    public long Tokens { get; init; }

    /// <summary>How many of the tokens were not run, because an earlier text begins alike.</summary>
    public long ReusedTokens { get; init; }

    /// <summary>Rows on the positive and the negative side (or pairs on both, for principal components).</summary>
    public (long Positive, long Negative) Rows { get; init; }

    /// <summary>Window rows left out because they lie outside their trace.</summary>
    public long SkippedRows { get; init; }

    /// <summary>Spans per label; empty for pairs.</summary>
    public IReadOnlyDictionary<string, int> Spans { get; init; } = new Dictionary<string, int>(StringComparer.Ordinal);

    /// <summary>
    /// The share of the differences' sum of squares that a principal component explains, per layer; empty for other
    /// methods.
    /// </summary>
    public IReadOnlyDictionary<int, double> ExplainedShares { get; init; } = new Dictionary<int, double>();

    /// <summary>Time from the first file read to the finished vector.</summary>
    public TimeSpan Elapsed { get; init; }
}

/// <summary>A vector and how it came about.</summary>
/// <param name="Vector">The vector.</param>
/// <param name="Summary">What was run.</param>
public sealed record ExtractedVector(SteeringVector Vector, ExtractionSummary Summary);
