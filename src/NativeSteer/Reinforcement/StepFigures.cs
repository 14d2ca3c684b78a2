using System.Text.Json.Nodes;
using NativeSteer.Rollouts;
using NativeSteer.Tasks;

namespace NativeSteer.Reinforcement;

/// <summary>What became of some answers, added up.</summary>
internal sealed class StepFigures
{
    private readonly int[] _outcomes = new int[Enum.GetValues<TaskOutcome>().Length];
    private int _truncated;

    /// <summary>Answers judged.</summary>
    internal int Answers { get; private set; }

    /// <summary>Tokens generated.</summary>
    internal long Tokens { get; private set; }

    /// <summary>The share that is right; NaN without answers.</summary>
    internal double Accuracy => (double)_outcomes[(int)TaskOutcome.Right] / Answers;

    /// <summary>How many are right.</summary>
    internal int Right => _outcomes[(int)TaskOutcome.Right];

    /// <summary>Judges an answer and adds it.</summary>
    internal TaskVerdict Add(TaskItem task, Rollout rollout)
    {
        var verdict = task.Judge(rollout.Text);
        _outcomes[(int)verdict.Outcome]++;
        Answers++;
        Tokens += rollout.Tokens.Count + (rollout.End is null ? 0 : 1);
        if (rollout.Finish == FinishReason.Length) _truncated++;
        return verdict;
    }

    /// <summary>Adds the figures to a line of a log; failures of an external command only where there were some.</summary>
    internal void Write(JsonObject line)
    {
        line["accuracy"] = Math.Round(Accuracy, 6);
        line["answers"] = Answers;
        line["generated_tokens"] = Tokens;
        line["truncated"] = _truncated;
        line["no_answer"] = _outcomes[(int)TaskOutcome.NoAnswer];
        if (_outcomes[(int)TaskOutcome.TimedOut] is > 0 and var late) line["timed_out"] = late;
        if (_outcomes[(int)TaskOutcome.Crashed] is > 0 and var failed) line["crashed"] = failed;
    }
}
