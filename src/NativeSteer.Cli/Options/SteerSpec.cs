using System.Text.Json;
using System.Text.Json.Nodes;
using NativeSteer.Files;
using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Cli.Options;

/// <summary>One vector and how it acts, as written on the command line or in a line of JSONL; files are not read yet.</summary>
/// <param name="Path">The vector's file.</param>
/// <param name="Scale">How strong.</param>
internal sealed record SteerSpec(string Path, float Scale)
{
    /// <summary>A list of layers, all of which the vector must have; null for its own.</summary>
    internal string? Layers { get; init; }

    /// <summary>The vector's layers within these, both included.</summary>
    internal (int First, int Last)? Range { get; init; }

    internal SteeringOperation Operation { get; init; }

    internal PositionRange Positions { get; init; }

    internal ScaleUnit Unit { get; init; }

    internal static SteeringOperation? ParseOperation(string text) => text switch
    {
        "add" => SteeringOperation.Add,
        "project" => SteeringOperation.ProjectOut,
        "clamp" => SteeringOperation.Clamp,
        "add-keep-norm" => SteeringOperation.AddKeepNorm,
        "self" => SteeringOperation.SelfAmplify,
        _ => null,
    };

    internal static ScaleUnit? ParseUnit(string text) =>
        text switch { "abs" => ScaleUnit.Absolute, "rel" => ScaleUnit.ResidualNorm, _ => null };

    /// <summary>Reads the field <c>steer</c> of a line; null where there is none.</summary>
    internal static List<SteerSpec>? Of(JsonLine line)
    {
        if (!line.Element.TryGetProperty("steer", out var array) || array.ValueKind == JsonValueKind.Null) return null;
        if (array.ValueKind != JsonValueKind.Array)
            throw line.Error("\"steer\" should be an array of objects such as {\"vector\": \"v.gguf\", \"scale\": 8}.");
        return [.. array.EnumerateArray().Select(item => Of(line, item))];
    }

    /// <summary>What acts, for the model.</summary>
    internal Intervention Resolve(SteeringVector vector, ModelShape model)
    {
        int[]? layers = Layers is not null ? LayerList.Parse(Layers, model.Layers) : null;
        if (Range is var (first, last)) layers = [.. vector.OnLayers(first, last).Layers];
        return new Intervention(vector, Scale) { Operation = Operation, Layers = layers, Positions = Positions, Unit = Unit };
    }

    /// <summary>As it stands in logs; <see cref="Of(JsonLine)"/> reads it.</summary>
    internal JsonObject ToJson() => new()
    {
        ["vector"] = Path,
        ["scale"] = Scale,
        ["layers"] = Range is var (first, last) ? $"{first}-{last}" : Layers ?? "all",
        ["operation"] = Operation switch
        {
            SteeringOperation.Add => "add",
            SteeringOperation.ProjectOut => "project",
            SteeringOperation.Clamp => "clamp",
            SteeringOperation.AddKeepNorm => "add-keep-norm",
            _ => "self",
        },
        ["at"] = Positions.ToString(),
        ["unit"] = Unit == ScaleUnit.Absolute ? "abs" : "rel",
    };

    /// <summary>In a heading: <c>happy.gguf:8</c>.</summary>
    public override string ToString() => $"{System.IO.Path.GetFileName(Path)}:{Scale}";

    private static SteerSpec Of(JsonLine line, JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object)
            throw line.Error("\"steer\" should hold objects such as {\"vector\": \"v.gguf\", \"scale\": 8}.");
        string? path = null, layers = null;
        var scale = 1f;
        SteeringOperation? operation = SteeringOperation.Add;
        ScaleUnit? unit = ScaleUnit.Absolute;
        var positions = PositionRange.All;
        foreach (var field in item.EnumerateObject())
        {
            switch (field.Name)
            {
                case "vector":
                    path = Text(field);
                    break;
                case "scale":
                    if (field.Value.ValueKind != JsonValueKind.Number || !field.Value.TryGetSingle(out scale) || !float.IsFinite(scale))
                        throw line.Error("\"scale\" should be a number.");
                    break;
                case "layers":
                    layers = field.Value.ValueKind == JsonValueKind.Number ? field.Value.GetRawText() : Text(field);
                    break;
                case "operation":
                    operation = ParseOperation(Text(field))
                        ?? throw line.Error($"\"operation\" is \"{Text(field)}\"; it should be add, project, clamp, add-keep-norm or self.");
                    break;
                case "at":
                    try
                    {
                        positions = PositionRange.Parse(Text(field));
                    }
                    catch (NativeSteerException error)
                    {
                        throw line.Error(error.Message);
                    }
                    break;
                case "unit":
                    unit = ParseUnit(Text(field)) ?? throw line.Error($"\"unit\" is \"{Text(field)}\"; it should be abs or rel.");
                    break;
                default:
                    throw line.Error($"\"steer\" has an unknown field \"{Output.Text.OneLine(field.Name)}\"; "
                        + "it takes vector, scale, layers, operation, at and unit.");
            }
        }
        if (path is null) throw line.Error("an object of \"steer\" lacks the field \"vector\", the path of a vector file.");
        return new SteerSpec(path, scale)
        {
            Layers = layers is "all" ? null : layers,
            Operation = operation.Value,
            Positions = positions,
            Unit = unit.Value,
        };

        string Text(JsonProperty field) => field.Value.ValueKind == JsonValueKind.String
            ? field.Value.GetString()!
            : throw line.Error($"\"{field.Name}\" of \"steer\" should be a string.");
    }
}
