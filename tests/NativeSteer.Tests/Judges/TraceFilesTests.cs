using NativeSteer.Judges;
using NativeSteer.Extraction;
using NativeSteer.Tests.Files;
using Xunit;

namespace NativeSteer.Tests.Judges;

public sealed class TraceFilesTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void All_forms_of_traces_are_read()
    {
        var traces = Read("""
            {"type": "provenance", "command": "generate"}
            {"type": "rollout", "id": "1/2", "prompt": "p", "text": "t.", "tokens": [5, 6], "finish": "length"}
            {"type": "rollout", "id": "1/3", "prompt": "p", "text": "cut", "tokens": [5, 6], "finish": "stop"}
            {"nums": [1, 2], "prompt": "###Q", "completion": "1+2=3", "spans": [{"label": "deduction", "from": 0, "to": 5}]}
            {"task_id": 7, "problem": "what?", "reasoning_chain": "Okay."}
            {"text": "bare"}
            """);
        Assert.Equal(["1/2|p|t.|5,6", "1/3|p|cut|", "4|###Q|1+2=3|", "7|what?|Okay.|", "6||bare|"], traces.Select(Shown));
        Assert.All(traces, trace => Assert.Empty(trace.Spans));
        Assert.EndsWith("t.jsonl:6", traces[^1].Place, StringComparison.Ordinal);
    }

    [Fact]
    public void An_array_of_records_is_read_too() =>
        Assert.Equal(["a|p|x|", "2||y|"], Read("\ufeff \n[\n{\"task_id\": \"a\", \"problem\": \"p\", \"reasoning_chain\": \"x\"},\n{\"text\": \"y\"}]").Select(Shown));

    [Fact]
    public void Annotations_become_spans_of_the_text_or_of_the_joined_segments()
    {
        var annotations = TraceFiles.ReadAnnotations(_folder.Write("a.jsonl", """
            {"text": "So\n3. Wait.", "annotation": "[\"deduction\"] So 3. [\"end-section\"] [\"backtracking\"] Wait. [\"end-section\"]"}
            {"id": "b", "annotated": "[\"deduction\"]A. [\"end-section\"][\"backtracking\"] B.\n[\"end-section\"]"}
            {"id": "c", "text": "Other.", "annotated": "[\"deduction\"] A. [\"end-section\"]"}
            """));
        Assert.Equal([new("deduction", 0, 5), new("backtracking", 6, 11)], annotations[0].Trace.Spans);
        Assert.Equal(1, annotations[0].OtherWhiteSpace);
        Assert.Equal(("A. B.", null), (annotations[1].Trace.Text, annotations[1].Failure));
        Assert.Equal([new("deduction", 0, 2), new("backtracking", 3, 5)], annotations[1].Trace.Spans);
        Assert.Equal("no segment of the annotation is in the text", annotations[2].Failure);
        Assert.Equal(["A."], annotations[2].NotFound);
    }

    [Theory]
    [InlineData("{\"type\": \"provenance\"}", "holds no traces")]
    [InlineData("{\"id\": 1, \"text\": \"a\"}\n{\"id\": \"1\", \"text\": \"b\"}", "t.jsonl:2: the id \"1\" was used before")]
    [InlineData("{\"prompt\": \"a\"}", "t.jsonl:1: the field \"text\" is missing")]
    [InlineData("{\"text\": 5}", "t.jsonl:1: \"text\" should be a string")]
    [InlineData("{\"text\": \"a\", \"tokens\": [0.5]}", "\"tokens[0]\" should be a whole number")]
    [InlineData("[{\"text\": \"a\"},\n5]", "t.jsonl:2: expected a JSON object, found the number 5")]
    [InlineData("[{\"text\": \"a\"},\n", "not valid JSON")]
    [InlineData("[]", "holds no traces")]
    [InlineData("", "holds no lines")]
    public void A_file_that_cannot_be_used_is_refused_with_its_line(string text, string expected) => Fails.With(() => Read(text), expected);

    [Fact]
    public void A_folder_or_a_missing_file_is_refused()
    {
        Fails.With(() => TraceFiles.Read(_folder.Path), "is a directory");
        Fails.With(() => TraceFiles.Read(_folder["no.jsonl"]), "does not exist");
        Fails.With(() => TraceFiles.ReadAnnotations(_folder.Write("t.jsonl", "{\"text\": \"a\"}")), "\"annotation\" is missing");
    }

    [Fact]
    public void A_file_of_annotations_goes_on_after_any_interruption()
    {
        var judge = new KeywordJudge();
        LabelledTrace[] traces = [.. Enumerable.Range(0, 5).Select(i => new LabelledTrace($"Wait {i}. So.", []) { Id = $"{i}", Prompt = "p", Tokens = [i] })];
        var path = _folder["a.jsonl"];
        Write(AnnotationWriter.Create(path, judge), traces);
        var whole = File.ReadAllBytes(path);
        Assert.Equal(traces.Select(trace => (trace.Id, trace.Text, trace.Prompt)), LabelledTraces.Read(path).Select(trace => (trace.Id, trace.Text, trace.Prompt)));
        for (var length = 0; length <= whole.Length; length += 41)
        {
            File.WriteAllBytes(path, whole[..length]);
            Write(AnnotationWriter.Continue(path, judge), traces);
            Assert.Equal(whole, File.ReadAllBytes(path));
        }
        File.Delete(path);
        Write(AnnotationWriter.Continue(path, judge), traces);
        Assert.Equal(whole, File.ReadAllBytes(path));

        void Write(AnnotationWriter writer, LabelledTrace[] all)
        {
            using (writer)
            {
                foreach (var annotation in judge.Annotate(writer.Missing(all))) writer.Write(annotation);
            }
        }
    }

    [Fact]
    public void A_file_of_another_judge_or_other_traces_is_left_alone()
    {
        var path = _folder["a.jsonl"];
        using (var writer = AnnotationWriter.Create(path, new KeywordJudge())) writer.Write(new KeywordJudge().Annotate([new("Wait.", []) { Id = "1" }]).Single());
        var before = File.ReadAllBytes(path);
        Fails.With(() => AnnotationWriter.Continue(path, new KeywordJudge(KeywordSet.Parse("but"))), "'keyword' (words wait,hmm)", "(words but)");
        using (var writer = AnnotationWriter.Continue(path, new KeywordJudge())) Fails.With(() => writer.Missing([new("Other.", []) { Id = "1", Place = "t:1" }]), "t:1: the trace '1' has another text");
        Assert.Equal(before, File.ReadAllBytes(path));
        Fails.With(() => AnnotationWriter.Continue(_folder.Write("b.jsonl", "{\"text\": \"a\"}\n"), new KeywordJudge()), "b.jsonl:1: this is no file of annotated traces");
    }

    private IReadOnlyList<LabelledTrace> Read(string text) => TraceFiles.Read(_folder.Write("t.jsonl", text));

    private static string Shown(LabelledTrace trace) => $"{trace.Id}|{trace.Prompt}|{trace.Text}|{string.Join(',', trace.Tokens ?? [])}";
}
