using System.Text.Json.Nodes;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Files;
using NativeSteer.Hooks;
using NativeSteer.Rollouts;
using NativeSteer.Vectors;

namespace NativeSteer.Studies;

/// <summary>A vector of a sweep.</summary>
/// <param name="Description">What the log says of it.</param>
/// <param name="Vector">The vector; it is steered at unit length.</param>
public sealed record SweptVector(StudyVector Description, SteeringVector Vector)
{
    /// <summary>The kind of a vector that came from a file.</summary>
    public const string FromFile = "file";

    /// <summary>A vector from a file, called as the file is.</summary>
    public static SweptVector OfFile(string name, SteeringVector vector) => new(new StudyVector(FromFile, null, name, null), vector);
}

/// <summary>What a sweep runs.</summary>
public sealed record VectorSweepOptions
{
    /// <summary>The vectors.</summary>
    public required IReadOnlyList<SweptVector> Vectors { get; init; }

    /// <summary>The layers, each steered alone; null for all that a vector has.</summary>
    public IReadOnlyList<int>? Layers { get; init; }

    /// <summary>Strengths, in <see cref="Unit"/>; 0 is always run.</summary>
    public required IReadOnlyList<float> Magnitudes { get; init; }

    /// <summary>Shares of the mean residual norm that came with the vector, or absolute.</summary>
    public ScaleUnit Unit { get; init; } = ScaleUnit.ResidualNorm;

    /// <summary>Every cell runs once with each.</summary>
    public IReadOnlyList<long> Seeds { get; init; } = [1];

    /// <summary>What every cell runs on.</summary>
    public required IReadOnlyList<StudyPrompt> Prompts { get; init; }

    /// <summary>The words that are counted.</summary>
    public KeywordSet Words { get; init; } = KeywordSet.Default;

    /// <summary>Most tokens of a completion.</summary>
    public int MaxTokens { get; init; } = 128;

    /// <summary>How tokens are picked; the seed is set for each rollout.</summary>
    public SamplerOptions Sampling { get; init; } = new();

    /// <summary>Texts that end a completion.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>The positions that are steered.</summary>
    public PositionRange Positions { get; init; } = PositionRange.All;

    /// <summary>KL and perplexity are measured for completions of this many prompts, the first ones; 0 for none.</summary>
    public int MeasuredPrompts { get; init; } = int.MaxValue;

    /// <summary>Which of how many parts to run, the first being 0.</summary>
    public (int Index, int Count)? Shard { get; init; }

    /// <summary>Threads, batch length, cache format; sequences 0 for as many as fit.</summary>
    public ContextOptions Context { get; init; } = new() { Sequences = 0 };
}

/// <summary>
/// Vectors x layers x strengths x seeds on a set of prompts, by the runner and into the lines of the study's log: provenance, cells,
/// rollouts. An interrupted sweep goes on; parts of one are put together by their cells.
/// </summary>
/// <param name="model">The model that is steered.</param>
/// <param name="options">What to run.</param>
public sealed class VectorSweep(LanguageModel model, VectorSweepOptions options)
{
    /// <summary>The target of a sweep's cells.</summary>
    public const string Target = "model";

    private const string Command = "sweep";

    private readonly Dictionary<string, SteeringPlan> _plans = new(StringComparer.Ordinal);

    /// <summary>The command line after the verb, for the log.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Told how many rollouts of how many are done.</summary>
    public Action<int, int>? Progress { get; init; }

    /// <summary>What the completions took.</summary>
    public SweepStatistics Statistics { get; } = new();

    /// <summary>Runs the sweep.</summary>
    /// <param name="path">The log.</param>
    /// <param name="resume">Go on with what it has.</param>
    /// <param name="cancellation">Stops it; blocks of cells that were finished stand in the log.</param>
    /// <exception cref="NativeSteerException">A vector does not fit the model, lacks a layer or its norm, or the log is of another sweep.</exception>
    public void Run(string path, bool resume, CancellationToken cancellation = default)
    {
        var cells = Cells();
        var longest = options.Prompts.Max(prompt => model.Vocabulary.TokenizePrompt(prompt.Text).Length) + options.MaxTokens;
        var context = RolloutBlocks.Fit(model, longest, options.Context);
        if (options.MeasuredPrompts > 0 && context.Sequences < 2) context = RolloutBlocks.Fit(model, longest, options.Context with { Sequences = 2 });
        var models = new Dictionary<string, JsonObject?>(StringComparer.Ordinal) { [Target] = StudyHead.Model(model.File) };
        using var log = new StudyHead(Command, Arguments, models, Settings(context)).Open(path, resume);
        foreach (var cell in cells) BacktrackingWriter.Cell(log, cell, cell.Scale!.Value);
        var sweep = new CellSweep(model, options.Prompts, new CellSweepOptions
        {
            Words = options.Words,
            MaxTokens = options.MaxTokens,
            Sampling = options.Sampling,
            Stop = options.Stop,
            Context = context,
            MeasuredPrompts = options.MeasuredPrompts,
            Shard = options.Shard,
        })
        {
            Statistics = Statistics,
            Progress = Progress,
        };
        sweep.Run(cells, (cell, _) => _plans[cell.Key], log, cancellation);
    }

    /// <summary>What the cells of a sweep's log gave, in the log's order; cells that have not run are left out.</summary>
    /// <param name="paths">The log, or those of all parts.</param>
    /// <exception cref="NativeSteerException">A file cannot be read, or is no such log.</exception>
    public static IReadOnlyList<(StudyCell Cell, ConditionResult Result)> Read(params IReadOnlyList<string> paths)
    {
        var cells = new Dictionary<string, StudyCell>(StringComparer.Ordinal);
        var rollouts = new Dictionary<(string Cell, string Prompt), StudyRollout>();
        JsonLine? first = null;
        foreach (var line in paths.SelectMany(JsonLines.ReadLog))
        {
            switch (line.OptionalString("type"))
            {
                case "provenance":
                    RequireSame(first ??= line, line);
                    break;
                case "cell":
                    cells.TryAdd(line.RequiredString("key"), BacktrackingLines.Cell(line));
                    break;
                case "rollout":
                    var rollout = BacktrackingLines.Rollout(line);
                    rollouts.TryAdd((rollout.Cell, rollout.PromptId), rollout);
                    break;
                default:
                    break;
            }
        }
        var byCell = rollouts.Values.ToLookup(rollout => rollout.Cell, StringComparer.Ordinal);
        return
        [
            .. from cell in cells.Values
               where byCell[cell.Key].Any()
               let plain = cells.Values.FirstOrDefault(other => other.Condition.IsUnsteered && other.Seed == cell.Seed)
               select (cell, ConditionResult.Of(cell.Condition, cell.Scale, [.. byCell[cell.Key]], plain is null ? [] : [.. byCell[plain.Key]])),
        ];
    }

    /// <summary>Whether a file is the log of a sweep.</summary>
    /// <exception cref="NativeSteerException">It cannot be read.</exception>
    public static bool IsLog(string path) => JsonLines.ReadLog(path).FirstOrDefault()?.OptionalString("command") == Command;

    /// <summary>Throws when two logs are not of one sweep; which part it was, and when it ran, do not matter.</summary>
    private static void RequireSame(JsonLine first, JsonLine other)
    {
        if (other.OptionalString("command") != Command) throw other.Error("this is no log of 'nativesteer sweep'; give the parts of one sweep.");
        foreach (var part in (string[])["nativesteer", "llama_cpp", "models", "settings"])
        {
            var (here, there) = (Comparable(other, part), Comparable(first, part));
            if (!JsonNode.DeepEquals(here, there)) throw other.Error($"its {part} differ from those of the first log; give the parts of one sweep.");
        }

        static JsonNode? Comparable(JsonLine line, string part)
        {
            var value = JsonNode.Parse(line.Element.GetRawText())![part];
            if (part == "settings" && value is JsonObject settings) settings.Remove("shard");
            return part == "models" && value is JsonObject models ? (models[Target] as JsonObject)?["hash"] : value;
        }
    }

    private List<StudyCell> Cells()
    {
        if (options.Vectors.Count == 0) throw new NativeSteerException("There is no vector to sweep; give one.");
        if (options.Prompts.Count == 0) throw new NativeSteerException("There is no prompt to sweep on; give one.");
        var cells = new List<StudyCell>();
        foreach (var seed in options.Seeds)
        {
            Add(new StudyVector(StudyVector.None, null, null, null), null, 0, seed, SteeringPlan.None);
            foreach (var (description, vector) in options.Vectors)
            {
                foreach (var layer in options.Layers ?? vector.Layers)
                {
                    foreach (var magnitude in options.Magnitudes.Where(magnitude => magnitude != 0)) Add(description, layer, magnitude, seed, Plan(vector, layer, magnitude));
                }
            }
        }
        return cells;

        void Add(StudyVector vector, int? layer, float magnitude, long seed, SteeringPlan plan)
        {
            var unit = options.Unit == ScaleUnit.Absolute ? "abs" : "rel";
            var condition = new StudyCondition(Target, vector, layer, BacktrackingGrid.Decimal(magnitude), unit);
            var key = BacktrackingGrid.Key(condition, seed);
            if (!_plans.TryAdd(key, plan)) return;
            cells.Add(new StudyCell { Key = key, Figures = [], Condition = condition, Seed = seed, Scale = plan.Steps.Count == 0 ? 0 : plan.Steps[0].Scale });
        }
    }

    private SteeringPlan Plan(SteeringVector vector, int layer, float magnitude)
    {
        var plan = new SteeringPlan(new Intervention(vector.Normalized(), magnitude) { Layers = [layer], Unit = options.Unit, Positions = options.Positions });
        plan.CheckAgainst(model.Shape);
        return plan;
    }

    private JsonObject Settings(ContextOptions context) => new(StudyHead.Rounding(model, context))
    {
        ["words"] = new JsonArray([.. options.Words.Words.Select(word => JsonValue.Create(word))]),
        ["vectors_hash"] = string.Join(' ', options.Vectors.Select(vector => $"{vector.Description.Label}:{VectorHash.Of(vector.Vector)}")),
        ["layers"] = options.Layers is { } layers ? new JsonArray([.. layers.Select(layer => JsonValue.Create(layer))]) : null,
        ["magnitudes"] = new JsonArray([.. options.Magnitudes.Select(magnitude => JsonValue.Create(magnitude))]),
        ["unit"] = options.Unit == ScaleUnit.Absolute ? "abs" : "rel",
        ["seeds"] = new JsonArray([.. options.Seeds.Select(seed => JsonValue.Create(seed))]),
        ["prompts"] = options.Prompts.Count,
        ["prompts_hash"] = StudyPrompt.Hash(options.Prompts),
        ["max_tokens"] = options.MaxTokens,
        ["temperature"] = options.Sampling.Temperature,
        ["top_k"] = options.Sampling.TopK,
        ["top_p"] = options.Sampling.TopP,
        ["min_p"] = options.Sampling.MinP,
        ["stop"] = new JsonArray([.. options.Stop.Select(text => JsonValue.Create(text))]),
        ["at"] = options.Positions.ToString(),
        ["measured"] = Math.Min(options.MeasuredPrompts, options.Prompts.Count),
        ["shard"] = options.Shard is var (index, count) ? new JsonArray(index + 1, count) : null,
    };
}
