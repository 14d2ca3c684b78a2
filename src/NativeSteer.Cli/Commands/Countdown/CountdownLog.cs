using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Running;
using NativeSteer.Countdown;
using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Rollouts;
using NativeSteer.Vectors;

namespace NativeSteer.Cli.Commands.Countdown;

/// <summary>The log of an evaluation, JSONL: the first line says what was run on what, each further one is an answer and its verdict.</summary>
internal sealed class CountdownLog : IDisposable
{
    private readonly JsonLinesWriter _file;

    private CountdownLog(JsonLinesWriter file) => _file = file;

    /// <summary>Starts the log.</summary>
    /// <exception cref="NativeSteerException">The file cannot be written.</exception>
    internal static CountdownLog Create(string path, LanguageModel model, int puzzles, CountdownRolloutOptions options, IReadOnlyList<SteerSpec> steer)
    {
        var log = new CountdownLog(JsonLinesWriter.Create(path));
        log._file.Write(Head("countdown evaluate", model, new JsonObject
        {
            ["puzzles"] = puzzles,
            ["max_tokens"] = options.MaxTokens,
            ["seed"] = options.Sampling.Seed,
            ["temperature"] = options.Sampling.Temperature,
            ["top_k"] = options.Sampling.TopK,
            ["top_p"] = options.Sampling.TopP,
            ["min_p"] = options.Sampling.MinP,
            ["steer"] = new JsonArray([.. steer.Select(spec => spec.ToJson())]),
        }));
        return log;
    }

    /// <summary>The first line of a log.</summary>
    internal static JsonObject Head(string command, LanguageModel? model, JsonObject settings) => new()
    {
        ["type"] = "provenance",
        ["command"] = command,
        ["nativesteer"] = Product.Version,
        ["llama_cpp"] = LlamaLibrary.Version,
        ["started"] = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        ["model"] = model is null ? null : new JsonObject { ["path"] = model.Path, ["hash"] = ModelFingerprint.Of(model.File) },
        ["settings"] = settings,
    };

    /// <summary>Adds an answer.</summary>
    internal void Write(Puzzle puzzle, Rollout rollout, Verdict verdict) => _file.Write(json =>
    {
        json.WriteString("type", "rollout");
        json.WriteString("id", rollout.Request.Id);
        json.WriteStartArray("nums");
        foreach (var number in puzzle.Numbers) json.WriteNumberValue(number);
        json.WriteEndArray();
        json.WriteNumber("target", puzzle.Target);
        json.WriteString("prompt", puzzle.Prompt);
        json.WriteString("text", rollout.Text);
        json.WriteStartArray("tokens");
        foreach (var token in rollout.Tokens) json.WriteNumberValue(token);
        json.WriteEndArray();
        json.WriteString("finish", rollout.Finish switch { FinishReason.End => "end", FinishReason.Stop => "stop", _ => "length" });
        json.WriteString("outcome", Views.CountdownView.Name(verdict.Outcome));
        json.WriteNumber("attempts", verdict.Attempts);
        json.WriteNumber("steps", verdict.Steps);
        json.WriteNumber("right_steps", verdict.RightSteps);
        json.WriteNumber("backtracking_words", verdict.BacktrackingWords);
        json.WriteBoolean("first_attempt_right", verdict.FirstAttemptRight);
    });

    public void Dispose() => _file.Dispose();
}
