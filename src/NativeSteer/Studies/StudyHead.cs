using System.Globalization;
using System.Text.Json.Nodes;
using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Studies;

/// <summary>
/// The first line of a log: what was run on what. A log that is gone on with must have the same, but for when it was started and
/// how that was typed.
/// </summary>
/// <param name="Command">The verb.</param>
/// <param name="Arguments">What followed it.</param>
/// <param name="Models">Name in the log to the model's facts, or null for one that is not there.</param>
/// <param name="Settings">All that decides what is found, the models apart.</param>
internal sealed record StudyHead(string Command, IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, JsonObject?> Models, JsonObject Settings)
{
    /// <summary>What the log says of a model.</summary>
    internal static JsonObject Model(GgufFile file)
    {
        var shape = ModelShape.Of(file);
        return new JsonObject
        {
            ["path"] = file.Path,
            ["hash"] = ModelFingerprint.Of(file),
            ["architecture"] = shape.Architecture,
            ["layers"] = shape.Layers,
            ["width"] = shape.Width,
        };
    }

    /// <summary>What batches look like: rounding depends on it, and with it now and then a token.</summary>
    internal static IEnumerable<KeyValuePair<string, JsonNode?>> Rounding(LanguageModel model, ContextOptions context) =>
    [
        new("parallel", context.Sequences),
        new("batch", context.BatchLength),
        new("flash_attn", InferenceContext.UsesFlashAttention(model, context)),
        new("cache_type", context.CacheType.ToString()),
    ];

    /// <summary>Starts a log with this line, or goes on with one that has the same.</summary>
    /// <exception cref="NativeSteerException">The file cannot be written, or it is of another run.</exception>
    internal SequentialLog Open(string path, bool resume)
    {
        SequentialLog? log = null;
        if (resume && HasLine(path))
        {
            RequireSame(path); // before the file is opened for writing: a wrong one is left alone
            log = SequentialLog.Continue(path);
        }
        log ??= SequentialLog.Create(path);
        log.Write(json =>
        {
            foreach (var (name, value) in ToJson())
            {
                json.WritePropertyName(name);
                if (value is null) json.WriteNullValue();
                else value.WriteTo(json);
            }
        });
        return log;
    }

    private JsonObject ToJson() => new()
    {
        ["type"] = "provenance",
        ["command"] = Command,
        ["arguments"] = new JsonArray([.. Arguments.Select(argument => JsonValue.Create(argument))]),
        ["nativesteer"] = Provenance.Version,
        ["llama_cpp"] = LlamaLibrary.Version,
        ["started"] = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        ["models"] = new JsonObject(Models.Select(model => KeyValuePair.Create(model.Key, (JsonNode?)model.Value?.DeepClone()))),
        ["settings"] = Settings.DeepClone(),
    };

    // A file whose first line was cut off holds nothing yet.
    private static bool HasLine(string path)
    {
        if (!File.Exists(path)) return false;
        using var file = File.OpenRead(path);
        for (var next = file.ReadByte(); next >= 0; next = file.ReadByte())
        {
            if (next == '\n') return true;
        }
        return false;
    }

    private void RequireSame(string path)
    {
        var head = JsonLines.Read(path).First();
        if (head.OptionalString("type") is not "provenance" || JsonNode.Parse(head.Element.GetRawText()) is not JsonObject found || found["settings"] is not JsonObject settings)
            throw head.Error($"this is no log of 'nativesteer {Command}'; write elsewhere with -o, or leave --resume away to replace it.");
        foreach (var (name, model) in Models)
        {
            if (!JsonNode.DeepEquals(found["models"]?[name]?["hash"], model?["hash"]))
                throw head.Error($"the log was made with another {name} model ({found["models"]?[name]?["path"]?.ToString() ?? "none"}); give that one, or write elsewhere with -o.");
        }
        Compare("nativesteer", Provenance.Version);
        Compare("llama_cpp", LlamaLibrary.Version);
        var wanted = JsonNode.Parse(Settings.ToJsonString())!.AsObject();
        foreach (var name in settings.Select(setting => setting.Key).Union(wanted.Select(setting => setting.Key)))
        {
            if (JsonNode.DeepEquals(settings[name], wanted[name])) continue;
            var isHash = name.EndsWith("_hash", StringComparison.Ordinal) || wanted[name]?.ToString().StartsWith("sha256:", StringComparison.Ordinal) is true;
            throw head.Error(isHash
                ? $"the log was made with other {name.Replace("_hash", "", StringComparison.Ordinal)}; give the same ones, or write elsewhere with -o."
                : $"the log has {name} {Show(settings[name])}, this run {Show(wanted[name])}; give the same, or write elsewhere with -o.");
        }

        void Compare(string what, string version)
        {
            if (found[what]?.ToString() is { } before && before != version)
                throw head.Error($"the log was begun by {what} {FileErrors.Printable(before)}, this is {version}, whose texts may differ; write elsewhere with -o.");
        }
    }

    private static string Show(JsonNode? value) => value is null ? "nothing" : FileErrors.Printable(value.ToJsonString(), 80);
}
