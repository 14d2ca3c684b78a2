using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Extraction;
using NativeSteer.Judges;
using Xunit;

namespace NativeSteer.Tests.Judges;

public sealed class BracketedAnnotationTests
{
    [Theory]
    [InlineData("[\"deduction\"] So 3. [\"end-section\"] [\"backtracking\"]Wait.[\"end-section\"]", "deduction:So 3.|backtracking:Wait.")]
    [InlineData("Here you are:\n```\n[ \"Deduction\" ]\nSo 3.\n[\"end_section\"]\n```\nDone.", "deduction:So 3.")]
    [InlineData("[\"deduction\"] So 3. [\"backtracking\"] Wait. [\"end-section\"]", "deduction:So 3.|backtracking:Wait.")] // an end is missing
    [InlineData("[\"deduction\"] So 3. [\"end-section\"] [\"backtracking\"] Wa", "deduction:So 3.|backtracking:Wa")]
    [InlineData("[\"adding knowledge\"] A. [\"end-section\"][\"Uncertainty_Estimation\"] B. [\"end section\"]", "adding-knowledge:A.|uncertainty-estimation:B.")]
    [InlineData("[“deduction”] A. [“end-section”]['backtracking'] B. ['end-section']", "deduction:A.|backtracking:B.")]
    [InlineData("[deduction] A. [end-section] [backtracking] B. [end-section]", "deduction:A.|backtracking:B.")]
    [InlineData("[\"deduction\", \"backtracking\"] A. [\"end-section\"]", "deduction+backtracking:A.")]
    [InlineData("[\"deduction\"] [\"backtracking\"] A. [\"end-section\"]", "deduction+backtracking:A.")]
    [InlineData("[\"deduction\"] x = [\"a\"][0], [other] [\"end-section\"]", "deduction:x = [\"a\"][0], [other]")] // the trace's own brackets
    [InlineData("[\"deduction\"]  [\"end-section\"]", "")]
    [InlineData("[\"end-section\"] lost", "")]
    [InlineData("I cannot help with that.", "")]
    [InlineData("", "")]
    public void What_judges_write_is_read(string answer, string expected)
    {
        var annotation = BracketedAnnotation.Parse(answer);
        Assert.Equal(
            expected.Split('|', StringSplitOptions.RemoveEmptyEntries), annotation.Segments.Select(segment => $"{string.Join('+', segment.Labels)}:{segment.Text}"));
        Assert.Empty(annotation.UnknownLabels);
    }

    [Fact]
    public void Labels_that_nobody_asked_for_are_counted_and_their_segments_have_none()
    {
        var annotation = BracketedAnnotation.Parse("[\"musing\"] A. [\"end-section\"] [\"deduction\", \"joy\"] B. [\"end-section\"] [\"musing\"] C. [\"end-section\"]");
        Assert.Equal(["musing", "joy", "musing"], annotation.UnknownLabels);
        Assert.Equal([0, 1, 0], annotation.Segments.Select(segment => segment.Labels.Count));
        Assert.Equal([new("deduction", 3, 5)], annotation.PlaceIn("A. B. C.").Spans);
        Assert.Equal([new AnnotatedSegment(["joy"], "B.").Text], BracketedAnnotation.Parse("[\"joy\"] B. [\"end-section\"]", ["joy"]).Segments.Select(segment => segment.Text));
    }

    [Fact]
    public void Spans_are_written_in_order_and_read_again()
    {
        var trace = new LabelledTrace("😀 So 3.\nWait. Rest.", [new("backtracking", 8, 13), new("deduction", 0, 7), new("initializing", 0, 7)]);
        var written = BracketedAnnotation.Write(trace);
        Assert.Equal("[\"deduction\", \"initializing\"] 😀 So 3. [\"end-section\"]\n[\"backtracking\"] Wait. [\"end-section\"]", written);
        Assert.Equal(trace.Spans.OrderBy(span => span.From).ThenBy(span => span.Label), BracketedAnnotation.Parse(written).PlaceIn(trace.Text).Spans);
    }

    [Fact]
    public void Whatever_the_text_a_judges_own_file_gives_the_same_spans_again() =>
        Prop.ForAll(JudgeTexts.Any, Gen.Elements<string>([.. Behaviours.All]).ListOf(50).ToArbitrary(), (text, labels) =>
        {
            text = text.Replace("\ud800", "", StringComparison.Ordinal);
            var i = 0;
            var trace = Annotation.OfSentences(new LabelledTrace(text, []), _ => labels[i++ % labels.Count]).Trace;
            var (spans, notFound, otherWhiteSpace) = BracketedAnnotation.Parse(BracketedAnnotation.Write(trace)).PlaceIn(text);
            Assert.Equal(trace.Spans, spans);
            Assert.Empty(notFound);
            Assert.Equal(0, otherWhiteSpace);
        }).QuickCheckThrowOnFailure();
}
