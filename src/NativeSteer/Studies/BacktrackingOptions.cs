using System.Text.Json.Nodes;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Hooks;
using NativeSteer.Judges;

namespace NativeSteer.Studies;

/// <summary>What <see cref="BacktrackingStudy"/> is to do. The defaults are the paper's (Ward et al., arXiv 2507.12638) where it says.</summary>
public sealed record BacktrackingOptions
{
    /// <summary>The model that backtracks: a GGUF file, or a built-in model's name.</summary>
    public required string Reasoning { get; init; }

    /// <summary>The model that it was made from; null for a study without.</summary>
    public string? Base { get; init; }

    /// <summary>What the traces are written on; not used with <see cref="Annotations"/>.</summary>
    public required IReadOnlyList<StudyPrompt> TracePrompts { get; init; }

    /// <summary>What every cell is run on.</summary>
    public required IReadOnlyList<StudyPrompt> Prompts { get; init; }

    /// <summary>Labelled traces to use instead of writing and judging some (<see cref="LabelledTraces"/>).</summary>
    public string? Annotations { get; init; }

    /// <summary>What labels the traces.</summary>
    public required IJudge Judge { get; init; }

    /// <summary>The words that are counted.</summary>
    public KeywordSet Words { get; init; } = KeywordSet.Default;

    /// <summary>The label whose vector is studied.</summary>
    public string Label { get; init; } = Behaviours.Backtracking;

    /// <summary>The layer of figures with one layer; negative for that at 10/32 of the depth.</summary>
    public int Layer { get; init; } = -1;

    /// <summary>The window of figures with one window.</summary>
    public OffsetRange Offsets { get; init; } = OffsetRange.Paper;

    /// <summary>The windows of the heat map; <see cref="Offsets"/> is one of them.</summary>
    public IReadOnlyList<OffsetRange> HeatOffsets { get; init; } =
        [OffsetRange.Window(-20, -15), OffsetRange.Window(-16, -11), OffsetRange.Paper, OffsetRange.Window(-10, -5), OffsetRange.Window(-6, -1), OffsetRange.Window(0, 0)];

    /// <summary>The layers of the layer sweep; null for all.</summary>
    public IReadOnlyList<int>? Layers { get; init; }

    /// <summary>Strengths, in <see cref="Unit"/>; 0 is always run.</summary>
    public IReadOnlyList<float> Magnitudes { get; init; } = [0.5f, 1, 1.5f, 2, 3];

    /// <summary>Whether strengths are shares of the mean residual norm of the steered model at the layer, or absolute.</summary>
    public ScaleUnit Unit { get; init; } = ScaleUnit.ResidualNorm;

    /// <summary>Seeds of sampling, noise and shuffles; every cell is run once with each.</summary>
    public IReadOnlyList<long> Seeds { get; init; } = [1];

    /// <summary>Other labels whose vectors are baselines, where the traces have them.</summary>
    public IReadOnlyList<string> BaselineLabels { get; init; } = [Behaviours.Deduction, Behaviours.Initializing];

    /// <summary>Which figures' cells are run.</summary>
    public IReadOnlyList<string> Figures { get; init; } = BacktrackingGrid.Figures;

    /// <summary>Most tokens of a steered completion.</summary>
    public int MaxTokens { get; init; } = 128;

    /// <summary>Most tokens of a trace.</summary>
    public int TraceTokens { get; init; } = 500;

    /// <summary>How tokens are picked; the seed is set for each rollout.</summary>
    public SamplerOptions Sampling { get; init; } = new() { Temperature = 0.7f, TopK = 0, TopP = 1, MinP = 0 };

    /// <summary>The positions that are steered.</summary>
    public PositionRange Positions { get; init; } = PositionRange.All;

    /// <summary>Which of how many parts of the grid to run, the first being 0.</summary>
    public (int Index, int Count)? Shard { get; init; }

    /// <summary>Threads, batch length, cache format; sequences 0 for as many as fit.</summary>
    public ContextOptions Context { get; init; } = new() { Sequences = 0 };

    /// <summary>Layers kept on the GPU, as in <see cref="ModelOptions.GpuLayers"/>.</summary>
    public int GpuLayers { get; init; } = -1;

    /// <summary>KL and perplexity are measured for completions of this many prompts, the first ones; 0 for none.</summary>
    public int MeasuredPrompts { get; init; } = int.MaxValue;

    /// <summary>A cell is chosen only up to this KL to the unsteered model, in nats a token; infinity for any.</summary>
    public double MostDivergence { get; init; } = 2;

    /// <summary>Throws when a value makes no sense.</summary>
    /// <exception cref="NativeSteerException">One does not.</exception>
    public void Validate()
    {
        if (Prompts.Count < 2) throw new NativeSteerException("There are fewer than two prompts to steer on; half of them choose a cell, the other half report it.");
        if (Annotations is null && TracePrompts.Count == 0) throw new NativeSteerException("There are no prompts to write traces on; give more prompts, or labelled traces.");
        if (!Magnitudes.Any(magnitude => magnitude != 0) || !Magnitudes.All(float.IsFinite)) throw new NativeSteerException("Strengths should be finite numbers, one of them at least other than 0.");
        if (!(MostDivergence > 0)) throw new NativeSteerException("The KL up to which a cell is chosen should be above 0 nats a token.");
        if (Seeds.Count == 0) throw new NativeSteerException("No seed is given; give at least one.");
        if (HeatOffsets.Append(Offsets).Any(window => window.IsSpan)) throw new NativeSteerException("Windows are offsets such as -13:-8 here; a sentence's own tokens cannot be swept.");
        if (MaxTokens < 1 || TraceTokens < 1) throw new NativeSteerException("Completions and traces need at least one token.");
        if (Shard is var (index, count) && (index < 0 || index >= count)) throw new NativeSteerException($"There is no part {index + 1} of {count}.");
        if (Figures.FirstOrDefault(figure => !BacktrackingGrid.Figures.Contains(figure)) is { } wrong)
            throw new NativeSteerException($"There is no figure '{wrong}'; there are {string.Join(", ", BacktrackingGrid.Figures)}.");
        Sampling.Validate();
    }

    /// <summary>The layer of figures with one layer in a model of this depth.</summary>
    internal int LayerOf(int layers)
    {
        const int paperLayer = 10, paperDepth = 32;
        return Layer >= 0 ? Layer : (int)Math.Round((double)paperLayer * layers / paperDepth, MidpointRounding.AwayFromZero);
    }

    /// <summary>All offsets that any window has.</summary>
    internal OffsetRange AllOffsets
    {
        get
        {
            var windows = HeatOffsets.Append(Offsets).ToList();
            return OffsetRange.Window(windows.Min(window => window.First), windows.Max(window => window.Last));
        }
    }

    /// <summary>For the log's first line: all that decides what a run finds, the models apart.</summary>
    internal JsonObject ToJson(string traces, LanguageModel model) => new(StudyHead.Rounding(model, Context))
    {
        ["gpu_layers"] = GpuLayers,
        ["words"] = Strings(Words.Words),
        ["label"] = Label,
        ["layer"] = Layer,
        ["offsets"] = Window(Offsets),
        ["unit"] = Unit == ScaleUnit.Absolute ? "abs" : "rel",
        ["magnitudes"] = new JsonArray([.. Magnitudes.Select(magnitude => JsonValue.Create(magnitude))]),
        ["layers"] = new JsonArray([.. (Layers ?? []).Select(layer => JsonValue.Create(layer))]),
        ["heat_offsets"] = new JsonArray([.. HeatOffsets.Select(Window)]),
        ["figures"] = Strings(Figures),
        ["baseline_labels"] = Strings(BaselineLabels),
        ["max_tokens"] = MaxTokens,
        ["trace_tokens"] = TraceTokens,
        ["temperature"] = Sampling.Temperature,
        ["top_k"] = Sampling.TopK,
        ["top_p"] = Sampling.TopP,
        ["min_p"] = Sampling.MinP,
        ["seeds"] = new JsonArray([.. Seeds.Select(seed => JsonValue.Create(seed))]),
        ["prompts"] = Prompts.Count,
        ["prompts_hash"] = StudyPrompt.Hash(Prompts),
        ["traces"] = traces,
        ["judge"] = Judge.Name,
        ["at"] = Positions.ToString(),
        ["measured"] = Math.Min(MeasuredPrompts, Prompts.Count),
        ["most_kl"] = double.IsFinite(MostDivergence) ? MostDivergence : null,
        ["shard"] = Shard is var (index, count) ? new JsonArray(index + 1, count) : null,
    };

    private static JsonArray Strings(IEnumerable<string> texts) => new([.. texts.Select(text => JsonValue.Create(text))]);

    private static JsonArray Window(OffsetRange window) => new(window.First, window.Last);
}
