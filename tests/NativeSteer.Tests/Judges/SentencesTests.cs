using System.Text;
using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Extraction;
using NativeSteer.Judges;
using NativeSteer.Tests.Files;
using Xunit;

namespace NativeSteer.Tests.Judges;

public sealed class SentencesTests
{
    [Theory]
    [InlineData("One. Two! Three? Four", "One.|Two!|Three?|Four")]
    [InlineData("2 * 3 = 6\n6 + 1.5 = 7.5\r\n\n  Done.", "2 * 3 = 6|6 + 1.5 = 7.5|Done.")]
    [InlineData("Hmm... so it is. Wait… No.", "Hmm... so it is.|Wait…|No.")]
    [InlineData("\"Is it?\" Yes (really.) Then", "\"Is it?\"|Yes (really.)|Then")]
    [InlineData("1. Take two.\n 12. Add, e.g. five, i.e. 5. Stop", "1. Take two.|12. Add, e.g. five, i.e. 5.|Stop")]
    [InlineData("The answer is 5. Then 6.", "The answer is 5.|Then 6.")]
    [InlineData("等等。不对！再试一次", "等等。|不对！|再试一次")]
    [InlineData("<think>\nWait, no.\n</think>", "<think>|Wait, no.|</think>")]
    [InlineData(" \n\t", "")]
    [InlineData("?!?", "?!?")]
    public void A_text_is_cut_where_sentences_end(string text, string expected) =>
        Assert.Equal(expected.Split('|', StringSplitOptions.RemoveEmptyEntries), Sentences.Split(text).Select(sentence => sentence.Text));

    [Fact]
    public void Positions_count_code_points() =>
        Assert.Equal([new("😀 a.", 0, 4), new("𝔘b", 5, 7)], Sentences.Split("😀 a. 𝔘b"));

    [Fact]
    public void Together_they_hold_everything_but_white_space() =>
        Prop.ForAll(JudgeTexts.Any, text =>
        {
            var runes = text.EnumerateRunes().ToList();
            var covered = new int[runes.Count];
            foreach (var (sentence, from, to) in Sentences.Split(text))
            {
                Assert.True(from < to);
                // Half a surrogate pair is enumerated as a replacement character.
                Assert.Equal(string.Concat(sentence.EnumerateRunes()), string.Concat(runes[from..to]));
                for (var i = from; i < to; i++) covered[i]++;
            }
            for (var i = 0; i < runes.Count; i++) Assert.True(covered[i] == 1 || (covered[i] == 0 && Rune.IsWhiteSpace(runes[i])));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_keyword_judge_labels_every_sentence()
    {
        var trace = new LabelledTrace("Try 5. Wait, no.\n5 + 5 = 10", [new TraceSpan("old", 0, 3)]) { Id = "a", Tokens = [1, 2], Unit = SpanUnit.Tokens };
        var judged = Assert.Single(new KeywordJudge().Annotate([trace]));
        Assert.Equal([new("other", 0, 6), new("backtracking", 7, 16), new("other", 17, 27)], judged.Trace.Spans);
        Assert.Equal((SpanUnit.CodePoints, "a"), (judged.Trace.Unit, judged.Trace.Id));
        Assert.Equal([1, 2], judged.Trace.Tokens!);
        Assert.Equal(2, new KeywordJudge(KeywordSet.Parse("try,no")).Annotate([trace]).Single().Trace.Spans.Count(span => span.Label is "backtracking"));
        Assert.Equal("it has no text", new KeywordJudge().Annotate([new LabelledTrace(" ", [])]).Single().Failure);
    }

    [Fact]
    public void Where_nothing_is_found_the_error_shows_what_was_looked_for_and_two_traces()
    {
        var (judge, report) = (new KeywordJudge(), new AnnotationReport());
        LabelledTrace[] traces = [new("So it is.\nDone.", []) { Place = "t:1" }, new("Two.", []) { Place = "t:2" }, new("Three.", []) { Place = "t:3" }];
        foreach (var annotation in judge.Annotate(traces)) report.Add(annotation);
        var error = Fails.With(
            () => report.RequireLabel("backtracking", $"the {judge.Settings}"), "any of 3 traces", "the words wait,hmm", "\"So it is.\\u000aDone.\" (t:1)", "\"Two.\" (t:2)");
        Assert.DoesNotContain("Three", error.Message, StringComparison.Ordinal);
        report.RequireLabel("other", "");
        Assert.Equal((3, 4, 4, 0), (report.Traces, report.Sentences, report.LabelledSentences, report.Unlabelled));
    }
}

/// <summary>Texts as judges see them, with all that makes positions and sentences difficult.</summary>
internal static class JudgeTexts
{
    private static readonly string[] s_fragments =
        ["Wait", "hmm", "so", "3 + 4 = 7", "é", "😀", "𝔘", "\ud800", ".", "...", "?", "。", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\"", ")", "e.g.", "1.", "[", "]", "[\"x\"]"];

    internal static Arbitrary<string> Any { get; } = Arb.From(Gen.Elements(s_fragments).ListOf().Select(string.Concat));
}
