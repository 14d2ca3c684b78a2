using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Hooks;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Extraction;

/// <summary>A pass over traces gives what the definition gives, however the traces are cut and packed into batches.</summary>
public sealed class TraceExtractionTests : IDisposable
{
    private const double Tolerance = 2e-5; // relative; the order of F32 sums differs between batches
    private static readonly LanguageModel s_model = Models.Tiny;
    private static readonly LabelledTrace[] s_traces = ExtractionData.Traces(12);

    private readonly TestFolder _folder = new();
    private readonly string _path;

    public TraceExtractionTests() => _path = _folder.Write("traces.jsonl", string.Join('\n', s_traces.Select(ExtractionData.Json)));

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("-13:-8", "all")]
    [InlineData("-3", "other")]
    [InlineData("0:3", "deduction")]
    [InlineData("-2:1", "tokens")]
    [InlineData("span", "all")]
    public void The_vector_is_the_difference_of_the_means_of_plainly_copied_rows(string offsets, string against)
    {
        var range = OffsetRange.Parse(offsets);
        var extracted = Extract(new TraceExtraction("backtracking") { Offsets = range, Against = Against.Parse(against) });
        for (var layer = 0; layer < TinyModel.Layers; layer++)
        {
            var positive = NaiveRows(layer, range, label => label == "backtracking");
            var negative = against switch
            {
                "all" => NaiveRows(layer, range, _ => true),
                "other" => NaiveRows(layer, range, label => label != "backtracking"),
                "tokens" =>
                [
                    .. from trace in Enumerable.Range(0, s_traces.Length)
                       from row in Enumerable.Range(1, s_traces[trace].Tokens!.Count)
                       select ExtractionData.Doubles(Rows(trace).Row(row, layer)),
                ],
                _ => NaiveRows(layer, range, label => label == against),
            };
            var expected = ExtractionData.Mean(positive).Zip(ExtractionData.Mean(negative), (p, n) => p - n).ToArray();
            Assert.InRange(ExtractionData.Distance(extracted.Vector.Direction(layer).Span, expected), 0, Tolerance);
            Assert.Equal(negative.Average(row => Math.Sqrt(row.Sum(x => x * x))), extracted.Vector.ResidualNorm(layer), 1e-4);
            Assert.Equal((positive.Count, negative.Count), extracted.Summary.Rows);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    public void Splitting_at_a_small_batch_loses_no_offset_that_reaches_over_the_cut(int batchLength)
    {
        var options = new TraceExtraction("backtracking") { Offsets = OffsetRange.Window(-13, 2), Context = ExtractionData.Exact };
        var whole = Extract(options);
        var split = Extract(options with { Context = ExtractionData.Exact with { BatchLength = batchLength } });
        Assert.Equal(whole.Summary.Rows, split.Summary.Rows);
        Same(whole.Vector, split.Vector);
    }

    [Fact]
    public void Parts_of_the_data_merge_into_the_whole()
    {
        var options = new TraceExtraction("backtracking") { Offsets = OffsetRange.Window(-4, 0), Context = ExtractionData.Exact };
        var whole = VectorExtraction.SumTraces(s_model, _path, options).Sums;
        var parts = s_traces.Chunk(6).Select((part, i) =>
        {
            var path = _folder.Write($"part{i}.jsonl", string.Join('\n', part.Select(ExtractionData.Json)));
            return VectorExtraction.SumTraces(s_model, path, options).Sums;
        }).ToArray();
        parts[0].Merge(parts[1]);
        Same(DifferenceOfMeans.Of(whole, "backtracking"), DifferenceOfMeans.Of(parts[0], "backtracking"));
    }

    [Fact]
    public void Each_offset_has_a_vector_of_its_own_and_one_layer_alone_equals_it_among_all()
    {
        var options = new TraceExtraction("backtracking") { Offsets = OffsetRange.Window(-4, 1), Context = ExtractionData.Exact };
        var perOffset = DifferenceOfMeans.PerOffset(VectorExtraction.SumTraces(s_model, _path, options).Sums, "backtracking");
        Assert.Equal([-4, -3, -2, -1, 0, 1], perOffset.Keys.Order());
        var alone = Extract(options with { Offsets = OffsetRange.Parse("-3"), Layers = [1] }).Vector;
        Assert.Equal([1], alone.Layers);
        Same(perOffset[-3].OnLayers([1]), alone);
        Assert.True(float.IsNaN(alone.ResidualNorm(0)));
        Assert.Equal("-3", perOffset[-3].Provenance[Provenance.Offsets]);
    }

    [Fact]
    public void Provenance_says_what_was_run_on_what()
    {
        var vector = Extract(new TraceExtraction("deduction") { Offsets = OffsetRange.Window(-2, -1) }).Vector;
        Assert.Equal("tiny.gguf", vector.Provenance[Provenance.Model]);
        Assert.Matches("^sampled-sha256:[0-9a-f]{64}$", vector.Provenance[Provenance.ModelHash]);
        Assert.Matches("^sha256:[0-9a-f]{64}$", vector.Provenance[Provenance.DataHash]);
        Assert.Equal("mean_difference", vector.Provenance[Provenance.Method]);
        Assert.Equal("deduction", vector.Provenance[Provenance.Label]);
        Assert.Equal("all", vector.Provenance["against"]);
        Assert.Equal("-2:-1", vector.Provenance[Provenance.Offsets]);
        Assert.Matches("^positive=[1-9][0-9]* negative=[1-9][0-9]*$", vector.Provenance[Provenance.Counts]);
        Assert.Matches("^NativeSteer [0-9]", vector.Provenance[Provenance.Tool]);
        Assert.Matches("^20[0-9-]{8}T[0-9:]{8}Z$", vector.Provenance[Provenance.Created]);
    }

    [Fact]
    public void Rows_outside_the_trace_are_left_out_and_a_row_two_spans_reach_counts_twice()
    {
        var trace = new TokenizedTrace([1, 5, 6, 7], 1, 1, [("x", 2, 3), ("x", 2, 4), ("y", 1, 2)]);
        var groups = new CaptureGroups(["y", "x"], OffsetRange.Window(-2, 2), allTokens: true);
        var (text, skipped) = groups.Label(trace);
        // x starts at row 2: of rows 0 to 4, row 0 is the begin token and row 4 is past the end; y starts at 1: rows -1 and 0.
        Assert.Equal(2 + 2 + 2, skipped);
        Assert.Equal(2, text.Labels.Count(label => label == new RowGroup(1, groups.Of("x", -1))));
        Assert.Equal([1, 2, 3], text.Labels.Where(label => label.Group == groups.AllTokens).Select(label => label.Row));
        Assert.Equal(text.Labels.OrderBy(label => label.Row), text.Labels);
    }

    [Fact]
    public void What_the_data_cannot_give_is_refused_before_anything_is_run()
    {
        Fails.With(() => Extract(new TraceExtraction("example")), "No span is labelled \"example\"", "backtracking, deduction, initializing");
        Fails.With(() => Extract(new TraceExtraction("deduction") { Against = Against.Label("example") }), "No span is labelled \"example\"");
        Fails.With(() => Extract(new TraceExtraction("deduction") { Against = Against.Label("deduction") }), "on both sides");
        Fails.With(() => Extract(new TraceExtraction("deduction") { Layers = [0, 40] }), "Layer 40 was asked for, the model has 4 (0-3)");
        Fails.With(() => Extract(new TraceExtraction("deduction") { Layers = [] }), "No layer");
        Fails.With(() => Extract(new TraceExtraction("deduction") { Context = new() { ContextLength = 20 } }), "traces.jsonl:", "the context holds 20");
        Fails.With(() => Extract(new TraceExtraction("x"), """{"text": "so wait", "label": "x", "span": [0, 2]}"""), "only label", "--against tokens");
        Fails.With(() => Extract(new TraceExtraction("x"), """{"text": "so wait"}"""), "the data has no labels");
        Fails.With(() => Extract(new TraceExtraction("x"), ""), "holds no lines");
        Fails.With(() => Extract(new TraceExtraction("x"), """{"text": "é"}""", """{"text": "é", "label": "x", "span": [0, 2]}"""), ".jsonl:2", "ends after the text");
        Fails.With(
            () => Extract(
                new TraceExtraction("x"),
                """{"text": "so wait hmm the a e o", "spans": [{"label": "x", "from": 0, "to": 2}, {"label": "y", "from": 3, "to": 7}]}"""),
            "The offsets -13:-8 reach no row for label \"x\"", "x 0, y 0");
        Fails.With(
            () => Extract(
                new TraceExtraction("x") { Offsets = OffsetRange.Window(0, 0), Against = Against.Label("y") },
                """{"text": "so wait", "spans": [{"label": "x", "from": 3, "to": 7}, {"label": "y", "from": 3, "to": 7}]}"""),
            "the same mean at every layer");
    }

    [Fact]
    public void Text_spans_with_a_prompt_run_end_to_end()
    {
        var extracted = Extract(
            new TraceExtraction("x") { Offsets = OffsetRange.Window(-2, 0) },
            """{"prompt": "😀 the\n", "text": "so é 日. wait, hmm the a", "spans": [{"label": "x", "from": 8, "to": 12}, {"label": "y", "from": 0, "to": 2}]}""");
        Assert.Equal((3, 6), extracted.Summary.Rows);
        Assert.Equal(0, extracted.Summary.SkippedRows);
    }

    private static void Same(SteeringVector expected, SteeringVector actual)
    {
        Assert.Equal(expected.Layers, actual.Layers);
        foreach (var layer in expected.Layers)
        {
            var distance = ExtractionData.Distance(actual.Direction(layer).Span, ExtractionData.Doubles(expected.Direction(layer).Span));
            Assert.InRange(distance, 0, Tolerance);
        }
    }

    private ExtractedVector Extract(TraceExtraction options, params string[] lines)
    {
        if (options.Context == new ContextOptions()) options = options with { Context = ExtractionData.Exact };
        var path = lines.Length == 0 ? _path : _folder.Write("given.jsonl", string.Join('\n', lines));
        return VectorExtraction.FromTraces(s_model, path, options);
    }

    private static readonly Dictionary<int, ActivationRows> s_rows = [];

    private static ActivationRows Rows(int trace)
    {
        if (s_rows.TryGetValue(trace, out var rows)) return rows;
        return s_rows[trace] = ExtractionData.Alone([TinyModel.BeginOfText, .. s_traces[trace].Tokens!]);
    }

    private static List<double[]> NaiveRows(int layer, OffsetRange offsets, Func<string, bool> wanted)
    {
        var rows = new List<double[]>();
        for (var i = 0; i < s_traces.Length; i++)
        {
            foreach (var span in s_traces[i].Spans)
            {
                if (!wanted(span.Label)) continue;
                var start = 1 + span.From;
                var reached = offsets.IsSpan ? Enumerable.Range(start, span.To - span.From) : Enumerable.Range(start + offsets.First, offsets.Count);
                foreach (var row in reached)
                {
                    if (row >= 1 && row <= s_traces[i].Tokens!.Count) rows.Add(ExtractionData.Doubles(Rows(i).Row(row, layer)));
                }
            }
        }
        return rows;
    }
}
