using NativeSteer.Countdown;
using NativeSteer.Extraction;
using NativeSteer.Judges;
using Xunit;

namespace NativeSteer.Tests.Countdown;

public sealed class CountdownJudgeTests
{
    /// <summary>What writes the traces knows what it meant: the judge finds the same from the text alone.</summary>
    [Fact]
    public void It_labels_generated_traces_as_they_were_meant()
    {
        var generator = new TraceGenerator(new PuzzleOptions { Seed = 5 }, new CountdownTraceOptions { Styles = [new(TraceStyle.Thinking, 1), new(TraceStyle.Attempts, 1), new(TraceStyle.Solution, 1)] });
        foreach (var trace in generator.Traces(300))
        {
            var judged = Assert.Single(new CountdownJudge().Annotate([new LabelledTrace(trace.Completion, [])]));
            Assert.Null(judged.Failure);
            Assert.Equal(trace.Spans.Select(span => (span.Label, Text(trace.Completion, span))), judged.Trace.Spans.Select(span => (span.Label, Text(trace.Completion, span))));
        }
    }

    [Fact]
    public void A_sentence_with_a_keyword_is_backtracking_whatever_else_it_says()
    {
        var judged = Assert.Single(new CountdownJudge(new KeywordSet("alas")).Annotate([new LabelledTrace("Alas, let me see.\nWait, start again.\n1+2=3\nGoal Reached!", [])]));
        Assert.Equal([Behaviours.Backtracking, Behaviours.Other, Behaviours.Deduction], judged.Trace.Spans.Select(span => span.Label));
    }

    [Fact]
    public void A_trace_without_text_is_not_judged() =>
        Assert.NotNull(Assert.Single(new CountdownJudge().Annotate([new LabelledTrace(" \n", [])])).Failure);

    // Sentences begin with their space in tokens, not in the text; lines end with theirs.
    private static string Text(string text, TraceSpan span) => text[span.From..span.To].Trim();
}
