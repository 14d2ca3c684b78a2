using System.Text.Json.Nodes;

namespace NativeSteer.Training;

/// <summary>What is trained on what, and where the run's files go.</summary>
public sealed record FineTuningOptions
{
    /// <summary>The model, a GGUF file of architecture llama or qwen2, or a built-in model's name.</summary>
    public required string Model { get; init; }

    /// <summary>The training data, JSONL; see <see cref="TrainingData"/>.</summary>
    public required string Data { get; init; }

    /// <summary>Held-out data of the same form, or null.</summary>
    public string? HeldOutData { get; init; }

    /// <summary>What is trained.</summary>
    public required TrainingParts Parts { get; init; }

    /// <summary>The layers of vectors, e.g. <c>8-12</c>; null for all.</summary>
    public string? Layers { get; init; }

    /// <summary>Spellings of tokens to be added to the vocabulary; their rows are trained.</summary>
    public IReadOnlyList<string> NewTokens { get; init; } = [];

    /// <summary>How the trainer computes.</summary>
    public TrainerOptions Trainer { get; init; } = new();

    /// <summary>How the run goes.</summary>
    public TrainingRunOptions Run { get; init; } = new();

    /// <summary>Leave sequences out that are longer than a row.</summary>
    public bool DropLong { get; init; }

    /// <summary>Whether vectors will be baked into a model, which not every architecture can have.</summary>
    public bool Bakes { get; init; }

    /// <summary>Files that will be written at the end; that they can be is found out at the beginning.</summary>
    public IReadOnlyList<string> Outputs { get; init; } = [];

    /// <summary>Folder of checkpoints, or null for none.</summary>
    public string? Checkpoints { get; init; }

    /// <summary>Go on from the folder's last checkpoint.</summary>
    public bool Resume { get; init; }

    /// <summary>The log, JSONL, or null for none.</summary>
    public string? Log { get; init; }

    /// <summary>What the log calls the command.</summary>
    public string Command { get; init; } = "train sft";

    /// <summary>What decides the numbers that are computed, but for the files: what a checkpoint must share with the run that goes on.</summary>
    internal JsonObject ToJson()
    {
        var settings = Run.ToJson();
        settings["train"] = Parts.ToString();
        settings["layers"] = Parts.Vectors || Parts.AdapterRank > 0 ? Layers ?? "all" : null;
        settings["new_tokens"] = new JsonArray([.. NewTokens.Select(token => JsonValue.Create(token))]);
        settings["drop_long"] = DropLong;
        foreach (var (name, value) in Trainer.ToJson()) settings[name] = value?.DeepClone();
        return settings;
    }
}
