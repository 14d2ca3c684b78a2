using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Analysis;
using NativeSteer.Countdown;
using NativeSteer.Extraction;
using NativeSteer.Tests.Files;
using Xunit;

namespace NativeSteer.Tests.Countdown;

public sealed class TraceGeneratorTests : IDisposable
{
    private const int Many = 2000;
    private static readonly PuzzleOptions s_puzzles = new() { Seed = 9, Counts = [new(2, 1), new(3, 4), new(4, 3), new(5, 0.1)] };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_solution_verifies()
    {
        foreach (var trace in Traces(TraceStyle.Solution))
        {
            var verdict = SolutionVerifier.Judge(trace.Puzzle, trace.Completion);
            Assert.True(verdict.IsSolved && verdict.FirstAttemptRight, trace.Prompt + trace.Completion);
            Assert.Equal((1, trace.Puzzle.Numbers.Count - 1), (verdict.Attempts, verdict.Steps));
            Assert.Empty(trace.Mask);
        }
    }

    [Fact]
    public void Every_lone_attempt_fails_with_right_arithmetic_and_without_a_word_of_backtracking()
    {
        foreach (var trace in Traces(TraceStyle.Attempts))
        {
            var verdict = SolutionVerifier.Judge(trace.Puzzle, trace.Completion);
            Assert.Equal(CountdownOutcome.NotReached, verdict.Outcome);
            Assert.EndsWith("\nGoal not reached.", trace.Completion, StringComparison.Ordinal);
            Assert.Equal((1, verdict.Steps, 0), (verdict.Attempts, verdict.RightSteps, verdict.BacktrackingWords));
            Assert.InRange(verdict.Steps, 1, trace.Puzzle.Numbers.Count - 1);
            Assert.False(verdict.FirstAttemptRight);
            Assert.Equal(verdict.Steps, trace.Mask.Count);
        }
    }

    [Fact]
    public void Every_thinking_answer_fails_takes_back_and_ends_right()
    {
        var traces = Traces(TraceStyle.Thinking).ToList();
        foreach (var trace in traces)
        {
            var verdict = SolutionVerifier.Judge(trace.Puzzle, trace.Completion);
            Assert.True(verdict.IsSolved, trace.Completion);
            Assert.Equal(
                (trace.FailedAttempts + 1, verdict.Steps, trace.FailedAttempts, trace.FailedAttempts == 0),
                (verdict.Attempts, verdict.RightSteps, verdict.BacktrackingWords, verdict.FirstAttemptRight));
            Assert.InRange(trace.FailedAttempts, 0, CountdownTraceOptions.MostFailures);
            Assert.Equal(trace.FailedAttempts, trace.Spans.Count(span => span.Label is "backtracking"));
            Assert.Equal(trace.FailedAttempts, trace.Spans.Count(span => span.Label is "example-testing"));
        }
        // A little less than asked for: small puzzles have few attempts that come to different numbers.
        Assert.InRange(traces.Average(trace => trace.FailedAttempts), 1.3, 1.5);
        Assert.Contains(traces, trace => trace.FailedAttempts > CountdownTraceOptions.MostFailures / 2);
    }

    [Fact]
    public void What_is_given_up_is_hopeless_and_no_failed_attempt_repeats_another()
    {
        var givenUp = 0;
        foreach (var trace in Traces(TraceStyle.Thinking))
        {
            var attempts = Of(trace, "example-testing").Select(text => text.TrimEnd('\n').Split('\n')).ToList();
            for (var i = 0; i < attempts.Count; i++)
            {
                for (var j = 0; j < i; j++) Assert.NotEqual(attempts[j].Take(attempts[i].Length), attempts[i].Take(attempts[j].Length));
                var whole = trace.Puzzle.Numbers.Count - 1;
                var results = attempts.Take(i + 1).Where(lines => lines.Length == whole).Select(lines => lines[^1].Split('=')[1]).ToList();
                Assert.Equal(results.Distinct().Count(), results.Count);
                var left = trace.Puzzle.Numbers.Select(number => (long)number).ToList();
                foreach (var line in attempts[i])
                {
                    var step = StepLine.Parse(line)!.Value;
                    Assert.True(left.Remove((long)step.Left.Numerator) && left.Remove((long)step.Right.Numerator));
                    left.Add((long)step.Result.Numerator);
                }
                Assert.DoesNotContain(trace.Puzzle.Target, BruteForce.Reachable(left));
                if (left.Count > 1) givenUp++;
            }
        }
        Assert.True(givenUp > Many / 10);
    }

    [Fact]
    public void What_is_said_of_a_result_is_true()
    {
        foreach (var trace in Traces(TraceStyle.Thinking).Concat(Traces(TraceStyle.Attempts)))
        {
            var (text, target) = (trace.Completion, trace.Puzzle.Target);
            foreach (var line in text.Split('\n'))
            {
                var first = line.Split(' ')[0];
                if (line.Contains(" is too large.", StringComparison.Ordinal)) Assert.True(long.Parse(first) > target, text);
                if (line.Contains(" is too small.", StringComparison.Ordinal)) Assert.True(long.Parse(first) < target, text);
                if (line.Contains(" is too far.", StringComparison.Ordinal)) Assert.NotEqual(target, long.Parse(first));
                if (line.Contains(" is not ", StringComparison.Ordinal)) Assert.NotEqual(target, long.Parse(first));
            }
            foreach (var fact in Of(trace, "adding-knowledge"))
            {
                var sides = fact.Trim().TrimEnd('.')["Note that ".Length..].Split('=');
                Assert.Equal(target, int.Parse(sides[0]));
                Assert.True(StepLine.Parse($"{sides[1]}={sides[0]}")!.Value.IsRight, fact);
            }
        }
    }

    [Fact]
    public void Masks_cover_the_choices_of_failed_steps_and_nothing_else()
    {
        foreach (var trace in Traces(TraceStyle.Thinking))
        {
            var failed = trace.Spans.Where(span => span.Label is "example-testing").ToList();
            var expected = failed.SelectMany(span => trace.Completion[span.From..span.To].TrimEnd('\n').Split('\n')).Select(line => line[..(line.IndexOf('=', StringComparison.Ordinal) + 1)]);
            Assert.Equal(expected, trace.Mask.Select(range => trace.Completion[range.From..range.To]));
            Assert.All(trace.Mask, range => Assert.Contains(failed, span => span.From <= range.From && range.To < span.To));
        }
        Assert.All(Traces(TraceStyle.Thinking, new() { MaskErrors = false }), trace => Assert.Empty(trace.Mask));
    }

    [Fact]
    public void A_model_that_must_not_say_it_learns_no_word_of_backtracking()
    {
        foreach (var trace in Traces(TraceStyle.Thinking, new() { MaskBacktracking = true }))
        {
            var learned = string.Concat(trace.Completion.Select((c, i) => trace.Mask.Any(range => i >= range.From && i < range.To) ? '|' : c));
            Assert.Equal(0, KeywordRate.Of(learned.Replace('|', ' ')).Hits);
            Assert.Equal(Of(trace, "backtracking").Count(), trace.Spans.Count(span => span.Label is "backtracking" && trace.Mask.Contains(new TextRange(span.From, span.To))));
            Assert.Equal(trace.Mask.OrderBy(range => range.From), trace.Mask);
        }
    }

    [Fact]
    public void Spans_and_masks_end_where_tokens_end()
    {
        foreach (var trace in Traces(TraceStyle.Thinking, new() { MaskBacktracking = true }).Concat(Traces(TraceStyle.Attempts)))
        {
            var ends = new HashSet<int> { 0 };
            foreach (var token in trace.Tokens) ends.Add(ends.Max() + CountdownVocabulary.Decode([token]).Length);
            Assert.Equal(trace.Completion.Length, ends.Max());
            Assert.All(trace.Spans, span => Assert.True(span.From < span.To && ends.Contains(span.From) && ends.Contains(span.To)));
            Assert.All(trace.Mask, range => Assert.True(range.From < range.To && ends.Contains(range.From) && ends.Contains(range.To)));
        }
    }

    [Fact]
    public void The_limit_of_tokens_and_the_mean_of_failures_hold()
    {
        const int most = 96;
        foreach (var trace in Traces(TraceStyle.Thinking, new() { MaxTokens = most, MeanFailures = 5 }, s_puzzles with { Counts = [new(4, 1), new(5, 0.2)] }, count: 500))
            Assert.True(CountdownVocabulary.Encode(trace.Prompt).Length + trace.Tokens.Count + 1 <= most);
        Assert.Equal(0, Traces(TraceStyle.Thinking, new() { MeanFailures = 0 }).Sum(trace => trace.FailedAttempts));
        Assert.InRange(Traces(TraceStyle.Thinking, new() { MeanFailures = 3, MaxTokens = 400 }, new()).Average(trace => trace.FailedAttempts), 2.6, 3);
    }

    [Fact]
    public void Styles_come_in_their_shares()
    {
        var traces = new TraceGenerator(s_puzzles, new() { Styles = CountdownTraceOptions.BaseMix }).Traces(Many).ToList();
        Assert.InRange(traces.Count(trace => trace.Style == TraceStyle.Solution) / (double)Many, 0.41, 0.49);
        Assert.InRange(traces.Count(trace => trace.Style == TraceStyle.Thinking) / (double)Many, 0.26, 0.34);
    }

    [Fact]
    public void The_same_seed_writes_the_same_bytes_from_any_index() => Prop.ForAll<ulong>(seed =>
    {
        var (puzzles, options) = (s_puzzles with { Seed = seed }, new CountdownTraceOptions { Styles = CountdownTraceOptions.BaseMix });
        var whole = Bytes(new TraceGenerator(puzzles, options).Traces(20));
        Assert.Equal(whole, Bytes(new TraceGenerator(puzzles, options).Traces(20)));
        var generator = new TraceGenerator(puzzles, options);
        Assert.Equal(whole, Bytes(generator.Traces(7)).Concat(Bytes(generator.Traces(13, first: 7))));
        Assert.Equal(generator.Create(3).Prompt, new PuzzleGenerator(puzzles).Create(3).Prompt);
        Assert.NotEqual(whole, Bytes(new TraceGenerator(puzzles with { Seed = seed + 1 }, options).Traces(20)));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_seed_writes_what_it_always_wrote()
    {
        var trace = new TraceGenerator(new() { Seed = 1 }, new() { Styles = [new(TraceStyle.Thinking, 1)] }).Create(4);
        Assert.Equal(
            """
            ###Question: numbers [46, 33, 34]->target 47
            ###Response:
            So, try this. Note that 47=34+13.
            34-33=1
            46*1=46
            46 is too small. Hmm, let me try again. Maybe this works.
            46+33=79
            47 is out of reach.
            Wait, let me go back.
            46-33=13
            34+13=47
            Goal Reached!
            """,
            trace.Prompt + trace.Completion);
    }

    [Fact]
    public void A_file_serves_training_extraction_and_evaluation()
    {
        var traces = Traces(TraceStyle.Thinking, new() { MaskBacktracking = true }, count: 50).ToList();
        var path = _folder["traces.jsonl"];
        TraceLines.Write(path, traces);

        var labelled = LabelledTraces.Read(path).ToList();
        Assert.Equal(traces.Select(trace => (trace.Prompt, trace.Completion)), labelled.Select(trace => (trace.Prompt, trace.Text)));
        Assert.Equal(traces.SelectMany(trace => trace.Spans), labelled.SelectMany(trace => trace.Spans));
        Assert.Equal(traces.Select(trace => trace.Puzzle.ToString()), PuzzleFiles.Read(path).Select(puzzle => puzzle.ToString()));
        foreach (var (line, trace) in File.ReadLines(path).Zip(traces))
        {
            var json = JsonElement.Parse(line);
            Assert.Equal(trace.Mask, json.GetProperty("mask").EnumerateArray().Select(range => new TextRange(range[0].GetInt32(), range[1].GetInt32())));
            Assert.Equal(trace.Completion, json.GetProperty("search_path").GetString());
            Assert.Equal("thinking", json.GetProperty("style").GetString());
        }
    }

    [Fact]
    public void Options_without_sense_are_refused()
    {
        Bad(new() { MaxTokens = 40 }, "A trace may have 40 tokens");
        Bad(new() { MeanFailures = -1 }, "The mean number of failed attempts is -1");
        Bad(new() { MeanFailures = double.NaN }, "The mean number of failed attempts is NaN");
        Bad(new() { Styles = [] }, "The styles' weights");
        Bad(new() { Styles = [new(TraceStyle.Solution, -1)] }, "The styles' weights");

        static void Bad(CountdownTraceOptions options, string expected) => Fails.With(() => _ = new TraceGenerator(new(), options), expected);
    }

    private static IEnumerable<string> Of(CountdownTrace trace, string label) =>
        trace.Spans.Where(span => span.Label == label).Select(span => trace.Completion[span.From..span.To]);

    private static byte[] Bytes(IEnumerable<CountdownTrace> traces)
    {
        using var stream = new MemoryStream();
        TraceLines.Write(stream, traces);
        return stream.ToArray();
    }

    private static IEnumerable<CountdownTrace> Traces(TraceStyle style, CountdownTraceOptions? options = null, PuzzleOptions? puzzles = null, int count = Many) =>
        new TraceGenerator(puzzles ?? s_puzzles, (options ?? new()) with { Styles = [new(style, 1)] }).Traces(count);
}
