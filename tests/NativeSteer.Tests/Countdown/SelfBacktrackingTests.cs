using NativeSteer.Countdown;
using NativeSteer.Files;
using NativeSteer.Search;
using NativeSteer.Tests.Support;
using NativeSteer.Training;
using Xunit;

namespace NativeSteer.Tests.Countdown;

public sealed class SelfBacktrackingTests
{
    private static readonly PuzzleOptions s_puzzles = new() { Seed = 7, Counts = [new(3, 0.5), new(4, 0.5)] };

    [Fact]
    public void Solutions_and_wrong_steps_come_in_the_wanted_proportions()
    {
        var traces = Traces(3000, new() { Styles = CountdownTraceOptions.SelfBacktracking });
        var back = traces.Where(trace => trace.Style == TraceStyle.Backtrack).ToList();
        Assert.InRange(back.Count, 1400, 1600);
        Assert.InRange(back.Count(trace => trace.Error == StepError.Exploration), back.Count * 0.16, back.Count * 0.24);
        Assert.InRange(back.Count(trace => trace.Error == StepError.Computational), back.Count * 0.36, back.Count * 0.44);
        Assert.All(traces.Except(back), trace => Assert.True(SolutionVerifier.Judge(trace.Puzzle, trace.Completion).IsSolved));
        var only = Traces(200, new() { Styles = [new(TraceStyle.Backtrack, 1)], Errors = [new(StepError.RuleViolation, 1)] });
        Assert.All(only, trace => Assert.Equal(StepError.RuleViolation, trace.Error));
    }

    /// <summary>The verifier and the solver, which did not draw the steps, say what is wrong with each.</summary>
    [Fact]
    public void Every_error_is_of_its_kind()
    {
        foreach (var trace in Traces(2000, new() { Styles = [new(TraceStyle.Backtrack, 1)] }))
        {
            var lines = trace.Completion.Split('\n');
            Assert.Equal("<backtrack>", lines[^1]);
            var steps = lines[..^1];
            var verdict = SolutionVerifier.Judge(trace.Puzzle, string.Join('\n', steps) + "\n" + SolutionVerifier.Claim);
            switch (trace.Error)
            {
                case StepError.Computational:
                    Assert.Equal((CountdownOutcome.WrongResult, steps.Length - 1), (verdict.Outcome, verdict.FailedStep));
                    break;
                case StepError.RuleViolation:
                    Assert.Equal((CountdownOutcome.UnknownNumber, steps.Length - 1), (verdict.Outcome, verdict.FailedStep));
                    break;
                default:
                    Assert.Equal((CountdownOutcome.NotReached, null), (verdict.Outcome, verdict.FailedStep));
                    Assert.False(PuzzleSolver.CanReach(Left(trace.Puzzle, steps), trace.Puzzle.Target));
                    break;
            }
            if (steps.Length > 1) Assert.True(PuzzleSolver.CanReach(Left(trace.Puzzle, steps[..^1]), trace.Puzzle.Target));
        }
    }

    [Fact]
    public void The_wrong_line_and_its_end_are_masked_as_the_papers_code_does()
    {
        using var folder = new Files.TestFolder();
        var path = folder["data.jsonl"];
        TraceLines.Write(path, Traces(50, new() { Styles = [new(TraceStyle.Backtrack, 1)] }));
        foreach (var line in JsonLines.Read(path))
        {
            var ours = TrainingRow.Read(line)!;
            // The same line with the published data set's fields alone.
            var theirs = folder["theirs.jsonl"];
            File.WriteAllText(theirs, $"{{\"nums\": {line.Element.GetProperty("nums").GetRawText()}, \"target\": {line.RequiredInteger("target")}, \"search_path\": {line.Element.GetProperty("search_path").GetRawText()}}}\n");
            var published = TrainingRow.Read(JsonLines.Read(theirs).Single())!;
            Assert.Equal(published.Masked, ours.Masked);
            Assert.Equal((published.Prompt, published.Text, published.End), (ours.Prompt, ours.Text, ours.End));
        }
    }

    [Fact]
    public void The_token_is_one_token()
    {
        Assert.Single(CountdownVocabulary.Encode("<backtrack>"));
        Assert.Equal(CountdownVocabulary.Find("<backtrack>"), PuzzleSearch.RequireBacktrack(TinyCountdown.Model));
    }

    [Fact]
    public void Depth_first_search_solves_all_and_keeps_to_its_budget()
    {
        foreach (var puzzle in new PuzzleGenerator(s_puzzles).Distinct(100))
        {
            var search = new SymbolicSearch(puzzle);
            Assert.True(SolutionVerifier.Judge(puzzle, SymbolicSearch.Write(search.Run()!)).IsSolved);
            var needed = search.Nodes;
            Assert.NotNull(new SymbolicSearch(puzzle, needed).Run());
            var short1 = new SymbolicSearch(puzzle, needed - 1);
            Assert.Null(short1.Run());
            Assert.Equal(needed - 1, short1.Nodes);
        }
    }

    [Fact]
    public void Step_cases_are_what_they_are_called()
    {
        var puzzles = new PuzzleGenerator(s_puzzles with { Split = PuzzleSplit.Validation }).Distinct(60).ToList();
        var cases = StepCase.Of(puzzles, s_puzzles);
        Assert.All(Enum.GetValues<StepKind>(), kind => Assert.Contains(cases, step => step.Kind == kind));
        foreach (var step in cases)
        {
            var verdict = SolutionVerifier.Judge(step.Puzzle, step.Text + SolutionVerifier.Claim).Outcome;
            var expected = step.Kind switch
            {
                StepKind.Computational => CountdownOutcome.WrongResult,
                StepKind.RuleViolation => CountdownOutcome.UnknownNumber,
                StepKind.Right when verdict == CountdownOutcome.Solved => CountdownOutcome.Solved,
                _ => CountdownOutcome.NotReached,
            };
            Assert.Equal(expected, verdict);
            if (step.Kind is StepKind.Right or StepKind.Hopeless)
                Assert.Equal(step.Kind == StepKind.Right, PuzzleSolver.CanReach(Left(step.Puzzle, step.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries)), step.Puzzle.Target));
        }
    }

    private static List<CountdownTrace> Traces(int count, CountdownTraceOptions options) => [.. new TraceGenerator(s_puzzles, options).Traces(count)];

    private static long[] Left(Puzzle puzzle, IEnumerable<string> steps)
    {
        var left = puzzle.Numbers.Select(number => (long)number).ToList();
        foreach (var step in steps.Select(line => StepLine.Parse(line)!.Value.Whole!.Value))
        {
            Assert.True(left.Remove(step.Left) && left.Remove(step.Right));
            left.Add(step.Result);
        }
        return [.. left];
    }
}
