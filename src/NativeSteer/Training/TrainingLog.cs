using System.Globalization;
using System.Text.Json.Nodes;
using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>
/// The log of a run, JSONL: the first line says what is trained on what (type <c>provenance</c>), each further one of type
/// <c>step</c> how it goes. Where a run went on, a line of type <c>resumed</c> stands; steps logged again after it replace the
/// earlier lines.
/// </summary>
internal sealed class TrainingLog : IDisposable
{
    private readonly JsonLinesWriter _file;

    private TrainingLog(JsonLinesWriter file) => _file = file;

    /// <summary>Starts a log, or goes on with one of the same run.</summary>
    /// <param name="path">The file.</param>
    /// <param name="head">What the first line says beside type, versions and time.</param>
    /// <param name="resumedAt">The step that a resumed run starts from, or null.</param>
    /// <param name="changes">What it does otherwise from there.</param>
    /// <exception cref="NativeSteerException">The file cannot be written, or is no log of a training run.</exception>
    internal static TrainingLog Open(string path, JsonObject head, long? resumedAt, params IReadOnlyList<string> changes)
    {
        if (resumedAt is { } step && File.Exists(path) && new FileInfo(path).Length > 0)
        {
            var first = JsonLines.Read(path).First();
            if (first.OptionalString("type") is not "provenance" || !(first.OptionalString("command") ?? "").StartsWith("train ", StringComparison.Ordinal))
                throw first.Error("this is no log of a training run; write to another file.");
            var known = new TrainingLog(JsonLinesWriter.Append(path));
            var resumed = new JsonObject { ["type"] = "resumed", ["step"] = step, ["started"] = Now() };
            if (changes.Count > 0) resumed["changes"] = new JsonArray([.. changes.Select(change => JsonValue.Create(change))]);
            known._file.Write(resumed);
            return known;
        }
        var log = new TrainingLog(JsonLinesWriter.Create(path));
        var line = new JsonObject
        {
            ["type"] = "provenance",
            ["nativesteer"] = Provenance.Version,
            ["llama_cpp"] = LlamaLibrary.Version,
            ["started"] = Now(),
        };
        foreach (var (name, value) in head) line[name] = value?.DeepClone();
        log._file.Write(line);
        return log;
    }

    /// <summary>Adds a line.</summary>
    internal void Write(JsonObject line) => _file.Write(line);

    public void Dispose() => _file.Dispose();

    private static string Now() => DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
