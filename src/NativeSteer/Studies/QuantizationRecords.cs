using NativeSteer.Analysis;

namespace NativeSteer.Studies;

/// <summary>A copy of a model.</summary>
/// <param name="Source"><c>reasoning</c> or <c>base</c>.</param>
/// <param name="Type">The type's name, e.g. <c>Q4_K_M</c>.</param>
/// <param name="Bytes">Of all tensors.</param>
/// <param name="Weights">How many.</param>
/// <param name="Fallbacks">Matrices whose rows fit no block of their format, and got another.</param>
/// <param name="Formats">Tensors by number format.</param>
public sealed record QuantizedModel(string Source, string Type, long Bytes, long Weights, int Fallbacks, IReadOnlyDictionary<string, int> Formats)
{
    /// <summary>Bits that a weight takes on average.</summary>
    public double Bits => 8.0 * Bytes / Weights;
}

/// <summary>How likely the traces are to a copy.</summary>
/// <param name="Source"><c>reasoning</c> or <c>base</c>.</param>
/// <param name="Type">The type's name.</param>
/// <param name="Texts">Traces that were read.</param>
/// <param name="Tokens">Their tokens.</param>
/// <param name="LogProbability">The sum of the tokens' log probabilities, nats.</param>
public sealed record QuantizedLikelihood(string Source, string Type, int Texts, long Tokens, double LogProbability)
{
    /// <summary>The perplexity per token.</summary>
    public double Perplexity => Math.Exp(-LogProbability / Tokens);
}

/// <summary>How fast a copy is.</summary>
/// <param name="Source"><c>reasoning</c> or <c>base</c>.</param>
/// <param name="Type">The type's name.</param>
/// <param name="Batch">Sequences side by side.</param>
/// <param name="Prompt">Prompt tokens per second, a number per round.</param>
/// <param name="Generated">Generated tokens per second, a number per round.</param>
public sealed record QuantizedSpeed(string Source, string Type, int Batch, IReadOnlyList<double> Prompt, IReadOnlyList<double> Generated);

/// <summary>What is left of a vector that is extracted from a copy.</summary>
/// <param name="Source"><c>reasoning</c> or <c>base</c>.</param>
/// <param name="Type">The type's name.</param>
/// <param name="Layer">The block, from 0.</param>
/// <param name="Cosine">With the vector of the first type.</param>
/// <param name="NormRatio">Its norm over that one's.</param>
public sealed record VectorFidelity(string Source, string Type, int Layer, double Cosine, double NormRatio);

/// <summary>What the vector of one copy does to another.</summary>
/// <param name="Source">The model that the vector is of, <c>reasoning</c> or <c>base</c>.</param>
/// <param name="Vector">The type of the copy that it was extracted from.</param>
/// <param name="Model">The type of the copy of the reasoning model that is steered.</param>
/// <param name="Result">Rates over all prompts.</param>
public sealed record QuantizedEffect(string Source, string Vector, string Model, ConditionResult Result)
{
    /// <summary>The keyword rate with its interval.</summary>
    public Estimate Rate => Result.Rate;
}
