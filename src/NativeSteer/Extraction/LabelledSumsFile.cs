using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeSteer.Files;
using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Extraction;

/// <summary>
/// Labelled sums as a safetensors file, so that vectors can be made again without running the model, and parts of a capture be
/// merged. Everything is exact: sums are F64, counts I64.
/// </summary>
/// <remarks>
/// Tensors: <c>sums [slots, groups, width]</c>, <c>norm_sums [slots, groups]</c>, <c>counts [slots, groups]</c>. What slots and
/// groups are stands in the metadata, as JSON: <c>slots</c> (llama.cpp's names), <c>labels</c>, <c>offsets</c>, <c>all_tokens</c>,
/// <c>model</c> and <c>provenance</c>.
/// </remarks>
public static class LabelledSumsFile
{
    private const string Format = "nativesteer.labelled_sums.1";
    private const string Sums = "sums", NormSums = "norm_sums", Counts = "counts";

    /// <summary>Writes the sums, whole or not at all.</summary>
    /// <exception cref="NativeSteerException">The file cannot be written.</exception>
    public static void Write(string path, LabelledSums labelled)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(labelled);
        var sums = labelled.Sums;
        sums.Collect(); // what lies on a device belongs to the file
        long[] cells = [sums.Slots.Count, sums.Groups];
        using var file = SafetensorsWriter.Create(
            path,
            [
                new(Sums, SafetensorsType.F64, [.. cells, sums.Width]),
                new(NormSums, SafetensorsType.F64, cells),
                new(Counts, SafetensorsType.I64, cells),
            ],
            Metadata(labelled));
        file.Write<double>(Sums, sums.Sums);
        file.Write<double>(NormSums, sums.NormSums);
        file.Write<long>(Counts, sums.Counts);
        file.Complete();
    }

    /// <summary>Reads sums that <see cref="Write"/> wrote.</summary>
    /// <exception cref="NativeSteerException">The file cannot be read, or is none of these.</exception>
    public static LabelledSums Read(string path)
    {
        using var file = SafetensorsFile.Open(path);
        if (file.Metadata.GetValueOrDefault("format") is not Format)
            throw new NativeSteerException($"{FileErrors.Shown(path)} holds no labelled sums; give a file that a study wrote, or run it again.");
        try
        {
            return Parse(file);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new NativeSteerException($"{FileErrors.Shown(path)} contradicts itself: {FileErrors.Printable(error.Message)}; delete it and run again.", error);
        }
    }

    private static LabelledSums Parse(SafetensorsFile file)
    {
        var labels = JsonNode.Parse(file.Metadata["labels"])!.AsArray().Select(label => label!.GetValue<string>());
        var groups = new CaptureGroups(labels, OffsetRange.Parse(file.Metadata["offsets"]), file.Metadata["all_tokens"] is "true");
        var model = JsonNode.Parse(file.Metadata["model"])!.AsObject();
        var shape = new ModelShape((string)model["architecture"]!, (int)model["layers"]!, (int)model["width"]!);
        var provenance = Provenance.Empty;
        foreach (var (key, value) in JsonNode.Parse(file.Metadata["provenance"])!.AsObject()) provenance = provenance.With(key, (string)value!);

        var sums = new ActivationSums(JsonNode.Parse(file.Metadata["slots"])!.AsArray().Select(slot => Slot((string)slot!)), groups.Count, shape.Width);
        Fill(sums.Sums, file.ReadDoubles(Sums));
        Fill(sums.NormSums, file.ReadDoubles(NormSums));
        Fill(sums.Counts, file.ReadIntegers(Counts));
        return new LabelledSums(sums, groups, shape, provenance);
    }

    private static Dictionary<string, string> Metadata(LabelledSums labelled) => new(StringComparer.Ordinal)
    {
        ["format"] = Format,
        ["slots"] = Array(labelled.Sums.Slots.Select(slot => slot.ToString())),
        ["labels"] = Array(labelled.Groups.Labels),
        ["offsets"] = labelled.Groups.Offsets.ToString(),
        ["all_tokens"] = labelled.Groups.AllTokens >= 0 ? "true" : "false",
        ["model"] = new JsonObject
        {
            ["architecture"] = labelled.Model.Architecture,
            ["layers"] = labelled.Model.Layers,
            ["width"] = labelled.Model.Width,
        }.ToJsonString(),
        ["provenance"] = new JsonObject(labelled.Source.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value))).ToJsonString(),
    };

    private static string Array(IEnumerable<string> texts) => new JsonArray([.. texts.Select(text => JsonValue.Create(text))]).ToJsonString();

    private static HookSlot Slot(string name)
    {
        foreach (var site in Enum.GetValues<HookSite>())
        {
            var prefix = new HookSlot(site, 0).ToString()[..^1];
            if (name.StartsWith(prefix, StringComparison.Ordinal)) return new HookSlot(site, int.Parse(name[prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture));
        }
        throw new FormatException($"'{name}' is no slot");
    }

    private static void Fill<T>(T[] target, T[] values)
    {
        if (values.Length != target.Length) throw new FormatException($"{values.Length} values where {target.Length} belong");
        values.CopyTo(target, 0);
    }
}
