using NativeSteer.Countdown;
using NativeSteer.Files;

namespace NativeSteer.Tasks;

/// <summary>What the questions of a file are.</summary>
public enum TaskKind
{
    /// <summary>Puzzles, as <see cref="PuzzleFiles"/> reads them.</summary>
    Countdown,

    /// <summary><c>{"question", "answer": "... #### 18"}</c>: GSM8K.</summary>
    GradeSchool,

    /// <summary><c>{"problem", "answer"}</c>, or <c>"solution"</c> with the answer in its last <c>\boxed{}</c>: MATH.</summary>
    Mathematics,

    /// <summary><c>{"prompt", "answer"}</c>: the prompt as the model reads it, and the exact answer.</summary>
    Exact,
}

/// <summary>Reads questions with what checks their answers.</summary>
public static class TaskFiles
{
    /// <summary>The kinds as people write them.</summary>
    public static IReadOnlyList<string> Names { get; } = ["countdown", "gsm8k", "math", "exact"];

    /// <summary>The kind of a name.</summary>
    /// <exception cref="NativeSteerException">There is none.</exception>
    public static TaskKind Parse(string name) => name switch
    {
        "countdown" => TaskKind.Countdown,
        "gsm8k" => TaskKind.GradeSchool,
        "math" => TaskKind.Mathematics,
        "exact" => TaskKind.Exact,
        _ => throw new NativeSteerException($"There is no task '{name}'; give {string.Join(", ", Names)}."),
    };

    /// <summary>Reads all tasks of a file.</summary>
    /// <param name="path">JSONL.</param>
    /// <param name="kind">What it holds.</param>
    /// <param name="template">How questions are put; countdown and exact have prompts of their own.</param>
    /// <param name="command">Judges in place of the kind's own check, or null.</param>
    /// <exception cref="NativeSteerException">The file cannot be read, or a line holds no task (with file and line).</exception>
    public static IReadOnlyList<TaskItem> Read(string path, TaskKind kind, PromptTemplate template, CommandVerifier? command = null)
    {
        ArgumentNullException.ThrowIfNull(template);
        return [.. JsonLines.Read(path).Where(line => line.OptionalString("type") is not "provenance").Select(line => Judged(Item(line)))];

        TaskItem Judged(TaskItem item) => command is null ? item : command.Task(item.Id, item.Prompt, item.Gold) with { Solution = item.Solution };

        TaskItem Item(JsonLine line)
        {
            var id = line.OptionalName("id") ?? FormattableString.Invariant($"{line.Number}");
            return kind switch
            {
                TaskKind.Countdown => Verifiers.Countdown(id, PuzzleFiles.Parse(line)),
                TaskKind.GradeSchool => GradeSchool(line, id, template),
                TaskKind.Mathematics => Verifiers.Mathematics(id, line.RequiredString("problem"), MathGold(line), template) with { Solution = line.OptionalString("solution") },
                _ => Exact(line, id, command),
            };
        }
    }

    private static TaskItem GradeSchool(JsonLine line, string id, PromptTemplate template)
    {
        var answer = line.RequiredString("answer");
        try
        {
            return Verifiers.GradeSchool(id, line.RequiredString("question"), AnswerText.AfterHashes(answer) ?? answer, template) with { Solution = answer };
        }
        catch (FormatException)
        {
            throw line.Error("\"answer\" holds no number; it should end with \"#### 18\", or be one.");
        }
    }

    private static string MathGold(JsonLine line) => line.OptionalString("answer") ?? AnswerText.Boxed(line.RequiredString("solution"))
        ?? throw line.Error("there is no answer; give \"answer\", or a \"solution\" with \\boxed{...}.");

    private static TaskItem Exact(JsonLine line, string id, CommandVerifier? command) => command is null
        ? Verifiers.Exact(id, line.RequiredString("prompt"), line.RequiredString("answer"))
        : new(id, line.RequiredString("prompt"), _ => new(TaskOutcome.NoAnswer)) { Gold = line.OptionalString("answer") };
}
