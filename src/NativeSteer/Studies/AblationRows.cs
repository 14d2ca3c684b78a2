using System.Text.Json;
using NativeSteer.Countdown;
using NativeSteer.Files;

namespace NativeSteer.Studies;

/// <summary>The rows of an ablation in its log.</summary>
public static class AblationRows
{
    /// <summary>The log's name in its folder.</summary>
    public const string LogName = "ablations.jsonl";

    /// <summary>Reads a log; its first line, and lines of other kinds, are passed over.</summary>
    /// <exception cref="NativeSteerException">The file cannot be read, or a line is malformed.</exception>
    public static IReadOnlyList<AblationRow> Read(string path) =>
        [.. JsonLines.ReadLog(path).Where(line => line.OptionalString("type") is "ablation").Select(line => new AblationRow(
            line.RequiredString("name"), ShareLines.Read(line, "greedy"), [.. ShareLines.ReadAll(line, "searched")], ShareLines.Read(line, "wrong_taken_back"),
            ShareLines.Read(line, "right_taken_back"), ShareLines.Number(line, "area")))];

    internal static void Write(Utf8JsonWriter json, AblationRow row)
    {
        json.WriteString("type", "ablation");
        json.WriteString("name", row.Name);
        ShareLines.Write(json, "greedy", row.Greedy);
        json.WriteStartArray("searched");
        foreach (var share in row.Searched) ShareLines.Write(json, null, share);
        json.WriteEndArray();
        ShareLines.Write(json, "wrong_taken_back", row.Wrong);
        ShareLines.Write(json, "right_taken_back", row.Right);
        if (double.IsFinite(row.Area)) json.WriteNumber("area", Math.Round(row.Area, 6));
    }
}

/// <summary>Shares in logs: the value and the ends of its interval.</summary>
internal static class ShareLines
{
    internal static void Write(Utf8JsonWriter json, string? name, Share share)
    {
        if (name is null) json.WriteStartArray();
        else json.WriteStartArray(name);
        foreach (var value in (ReadOnlySpan<double>)[share.Value, share.Low, share.High]) json.WriteNumberValue(double.IsFinite(value) ? value : 0);
        json.WriteEndArray();
    }

    internal static Share Read(JsonLine line, string name) =>
        line.Element.TryGetProperty(name, out var value) && Of(value) is { } share ? share : throw line.Error($"\"{name}\" should be three numbers.");

    internal static IEnumerable<Share> ReadAll(JsonLine line, string name)
    {
        if (!line.Element.TryGetProperty(name, out var values) || values.ValueKind != JsonValueKind.Array) throw line.Error($"\"{name}\" should be a list.");
        return values.EnumerateArray().Select(value => Of(value) ?? throw line.Error($"\"{name}\" should hold three numbers each."));
    }

    internal static double Number(JsonLine line, string name) =>
        line.Element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : double.NaN;

    private static Share? Of(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 3 && value.EnumerateArray().All(part => part.ValueKind == JsonValueKind.Number)
            ? new Share(value[0].GetDouble(), value[1].GetDouble(), value[2].GetDouble())
            : null;
}
