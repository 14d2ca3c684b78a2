using NativeSteer.Extraction;
using NativeSteer.Tests.Files;
using Xunit;

namespace NativeSteer.Tests.Extraction;

public sealed class LabelledTracesTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Both_forms_of_spans_and_all_optional_fields_are_read()
    {
        var traces = Read(
            """{"text": "abcdef", "spans": [{"label": "x", "from": 0, "to": 6}, {"label": "x", "from": 2, "to": 3}]}""",
            """{"text": "abc", "label": "y", "span": [1, 3], "prompt": "before"}""",
            """{"tokens": [5, 6, 7], "unit": "tokens", "spans": [{"label": "z", "from": 1, "to": 3}]}""",
            """{"text": "no spans"}""");
        Assert.Equal([new("x", 0, 6), new("x", 2, 3)], traces[0].Spans);
        Assert.Equal([new("y", 1, 3)], traces[1].Spans);
        Assert.Equal("before", traces[1].Prompt);
        Assert.Equal(SpanUnit.Tokens, traces[2].Unit);
        Assert.Equal([5, 6, 7], traces[2].Tokens!);
        Assert.Empty(traces[3].Spans);
        Assert.EndsWith("t.jsonl:4", traces[3].Place, StringComparison.Ordinal);
    }

    [Fact]
    public void Positions_are_code_points_beyond_the_basic_plane_too() =>
        Assert.Equal(new TraceSpan("x", 0, 3), Read("""{"text": "😀a𝔘", "label": "x", "span": [0, 3]}""")[0].Spans[0]);

    [Theory]
    [InlineData("""{"text": "abc", "label": "x", "span": [1, 4]}""", "ends after the text, which has 3 code points")]
    [InlineData("""{"text": "😀", "label": "x", "span": [0, 2]}""", "which has 1 code points")]
    [InlineData("""{"text": "abc", "label": "x", "span": [2, 2]}""", "is empty")]
    [InlineData("""{"text": "abc", "label": "x", "span": [2, 1]}""", "is empty")]
    [InlineData("""{"text": "abc", "label": "x", "span": [-1, 1]}""", "starts before the text")]
    [InlineData("""{"text": "abc", "label": "", "span": [0, 1]}""", "empty label")]
    [InlineData("""{"text": "abc", "label": "x"}""", "needs both")]
    [InlineData("""{"text": "abc", "label": "x", "span": [1]}""", "needs both")]
    [InlineData("""{"text": "abc", "spans": {"label": "x"}}""", "should be an array")]
    [InlineData("""{"text": "abc", "spans": [{"label": "x", "from": 0}]}""", "span 1 should be an object")]
    [InlineData("""{"text": "abc", "spans": [{"label": "x", "from": 0.5, "to": 1}]}""", "span 1 should be an object")]
    [InlineData("""{"text": "abc", "spans": [7]}""", "span 1 should be an object")]
    [InlineData("""{"text": "abc", "spans": [{"label": "\ud800", "from": 0, "to": 1}]}""", "unpaired surrogate")]
    [InlineData("""{"spans": []}""", "\"text\" is missing")]
    [InlineData("""{"text": "abc", "unit": "words"}""", "should be \"chars\" or \"tokens\"")]
    [InlineData("""{"text": "abc", "unit": "tokens"}""", "\"tokens\" is needed")]
    [InlineData("""{"text": "abc", "tokens": [1], "unit": "tokens", "label": "x", "span": [0, 2]}""", "which has 1 tokens")]
    [InlineData("[1]", "expected a JSON object")]
    public void A_malformed_line_is_named_with_file_and_number(string line, string problem) =>
        Fails.With(() => Read("""{"text": "good"}""", line), "t.jsonl:2: ", problem);

    [Theory]
    [InlineData("-13:-8", -13, -8)]
    [InlineData("-5", -5, -5)]
    [InlineData("0:3", 0, 3)]
    [InlineData(" -2 : 0 ", -2, 0)]
    public void Offsets_are_inclusive_on_both_ends(string text, int first, int last)
    {
        var offsets = OffsetRange.Parse(text);
        Assert.Equal((first, last, last - first + 1, false), (offsets.First, offsets.Last, offsets.Count, offsets.IsSpan));
        Assert.Equal(offsets, OffsetRange.Parse(offsets.ToString()));
    }

    [Theory]
    [InlineData("-8:-13", "reversed")]
    [InlineData("-9999", "too far")]
    [InlineData("1:2:3", "no range of offsets")]
    [InlineData("x", "no range of offsets")]
    [InlineData("", "no range of offsets")]
    public void Bad_offsets_are_refused(string text, string problem) => Fails.With(() => OffsetRange.Parse(text), problem);

    [Fact]
    public void Span_and_baselines_read_what_they_write()
    {
        Assert.True(OffsetRange.Parse("span").IsSpan);
        Assert.Equal("span", OffsetRange.Span.ToString());
        foreach (var text in new[] { "all", "other", "tokens", "deduction", "label:all" }) Assert.Equal(text, Against.Parse(text).ToString());
        Assert.Equal((AgainstKind.Label, "tokens"), (Against.Parse("label:tokens").Kind, Against.Parse("label:tokens").Name));
        Fails.With(() => Against.Parse(""), "empty baseline");
    }

    private LabelledTrace[] Read(params string[] lines) => [.. LabelledTraces.Read(_folder.Write("t.jsonl", string.Join('\n', lines)))];
}
