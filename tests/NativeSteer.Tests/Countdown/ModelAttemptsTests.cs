using NativeSteer.Countdown;
using NativeSteer.Tests.Files;
using Xunit;

namespace NativeSteer.Tests.Countdown;

public sealed class ModelAttemptsTests : IDisposable
{
    private static readonly PuzzleOptions s_any = new() { HeldOut = 0 };
    private static readonly Puzzle s_puzzle = FirstOf(
        PuzzleSplit.Train, [7, 5, 3],
        // can be reached, but not through 7*5, and is not what the tests' attempts give
        puzzle => new PuzzleSolver(puzzle).FirstSolution() is not null && !new PuzzleSolver(puzzle).CanReach([35, 3]) && puzzle.Target is not (9 or 15));

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("7+5=12\\n12+3=15\\nGoal not reached.", 1)] // misses
    [InlineData("7*5=35\\n35 is out of reach. Hmm.\\n7+5=12\\n12-3=9\\n", 2)] // given up, and missed
    [InlineData("7*5=35\\n35 is out of reach. Hmm.\\n7*5=35\\n35*3=105\\nWait.\\n7*5=35\\nNo.", 3)] // again: as often as it was made
    [InlineData("7+5=13\\n13+3=16\\n", 0)] // wrong arithmetic
    [InlineData("7+6=13\\n13+3=16\\n", 0)] // not its number
    [InlineData("5-7=-2\\n3-2=1\\n5/3=5/3\\n", 0)] // no natural number
    [InlineData("", 0)]
    public void Failures_are_right_steps_that_miss(string answer, int expected)
    {
        var made = ModelAttempts.Read([Answers("a", (s_puzzle, answer))], s_any);
        Assert.Equal((1, expected), (made.Puzzles, made.Failures));
    }

    [Fact]
    public void A_solution_and_a_hopeful_beginning_are_no_failures()
    {
        var solution = new PuzzleSolver(s_puzzle).FirstSolution()!;
        var made = ModelAttempts.Read([Answers("a", (s_puzzle, string.Join("\\n", solution) + "\\nGoal Reached!"), (s_puzzle, $"{solution[0]}\\nToo far."))], s_any);
        Assert.Equal((1, 0), (made.Puzzles, made.Failures));
    }

    [Fact]
    public void Thinking_shows_the_failures_that_the_model_made()
    {
        const string made = "7*5=35\\n35*3=105\\nGoal not reached."; // far off: drawn attempts are near
        var attempts = ModelAttempts.Read([Answers("a", (s_puzzle, made)), Answers("b", (s_puzzle, made))], s_any);
        Assert.Equal((1, 2), (attempts.Puzzles, attempts.Failures));
        var options = new CountdownTraceOptions { Styles = [new(TraceStyle.Thinking, 1)], MeanFailures = 2 };
        var traces = new TraceGenerator(s_any, options, attempts).Traces(400).ToList();
        Assert.All(traces, trace => Assert.Equal(s_puzzle.Prompt, trace.Prompt));
        Assert.All(traces, trace => Assert.True(SolutionVerifier.Judge(s_puzzle, trace.Completion).IsSolved));
        var shown = Shown(traces);
        Assert.InRange(shown, 0.7, 1);
        Assert.InRange(Shown(new TraceGenerator(s_any, options).Traces(400).Where(trace => trace.FailedAttempts > 0)), 0, 0.1);

        // given up or complete
        static double Shown(IEnumerable<CountdownTrace> traces) => traces.Where(trace => trace.FailedAttempts > 0)
            .Average(trace => trace.Completion.Contains("7*5=35", StringComparison.Ordinal) ? 1 : 0);
    }

    [Fact]
    public void Answers_to_another_part_of_the_puzzles_are_refused()
    {
        var held = FirstOf(PuzzleSplit.Validation, [9, 4, 8], _ => true);
        var path = Answers("a", (s_puzzle, "7+5=12"), (held, "9+4=13"));
        var error = Assert.Throws<NativeSteerException>(() => ModelAttempts.Read([path], s_any));
        Assert.StartsWith($"{path}:2: the puzzle {held} is of the part 'Validation' and would be learned from as 'Train'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_answers_is_refused()
    {
        var path = _folder.Write("a.jsonl", """{"nums": [7, 5, 3], "target": 20}""");
        Assert.Contains("has no answers", Assert.Throws<NativeSteerException>(() => ModelAttempts.Read([path], s_any)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Puzzles_of_which_no_trace_can_be_made_are_left_out_and_counted()
    {
        var (alone, hopeless) = (FirstOf(PuzzleSplit.Train, [5], _ => true), FirstOf(PuzzleSplit.Train, [1, 1, 1], puzzle => puzzle.Target > 50));
        var made = ModelAttempts.Read([Answers("a", (alone, "x"), (s_puzzle, "x"), (hopeless, "1+1=2"), (hopeless, "1*1=1"))], s_any);
        Assert.Equal((1, 3), (made.Puzzles, made.LeftOut));
        var error = Assert.Throws<NativeSteerException>(() => ModelAttempts.Read([Answers("b", (alone, "x"))], s_any));
        Assert.Contains("None of the 1 answers", error.Message, StringComparison.Ordinal);
    }

    private string Answers(string name, params (Puzzle Puzzle, string Text)[] answers) => _folder.Write(
        name + ".jsonl",
        string.Join('\n', answers.Select(answer => $$"""{"nums": [{{string.Join(", ", answer.Puzzle.Numbers)}}], "target": {{answer.Puzzle.Target}}, "text": "{{answer.Text}}"}""")));

    // The first target that puts the numbers into a part and is as wanted.
    private static Puzzle FirstOf(PuzzleSplit split, int[] numbers, Func<Puzzle, bool> wanted) => Enumerable.Range(10, 90)
        .Select(target => new Puzzle(numbers, target))
        .First(puzzle => new PuzzleSplits(0).Of(puzzle) == split && wanted(puzzle));
}
