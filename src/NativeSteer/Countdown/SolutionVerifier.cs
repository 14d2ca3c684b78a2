using NativeSteer.Analysis;

namespace NativeSteer.Countdown;

/// <summary>
/// Judges answers to Countdown puzzles, exactly: in fractions of any size. An answer is lines; a line that is a step reads
/// <c>a op b = c</c>. What counts is the final attempt: the steps without another line between them that stand just before the
/// first <c>Goal Reached!</c>. Every attempt starts from all the numbers; empty lines are overlooked.
/// </summary>
public static class SolutionVerifier
{
    /// <summary>What an answer says at its end.</summary>
    public const string Claim = "Goal Reached!";

    /// <summary>Judges an answer.</summary>
    /// <param name="puzzle">What was asked.</param>
    /// <param name="answer">What was answered, without the prompt.</param>
    /// <param name="options">How strictly.</param>
    public static Verdict Judge(Puzzle puzzle, string answer, VerifierOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(puzzle);
        ArgumentNullException.ThrowIfNull(answer);
        options ??= new VerifierOptions();
        var attempts = Attempts(answer);
        var (outcome, failed) = JudgeFinal(puzzle, answer, options);
        return new Verdict(outcome)
        {
            FailedStep = failed,
            Attempts = attempts.Count,
            Steps = attempts.Sum(steps => steps.Count),
            RightSteps = attempts.Sum(steps => steps.Count(step => step.IsRight)),
            BacktrackingWords = KeywordRate.Of(answer).Hits,
            FirstAttemptRight = attempts is [var first, ..] && Check(puzzle, first, options).Outcome == CountdownOutcome.Solved,
        };
    }

    private static (CountdownOutcome Outcome, int? FailedStep) JudgeFinal(Puzzle puzzle, string answer, VerifierOptions options)
    {
        if (string.IsNullOrWhiteSpace(answer)) return (CountdownOutcome.Empty, null);
        var claim = answer.IndexOf(Claim, StringComparison.Ordinal);
        if (claim < 0) return (CountdownOutcome.NotReached, null);

        var lines = Lines(answer[..claim]);
        var final = new List<StepLine>();
        var before = lines.Count - 1;
        for (; before >= 0 && StepLine.Parse(lines[before]) is { } step; before--) final.Insert(0, step);
        var judged = Check(puzzle, final, options);
        if (judged.Outcome == CountdownOutcome.Solved) return judged;
        // A calculation that cannot be read ends the run like any line; it is what went wrong, not what follows from it.
        var unreadable = before >= 0 && StepLine.LooksLikeOne(lines[before]);
        return unreadable || final.Count == 0 ? (CountdownOutcome.BadFormat, null) : judged;
    }

    /// <summary>Follows the steps from all the numbers.</summary>
    private static (CountdownOutcome Outcome, int? FailedStep) Check(Puzzle puzzle, List<StepLine> steps, VerifierOptions options)
    {
        var remaining = puzzle.Numbers.Select(number => (Fraction)number).ToList();
        var reached = false;
        for (var i = 0; i < steps.Count; i++)
        {
            var step = steps[i];
            if (!remaining.Remove(step.Left) || !remaining.Remove(step.Right)) return (CountdownOutcome.UnknownNumber, i);
            if (step.Exact is not { } exact) return (CountdownOutcome.DivisionByZero, i);
            if (exact != step.Result) return (CountdownOutcome.WrongResult, i);
            remaining.Add(exact);
            reached = exact == puzzle.Target;
        }
        if (steps.Count == 0) reached = remaining is [var only] && only == puzzle.Target;
        var complete = remaining.Count == 1 || !options.RequireAllNumbers;
        return (reached && complete ? CountdownOutcome.Solved : CountdownOutcome.NotReached, null);
    }

    /// <summary>All runs of steps. A claim ends a run, also one on the line of its last step.</summary>
    internal static List<List<StepLine>> Attempts(string answer)
    {
        var attempts = new List<List<StepLine>>();
        List<StepLine>? current = null;
        foreach (var line in Lines(answer.Replace(Claim, $"\n{Claim}\n", StringComparison.Ordinal)))
        {
            if (StepLine.Parse(line) is not { } step)
            {
                current = null;
                continue;
            }
            if (current is null) attempts.Add(current = []);
            current.Add(step);
        }
        return attempts;
    }

    private static List<string> Lines(string text) => [.. text.Split('\n').Where(line => !string.IsNullOrWhiteSpace(line))];
}
