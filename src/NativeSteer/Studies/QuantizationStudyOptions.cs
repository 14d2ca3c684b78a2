using System.Text.Json.Nodes;
using NativeSteer.Engine;
using NativeSteer.Files;

namespace NativeSteer.Studies;

/// <summary>What <see cref="QuantizationStudy"/> is to do.</summary>
/// <param name="Traces">
/// Models, traces, judge, label, layer, window and prompts, as for a backtracking study; of its strengths and seeds the first are used, and
/// figures, other windows and shards are not.
/// </param>
public sealed record QuantizationStudyOptions(BacktrackingOptions Traces)
{
    /// <summary>The types where none are named: from full precision to the smallest that needs no importance matrix.</summary>
    public static IReadOnlyList<QuantizationType> DefaultTypes { get; } =
        [.. new[] { "F32", "F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_0", "Q3_K_M", "Q2_K" }.Select(QuantizationType.Parse)];

    /// <summary>The types of the copies. The first is what the others are compared with.</summary>
    public IReadOnlyList<QuantizationType> Types { get; init; } = DefaultTypes;

    /// <summary>An importance matrix of the reasoning model, or null.</summary>
    public string? Importance { get; init; }

    /// <summary>That of the base model, or null.</summary>
    public string? BaseImportance { get; init; }

    /// <summary>Batch sizes whose speed is measured.</summary>
    public IReadOnlyList<int> Batches { get; init; } = [1, 16];

    /// <summary>Rounds of measuring speed.</summary>
    public int Rounds { get; init; } = 5;

    /// <summary>Keep the copies of the models when the study is finished.</summary>
    public bool KeepModels { get; init; }

    /// <summary>Throws when a value makes no sense.</summary>
    /// <exception cref="NativeSteerException">One does not.</exception>
    public void Validate()
    {
        Traces.Validate();
        if (Types.Count < 2) throw new NativeSteerException("Two types at least are compared, the first being the one that the others are compared with; see --types.");
        if (Types.FirstOrDefault(type => type.NeedsImportance) is { } type)
        {
            if (Importance is null) throw new NativeSteerException($"{type} needs an importance matrix; make one with llama.cpp's llama-imatrix and give it with --imatrix, or leave the type out (--types).");
            if (Traces.Base is not null && BaseImportance is null)
                throw new NativeSteerException($"{type} needs an importance matrix of the base model too; give it with --base-imatrix, or leave the base model out (--base none).");
        }
        if (Types.Distinct().Count() < Types.Count) throw new NativeSteerException("A type is named twice; name each once.");
    }

    /// <summary>How strongly cells are steered.</summary>
    internal float Magnitude => Traces.Magnitudes.First(magnitude => magnitude != 0);

    internal long Seed => Traces.Seeds[0];

    /// <summary>For the log's first line: all that decides what a run finds, the models apart.</summary>
    internal JsonObject ToJson(string traces, LanguageModel model)
    {
        var json = (Traces with { Magnitudes = [Magnitude], Seeds = [Seed], HeatOffsets = [], Figures = [], Layers = null, BaselineLabels = [], Shard = null, MeasuredPrompts = 0, MostDivergence = double.PositiveInfinity }).ToJson(traces, model);
        json["types"] = new JsonArray([.. Types.Select(type => JsonValue.Create(type.Name))]);
        json["importance_hash"] = Importance is { } path ? FileHash.Of(path) : null;
        json["base_importance_hash"] = BaseImportance is { } ofBase ? FileHash.Of(ofBase) : null;
        json["batches"] = new JsonArray([.. Batches.Select(batch => JsonValue.Create(batch))]);
        json["rounds"] = Rounds;
        return json;
    }
}
