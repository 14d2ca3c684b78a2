using System.Globalization;
using System.Text.Json;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Training;

namespace NativeSteer.Cli.Commands.Train;

/// <summary>What the verbs that train do alike: prepare, run, write, and say how it went.</summary>
/// <param name="path">What is typed after the program's name.</param>
/// <param name="purpose">One line.</param>
internal abstract class TrainingVerb(string path, string purpose) : Verb(path, purpose)
{
    protected const string DataForms = """
        A line of the data is one of
          {"prompt": "...", "completion": "..."}   the completion is trained, and the end token unless "end": false
          {"text": "..."}                          all of it is trained; "end": true adds the end token
          {"nums": [...], "target": 24, "search_path": "..."}   as in the self-backtracking paper
        "mask": [[from, to], ...] leaves parts of the completion or text untrained, in characters.
        """;

    /// <summary>Runs it.</summary>
    /// <param name="options">All settings.</param>
    /// <param name="keep">Whether the checkpoints stay when all is written.</param>
    /// <param name="write">Writes the results and returns their files.</param>
    /// <param name="terminal">Where to say how it goes.</param>
    /// <param name="json">Print the end as JSON.</param>
    /// <param name="stop">Ctrl-C.</param>
    protected static int Run(
        FineTuningOptions options, bool keep, Func<FineTuning, IReadOnlyList<string>> write, Terminal terminal, bool json, CancellationToken stop)
    {
        using var tuning = FineTuning.Prepare(options, stop);
        Describe(tuning, terminal);
        var result = Progress.Run(terminal, "Training", report => tuning.Run(new TrainingReport(report), stop));
        if (result.Stopped)
        {
            terminal.Note(result.Checkpoint is null
                ? "nothing was trained yet"
                : $"step {result.Step} of {result.Steps} is saved in {options.Checkpoints}; --resume goes on from it");
            return ExitCode.Interrupted;
        }
        var files = write(tuning);
        if (!keep) tuning.ClearCheckpoints();
        if (json) Json.PrintObject(terminal, writer => Write(result, files, writer));
        else Print(result, files, terminal);
        return ExitCode.Done;
    }

    private static void Describe(FineTuning tuning, Terminal terminal)
    {
        var data = tuning.Data;
        var dropped = data.Dropped > 0 ? $", {data.Dropped} longer ones left out" : "";
        terminal.Note($"{data.Sequences.Count} sequences of {data.Tokens} tokens, {data.Targets} of them trained{dropped}; "
            + $"rows are {Text.Percent(tuning.UsedShare)} full; {Text.Count(tuning.TrainedNumbers)} numbers to train in {tuning.Steps} steps, "
            + $"about {Text.Bytes(tuning.Memory.Total)} of memory");
        if (tuning.StepsDone > 0) terminal.Note($"going on from step {tuning.StepsDone}{(tuning.Changes.Count > 0 ? ", with " : "")}{string.Join(", ", tuning.Changes)}");
    }

    private static void Print(TrainingResult result, IReadOnlyList<string> files, Terminal terminal)
    {
        var facts = new Facts(string.Join(", ", files));
        facts.Add("steps", $"{result.Steps}");
        facts.Add("tokens", $"{result.Tokens}");
        facts.Add("loss", double.IsNaN(result.Loss) ? null : Text.Number(result.Loss));
        facts.Add("held-out loss", double.IsNaN(result.HeldOutLoss) ? null : Text.Number(result.HeldOutLoss));
        facts.Add("time", result.Elapsed.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture));
        facts.Print(terminal);
    }

    private static void Write(TrainingResult result, IReadOnlyList<string> files, Utf8JsonWriter json)
    {
        json.WriteStartArray("files");
        foreach (var file in files) json.WriteStringValue(file);
        json.WriteEndArray();
        json.WriteNumber("steps", result.Steps);
        json.WriteNumber("tokens", result.Tokens);
        json.Number("loss", result.Loss);
        json.Number("held_out_loss", result.HeldOutLoss);
        json.WriteNumber("seconds", Math.Round(result.Elapsed.TotalSeconds, 2));
    }
}
