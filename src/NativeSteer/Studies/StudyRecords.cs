using System.Text.Json;
using NativeSteer.Extraction;

namespace NativeSteer.Studies;

/// <summary>What a cell of the study adds to the residual stream.</summary>
/// <param name="Kind"><c>difference-of-means</c>, <c>mean</c>, <c>noise</c>, <c>self</c>, <c>shuffled</c> or <c>none</c>.</param>
/// <param name="Source">The model whose activations it is made of: <c>reasoning</c>, <c>base</c>, or null.</param>
/// <param name="Label">The behaviour it stands for, or null.</param>
/// <param name="Offsets">The window before the behaviour's sentences, or null.</param>
public sealed record StudyVector(string Kind, string? Source, string? Label, OffsetRange? Offsets)
{
    /// <summary>No vector: the model as it is.</summary>
    public const string None = "none";

    /// <summary>Mean of a label's rows minus mean of all labels' rows.</summary>
    public const string DifferenceOfMeans = "difference-of-means";

    /// <summary>The mean of all labels' rows.</summary>
    public const string Mean = "mean";

    /// <summary>A Gaussian direction, another one for each prompt and seed.</summary>
    public const string Noise = "noise";

    /// <summary>Every row's own direction.</summary>
    public const string Self = "self";

    /// <summary>A difference of means after the labels were dealt anew among the spans.</summary>
    public const string Shuffled = "shuffled";
}

/// <summary>One cell of the study's grid: a steered model and a seed, run on every prompt.</summary>
public sealed record StudyCell
{
    /// <summary>Names the cell, the same in every shard and run of the same settings.</summary>
    public required string Key { get; init; }

    /// <summary>The figures that show it: <c>offsets</c>, <c>layers</c>, <c>pairs</c>, <c>baselines</c>.</summary>
    public required IReadOnlyList<string> Figures { get; init; }

    /// <summary>What is steered how, seeds aside.</summary>
    public required StudyCondition Condition { get; init; }

    /// <summary>The factor of the unit vector: the magnitude in the residual stream's own units.</summary>
    public double? Scale { get; init; }

    /// <summary>Seed of the sampling, and of the noise.</summary>
    public long Seed { get; init; }
}

/// <summary>A cell without its seed: cells of several seeds are measured together.</summary>
/// <param name="Target">The model that is steered: <c>reasoning</c> or <c>base</c>.</param>
/// <param name="Vector">What is added.</param>
/// <param name="Layer">After which block, from 0; null where nothing is added.</param>
/// <param name="Magnitude">How much, in <paramref name="Unit"/>; 0 for none.</param>
/// <param name="Unit"><c>rel</c>: mean residual norms at the layer; <c>abs</c>: the residual stream's own units.</param>
public sealed record StudyCondition(string Target, StudyVector Vector, int? Layer, double Magnitude, string Unit)
{
    /// <summary>The target that backtracks.</summary>
    public const string OnReasoning = "reasoning";

    /// <summary>The target that does not.</summary>
    public const string OnBase = "base";

    /// <summary>Whether the model is left as it is.</summary>
    public bool IsUnsteered => Vector.Kind == StudyVector.None || Magnitude == 0;
}

/// <summary>One completion of a cell.</summary>
public sealed record StudyRollout
{
    /// <summary>The cell's key.</summary>
    public required string Cell { get; init; }

    /// <summary>The prompt's id.</summary>
    public required string PromptId { get; init; }

    /// <summary>Whether the prompt is for choosing a cell or for reporting it.</summary>
    public required StudyHalf Half { get; init; }

    /// <summary>The prompt.</summary>
    public required string Prompt { get; init; }

    /// <summary>The completion.</summary>
    public required string Text { get; init; }

    /// <summary>How many tokens were generated.</summary>
    public required int Tokens { get; init; }

    /// <summary>Words of the completion.</summary>
    public required int Words { get; init; }

    /// <summary>Of these, keywords.</summary>
    public required int Hits { get; init; }

    /// <summary>What kind of text it is.</summary>
    public required Analysis.CompletionClass Class { get; init; }

    /// <summary>KL(steered || unsteered) in nats per generated token, or null where it was not measured.</summary>
    public double? Divergence { get; init; }

    /// <summary>Perplexity of the completion under the unsteered model, or null.</summary>
    public double? Perplexity { get; init; }
}

/// <summary>The two halves of the prompts: what is chosen on one is reported on the other.</summary>
public enum StudyHalf
{
    /// <summary>A cell is chosen on these.</summary>
    Choose,

    /// <summary>The chosen cell is reported on these.</summary>
    Report,
}

/// <summary>The traces that the vectors are made of.</summary>
/// <param name="Count">Traces.</param>
/// <param name="Tokens">Their tokens.</param>
/// <param name="Judge">What labelled them.</param>
/// <param name="Spans">Labelled spans, by label.</param>
/// <param name="Skipped">Traces left out.</param>
/// <param name="Hash">Of the labelled traces' file, or null.</param>
/// <param name="VectorHash">Of the studied vectors, or null.</param>
public sealed record StudyTraces(
    int Count, long Tokens, string Judge, IReadOnlyDictionary<string, int> Spans, int Skipped, string? Hash = null, string? VectorHash = null);

/// <summary>How well two judges agree on the label; shares from 0 to 1.</summary>
public sealed record StudyAgreement(string Judge, string Against, double Precision, double Recall, double F1, double Kappa, int Segments);

/// <summary>The cosine of the base-derived and the reasoning-derived vector, with their norms before they were made unit vectors.</summary>
public sealed record StudyCosine(string Label, int Layer, OffsetRange Offsets, double Value, double? BaseNorm, double? ReasoningNorm);

/// <summary>A token and its number in a list of top tokens.</summary>
public sealed record StudyToken(int Id, string Text, double Value);

/// <summary>A vector read through a model's unembedding: the score s(v) of Ward et al. 2025, eq. (2), and the top tokens.</summary>
/// <param name="Source">The vector's source model.</param>
/// <param name="Unembedding">The model whose unembedding is used.</param>
/// <param name="Layer">The vector's layer.</param>
/// <param name="Score">Mean logit of the tokens that contain a keyword.</param>
/// <param name="TopDot">Tokens of the highest dot products.</param>
/// <param name="TopCosine">Tokens of the highest cosines.</param>
public sealed record StudyLens(
    string Source, string Unembedding, int Layer, double Score, IReadOnlyList<StudyToken> TopDot, IReadOnlyList<StudyToken> TopCosine);

/// <summary>A labelled stretch of a projected trace, as indices of tokens, the end not included.</summary>
public sealed record StudySpan(string Label, int From, int To);

/// <summary>The projection of a trace's centred activations on the direction, token by token.</summary>
public sealed record StudyProjection(
    string Trace, string Source, int Layer, IReadOnlyList<string> Tokens, IReadOnlyList<double> Values, IReadOnlyList<StudySpan> Spans);

/// <summary>A model of the study.</summary>
public sealed record StudyModel(string Path, string? Hash, string? Architecture, int Layers, int Width)
{
    /// <summary>The file's name without folder and <c>.gguf</c>.</summary>
    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path.Replace('\\', '/'));
}

/// <summary>The first line of a run log: what was run on what.</summary>
public sealed record StudyProvenance
{
    /// <summary>The verb.</summary>
    public required string Command { get; init; }

    /// <summary>What followed it.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>NativeSteer's version.</summary>
    public string? NativeSteer { get; init; }

    /// <summary>llama.cpp's version.</summary>
    public string? LlamaCpp { get; init; }

    /// <summary>When it began, ISO 8601, UTC.</summary>
    public string? Started { get; init; }

    /// <summary>The model whose backtracking is studied.</summary>
    public required StudyModel Reasoning { get; init; }

    /// <summary>The model without it, or null where none was given.</summary>
    public StudyModel? Base { get; init; }

    /// <summary>All settings, as they stand in the log.</summary>
    public required JsonElement Settings { get; init; }

    /// <summary>The keywords.</summary>
    public required KeywordSet Words { get; init; }

    /// <summary>The label whose vector is studied.</summary>
    public required string Label { get; init; }

    /// <summary>The layer of the figures that have one layer.</summary>
    public required int Layer { get; init; }

    /// <summary>The window of the figures that have one window.</summary>
    public required OffsetRange Offsets { get; init; }

    /// <summary>The unit of magnitudes: <c>rel</c> or <c>abs</c>.</summary>
    public required string Unit { get; init; }

    /// <summary>How many prompts every cell is run on.</summary>
    public required int Prompts { get; init; }

    /// <summary>Most tokens of a completion.</summary>
    public required int MaxTokens { get; init; }

    /// <summary>A cell is chosen only up to this KL to the unsteered model, in nats a token.</summary>
    public double MostDivergence { get; init; } = double.PositiveInfinity;

    /// <summary>A model by its name in cells.</summary>
    /// <exception cref="InvalidOperationException">The base model of a run without one.</exception>
    public StudyModel Model(string target) =>
        target == StudyCondition.OnBase ? Base ?? throw new InvalidOperationException("The run has no base model.") : Reasoning;
}
