using System.Text.Json;
using NativeSteer.Extraction;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Judges;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Cli;

public sealed class AnnotateTests : IDisposable
{
    private const string Traces = """
        {"id": "a", "prompt": "p", "text": "Add 3. Wait, no.\n3 + 4 = 7"}
        {"id": "b", "text": "Hmm. So."}
        """;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Keywords_label_traces_on_stdout_as_in_a_file()
    {
        var file = _folder.Write("t.jsonl", Traces);
        var printed = Run("annotate", "-f", file);
        Assert.Equal("nativesteer: 2 of 2 traces labelled by keyword, 100.0 % of their 5 sentences\n", printed.Error);
        var written = Run("annotate", "-f", file, "-o", _folder["o.jsonl"]);
        Assert.Equal(File.ReadAllText(_folder["o.jsonl"]), printed.Out);
        Golden.Check("annotate", written.Out);
        var line = JsonElement.Parse(printed.Out.Split('\n')[0]);
        Assert.Equal("[\"other\"] Add 3. [\"end-section\"]\n[\"backtracking\"] Wait, no. [\"end-section\"]\n[\"other\"] 3 + 4 = 7 [\"end-section\"]", line.GetProperty("annotation").GetString());
        Assert.Equal([new("backtracking", 0, 4), new("other", 5, 8)], LabelledTraces.Read(_folder["o.jsonl"]).Last().Spans);
        var summary = JsonElement.Parse(Run("annotate", "-f", file, "-o", _folder["o.jsonl"], "--json").Out);
        Assert.Equal(2, summary.GetProperty("spans").GetProperty("backtracking").GetInt32());
    }

    [Fact]
    public void A_judge_that_cannot_be_reached_leaves_the_file_as_it_was()
    {
        var file = _folder.Write("t.jsonl", Traces);
        var kept = _folder.Write("kept.jsonl", "what was there\n");
        var result = CliRun.Run("annotate", "-f", file, "--judge-model", "m", "--base-url", "http://127.0.0.1:9/v1", "--retries", "0", "-o", kept);
        Assert.Equal(1, result.Code);
        Assert.Contains("cannot be reached", result.Error, StringComparison.Ordinal);
        Assert.Equal("what was there\n", File.ReadAllText(kept));
    }

    [Fact]
    public void What_generate_and_countdown_write_is_annotated_and_extracted_from()
    {
        Run("generate", "-m", TinyModel.Path, "-p", "the", "--samples", "3", "-n", "20", "-t", "1", "-o", _folder["run.jsonl"]);
        var ids = LabelledTracesOf("run.jsonl");
        Assert.Equal(["1/1", "1/2", "1/3"], ids.Order(StringComparer.Ordinal));
        Run("countdown", "generate", "-n", "40", "--style", "thinking", "-o", _folder["c.jsonl"]);
        Run("annotate", "-f", _folder["c.jsonl"], "-o", _folder["a.jsonl"]);
        Run("vector", "extract", "-m", TinyCountdown.File, "--traces", _folder["a.jsonl"], "--label", "backtracking", "--offsets", "-3:-1", "-t", "1", "-o", _folder["v.gguf"]);

        // The generator's own labels are the truth: it says wait or hmm exactly where it backtracks.
        var table = JsonElement.Parse(Run("annotate", "agreement", _folder["a.jsonl"], _folder["c.jsonl"], "--label", "backtracking", "--json").Out);
        Assert.Equal(40, table.GetProperty("traces").GetInt32());
        Assert.InRange(table.GetProperty("labels")[0].GetProperty("f1").GetDouble(), 0.9, 1);
    }

    [Fact]
    public void Agreement_is_a_table()
    {
        Run("annotate", "-f", _folder.Write("t.jsonl", Traces), "-o", _folder["a.jsonl"]);
        Run("annotate", "-f", _folder["t.jsonl"], "--words", "so,wait", "-o", _folder["b.jsonl"]);
        Golden.Check("annotate-agreement", Run("annotate", "agreement", _folder["a.jsonl"], _folder["b.jsonl"]).Out);
        Assert.Contains("no trace in common", CliRun.Fails(1, "annotate", "agreement", _folder["a.jsonl"], _folder.Write("x.jsonl", "{\"text\": \"x\"}")), StringComparison.Ordinal);
    }

    [Fact]
    public void No_event_is_an_error_with_the_words_and_two_traces()
    {
        var error = CliRun.Fails(1, "annotate", "-f", _folder.Write("t.jsonl", Traces), "--words", "zebra", "-o", _folder["o.jsonl"]);
        Assert.Contains("the words zebra", error, StringComparison.Ordinal);
        Assert.Contains("\"Add 3. Wait, no.\\u000a3 + 4 = 7\"", error, StringComparison.Ordinal);
        Assert.Contains("\"Hmm. So.\"", error, StringComparison.Ordinal);
    }

    [Fact]
    public void An_endpoint_judges_with_its_cost_before_and_after_and_goes_on_later()
    {
        var works = false;
        using var endpoint = new FakeEndpoint((text, _) => works || text.StartsWith("Add", StringComparison.Ordinal) ? FakeEndpoint.Good(text) : Reply.Completion("", refusal: "No."));
        var file = _folder.Write("t.jsonl", Traces);
        string[] args = ["annotate", "-f", file, "--judge-model", "m", "--base-url", endpoint.Url.ToString(), "--price", "1000,2000", "-o", _folder["o.jsonl"]];
        var first = Run(args);
        Assert.Matches(@"^nativesteer: m: 2 requests, about \d+ tokens in and \d+ out, a price of \d+\.\d{2}", first.Error);
        Assert.Contains("t.jsonl:2: unlabelled: the judge refused: No.", first.Error, StringComparison.Ordinal);
        Assert.Contains("m: 1 answers, 100 tokens in and 10 out, a price of 0.12", first.Error, StringComparison.Ordinal);
        Assert.Contains("1 of 2 traces labelled by m", first.Out, StringComparison.Ordinal);
        Assert.Contains("Unlabelled: the judge refused: No. (1)", first.Out, StringComparison.Ordinal);
        Assert.Single(File.ReadLines(_folder["o.jsonl"]));
        works = true;
        Assert.Contains("o.jsonl has 1 of 2 traces", Run([.. args, "--resume"]).Error, StringComparison.Ordinal);
        Assert.Equal(["a", "b"], LabelledTraces.Read(_folder["o.jsonl"]).Select(trace => trace.Id));
        Assert.Contains("m: 2 answers are known, 0 requests", Run(args).Error, StringComparison.Ordinal);
        Assert.Equal(3, endpoint.Requests.Count);
        Assert.Contains("the judge was 'm'", CliRun.Fails(1, "annotate", "-f", file, "-o", _folder["o.jsonl"], "--resume"), StringComparison.Ordinal);
    }

    [Fact]
    public void An_endpoint_that_labels_nothing_is_an_error()
    {
        using var endpoint = new FakeEndpoint((_, _) => Reply.Completion("Nonsense."));
        var result = CliRun.Run("annotate", "-f", _folder.Write("t.jsonl", Traces), "--judge-model", "m", "--base-url", endpoint.Url.ToString(), "-o", _folder["o.jsonl"]);
        Assert.Equal(1, result.Code);
        Assert.Contains("None of 2 traces could be labelled", result.Error, StringComparison.Ordinal);
        Assert.Contains("Unlabelled: the annotation has no segments (2)", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gguf_judges()
    {
        Run("annotate", "-f", _folder.Write("t.jsonl", Traces), "--judge-gguf", TinyModel.Path, "-np", "2", "-t", "1", "-o", _folder["o.jsonl"]);
        Assert.Equal([3, 2], LabelledTraces.Read(_folder["o.jsonl"]).OrderBy(trace => trace.Id, StringComparer.Ordinal).Select(trace => trace.Spans.Count));
    }

    [Fact]
    public void Annotations_that_exist_become_spans()
    {
        Run("annotate", "-f", _folder.Write("t.jsonl", Traces), "-o", _folder["a.jsonl"]);
        Run("annotate", "-f", _folder["a.jsonl"], "--from-annotations", "-o", _folder["b.jsonl"]);
        Assert.Equal(LabelledTraces.Read(_folder["a.jsonl"]).Select(trace => trace.Spans), LabelledTraces.Read(_folder["b.jsonl"]).Select(trace => trace.Spans));
    }

    [Theory]
    [InlineData(2, "-f FILE is missing")]
    [InlineData(2, "--resume needs the file", "-f", "?", "--resume")]
    [InlineData(2, "--json prints the summary of a file", "-f", "?", "--json")]
    [InlineData(2, "-o is the file of -f", "-f", "?", "-o", "?")]
    [InlineData(2, "--words and --judge-model name two judges", "-f", "?", "--words", "a", "--judge-model", "m")]
    [InlineData(2, "--base-url has no meaning without --judge-model", "-f", "?", "--base-url", "http://x")]
    [InlineData(2, "-np has no meaning without --judge-gguf", "-f", "?", "-np", "4")]
    [InlineData(2, "give -o, or --cache", "-f", "?", "--judge-model", "m")]
    [InlineData(2, "--base-url is 'x'", "-f", "?", "--judge-model", "m", "-o", "o", "--base-url", "x")]
    [InlineData(2, "--price is '1'", "-f", "?", "--judge-model", "m", "-o", "o", "--price", "1")]
    [InlineData(2, "--temp is 'hot'", "-f", "?", "--judge-model", "m", "-o", "o", "--temp", "hot", "--base-url", "http://localhost:1")]
    [InlineData(1, "NATIVESTEER_NO_SUCH_KEY holds no key", "-f", "?", "--judge-model", "m", "-o", "o", "--key-env", "NATIVESTEER_NO_SUCH_KEY")]
    [InlineData(1, "is no word that could be counted", "-f", "?", "--words", "go back")]
    [InlineData(1, "nowhere.jsonl does not exist", "-f", "nowhere.jsonl")]
    [InlineData(1, "its folder does not exist", "-f", "?", "-o", "nowhere/o.jsonl")]
    [InlineData(1, "nowhere.gguf", "-f", "?", "--judge-gguf", "nowhere.gguf")]
    public void What_cannot_be_done_is_said_in_one_line(int code, string expected, params string[] args)
    {
        var file = _folder.Write("t.jsonl", Traces);
        Assert.Contains(expected, CliRun.Fails(code, ["annotate", .. args.Select(arg => arg is "?" ? file : arg is "o" ? _folder["o"] : arg)]), StringComparison.Ordinal);
    }

    // Random text says neither word, so the error of no events is part of it; the file is there all the same.
    private string[] LabelledTracesOf(string file)
    {
        CliRun.Run("annotate", "-f", _folder[file], "--words", "zebra", "-o", _folder["random.jsonl"]);
        return [.. LabelledTraces.Read(_folder["random.jsonl"]).Select(trace => trace.Id)];
    }

    private static CliResult Run(params string[] args)
    {
        var result = CliRun.Run(args);
        Assert.True(result.Code == 0, result.Error);
        return result;
    }
}
