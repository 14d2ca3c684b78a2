using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Rollouts;
using NativeSteer.Vectors;

namespace NativeSteer.Cli.Commands.Generate;

/// <summary>
/// The log of a run, JSONL: the first line says what was run on what, each further one is a finished rollout. A log goes on
/// where it was interrupted.
/// </summary>
internal sealed class RolloutLog : IDisposable
{
    private readonly RolloutJobs _jobs;
    private readonly JsonLinesWriter? _file;
    private readonly Terminal? _terminal;

    private RolloutLog(RolloutJobs jobs, JsonLinesWriter? file, Terminal? terminal)
    {
        _jobs = jobs;
        _file = file;
        _terminal = terminal;
    }

    /// <summary>Ids of the rollouts that were in the log when it was opened.</summary>
    internal HashSet<string> Finished { get; } = new(StringComparer.Ordinal);

    internal static RolloutLog ToTerminal(Terminal terminal, RolloutJobs jobs)
    {
        var log = new RolloutLog(jobs, null, terminal);
        log.WriteLine(log.WriteHead);
        return log;
    }

    /// <summary>Starts a log, or goes on with one of the same settings.</summary>
    /// <exception cref="NativeSteerException">The file cannot be written, is no log, or is of other settings.</exception>
    internal static RolloutLog Open(string path, bool resume, RolloutJobs jobs)
    {
        if (resume && File.Exists(path) && new FileInfo(path).Length > 0)
        {
            RequireSame(JsonLines.Read(path).First(), jobs); // before the file is opened for writing: a wrong one is left alone
            var known = new RolloutLog(jobs, JsonLinesWriter.Append(path), null);
            known.ReadFinished(path);
            return known;
        }
        var log = new RolloutLog(jobs, JsonLinesWriter.Create(path), null);
        log.WriteLine(log.WriteHead);
        return log;
    }

    /// <summary>Adds a finished rollout.</summary>
    internal void Write(Rollout rollout) => WriteLine(json =>
    {
        var (job, sample) = _jobs.Sources[rollout.Request.Id];
        RolloutLine.Write(json, rollout, job.Prompt.Id, job.Prompt.Text, sample + 1);
        json.WriteStartArray("steer");
        foreach (var spec in job.Steer) spec.ToJson().WriteTo(json);
        json.WriteEndArray();
    });

    public void Dispose() => _file?.Dispose();

    private void WriteLine(Action<Utf8JsonWriter> fields)
    {
        _file?.Write(fields);
        if (_terminal is null) return;
        Json.Print(_terminal, json => json.Object(fields), indented: false);
        _terminal.Flush();
    }

    private void WriteHead(Utf8JsonWriter json)
    {
        json.WriteString("type", "provenance");
        json.WriteString("command", "generate");
        json.WriteString("nativesteer", Product.Version);
        json.WriteString("llama_cpp", LlamaLibrary.Version);
        json.WriteString("started", DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
        json.WritePropertyName("model");
        ModelJson(_jobs.Model).WriteTo(json);
        json.WritePropertyName("settings");
        _jobs.Settings.ToJson().WriteTo(json);
    }

    private static JsonObject ModelJson(LanguageModel model) => new()
    {
        ["path"] = model.Path,
        ["hash"] = ModelFingerprint.Of(model.File),
        ["architecture"] = model.Shape.Architecture,
        ["layers"] = model.Shape.Layers,
        ["width"] = model.Shape.Width,
    };

    // A last line that a crash has cut is gone by now; its rollout runs again.
    private void ReadFinished(string path)
    {
        foreach (var line in JsonLines.Read(path))
        {
            if (line.OptionalString("type") is "rollout") Finished.Add(line.RequiredString("id"));
        }
    }

    /// <summary>Throws when the log is of another model or of other settings, with the first difference.</summary>
    private static void RequireSame(JsonLine head, RolloutJobs jobs)
    {
        if (head.OptionalString("type") is not "provenance"
            || JsonNode.Parse(head.Element.GetRawText()) is not JsonObject found || found["settings"] is not JsonObject settings)
        {
            throw head.Error("this is no log of 'nativesteer generate'; write to another file, or leave --resume away to replace it.");
        }
        if (!JsonNode.DeepEquals(found["model"]?["hash"], JsonValue.Create(ModelFingerprint.Of(jobs.Model.File))))
            throw head.Error($"the log was made with another model ({found["model"]?["path"]}); give that one, or write to another file.");
        foreach (var (name, wanted) in JsonNode.Parse(jobs.Settings.ToJson().ToJsonString())!.AsObject())
        {
            if (JsonNode.DeepEquals(settings[name], wanted)) continue;
            throw head.Error(name is "prompts_hash"
                ? "the log was made with other prompts; give the same ones, or write to another file."
                : $"the log has {name} {Show(settings[name])}, this run {Show(wanted)}; give the same, or write to another file.");
        }
    }

    private static string Show(JsonNode? value) => value?.ToJsonString() ?? "nothing";
}
