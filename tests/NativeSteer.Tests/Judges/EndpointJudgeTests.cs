using NativeSteer.Extraction;
using NativeSteer.Judges;
using NativeSteer.Tests.Files;
using Xunit;

namespace NativeSteer.Tests.Judges;

public sealed class EndpointJudgeTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_sentence_gets_the_label_of_the_answer()
    {
        using var endpoint = new FakeEndpoint((text, _) => FakeEndpoint.Good(text));
        using var judge = Judge(endpoint);
        var trace = Trace("a", "Let me see.\n3 + 4 = 7\nWait, 😀 no. So it is.") with { Prompt = "Add numbers." };
        var judged = Assert.Single(judge.Annotate([trace]));
        Assert.Null(judged.Failure);
        Assert.Equal(Sentences.Split(trace.Text).Select((sentence, i) => sentence.Labelled(FakeEndpoint.Label(i))), judged.Trace.Spans);
        var (path, key, body) = Assert.Single(endpoint.Requests);
        Assert.Equal(("/v1/chat/completions", "Bearer secret", "judge-1"), (path, key, body.GetProperty("model").GetString()));
        Assert.Equal(0, body.GetProperty("temperature").GetDouble());
        var asked = body.GetProperty("messages").GetRawText();
        Assert.All(Behaviours.All, label => Assert.Contains($"- {label}: ", asked, StringComparison.Ordinal));
        Assert.Contains("Add numbers.", asked, StringComparison.Ordinal);
        Assert.Equal(new JudgeCost(1, 100, 10, 0), judge.Spent);
    }

    [Fact]
    public void A_busy_and_a_failing_endpoint_are_asked_again()
    {
        using var endpoint = new FakeEndpoint((text, tried) => tried switch
        {
            1 => new Reply(429, "{}") { RetryAfter = "0" },
            2 => new Reply(500, "oops"),
            3 => new Reply(503, "") { RetryAfter = "0.01" },
            _ => FakeEndpoint.Good(text),
        });
        using var judge = Judge(endpoint);
        Assert.Null(Assert.Single(judge.Annotate([Trace("a", "So. Wait.")])).Failure);
        Assert.Equal((4, 3), (endpoint.Requests.Count, judge.Retries));
    }

    [Fact]
    public void What_goes_wrong_with_one_trace_leaves_the_others_labelled()
    {
        using var endpoint = new FakeEndpoint((text, _) => text.Split(' ')[0] switch
        {
            "Hang" => Reply.Completion("late") with { Delay = TimeSpan.FromSeconds(20) },
            "Busy" => new Reply(429, "{}"),
            "Broken" => new Reply(500, "{}"),
            "Bad" => new Reply(400, "{\"error\": {\"message\": \"too long\"}}"),
            "Refuse" => Reply.Completion("", refusal: "I would rather not."),
            "Filter" => Reply.Completion("x", "content_filter"),
            "Long" => Reply.Completion("[\"deduction\"] Long", "length"),
            "Empty" => Reply.Completion("  "),
            "Prose" => Reply.Completion("I cannot see any reasoning here."),
            "Other" => Reply.Completion("[\"deduction\"] Something else entirely. [\"end-section\"]"),
            "Page" => new Reply(200, "<html>welcome</html>"),
            "Shape" => new Reply(200, "{\"answer\": 42}"),
            _ => FakeEndpoint.Good(text),
        });
        using var judge = Judge(endpoint, options => options with { Timeout = TimeSpan.FromSeconds(4), Retries = 1, Concurrency = 16 });
        string[] names = ["Good", "Hang", "Busy", "Broken", "Bad", "Refuse", "Filter", "Long", "Empty", "Prose", "Other", "Page", "Shape", "Fine"];
        var results = judge.Annotate([.. names.Select(name => Trace(name, $"{name} is it. Wait.")), Trace("Blank", " \n")]).ToDictionary(result => result.Trace.Id);
        Assert.Equal(15, results.Count);
        foreach (var (name, reason) in new (string, string?)[]
        {
            ("Good", null), ("Fine", null), ("Hang", "did not answer within 4 s"), ("Busy", "stayed busy (429)"), ("Broken", "status 500"), ("Bad", "status 400"),
            ("Refuse", "refused: I would rather not."), ("Filter", "filtered"), ("Long", "cut off"), ("Empty", "empty"), ("Prose", "no segments"),
            ("Other", "no segment of the annotation is in the text"), ("Page", "no chat completion"), ("Shape", "no chat completion"), ("Blank", "no text"),
        })
        {
            if (reason is null) Assert.Null(results[name].Failure);
            else Assert.Contains(reason, results[name].Failure, StringComparison.Ordinal);
            Assert.Equal(reason is null ? 2 : 0, results[name].Trace.Spans.Count);
        }
        var report = new AnnotationReport();
        foreach (var result in results.Values) report.Add(result);
        Assert.Equal((15, 13), (report.Traces, report.Unlabelled));
        Assert.Equal(13, report.Failures.Values.Sum());
    }

    [Theory]
    [InlineData(401, "does not accept the key (401)")]
    [InlineData(403, "does not accept the key (403)")]
    [InlineData(404, "knows no model 'judge-1'")]
    public void What_would_fail_for_every_trace_ends_the_run_at_once(int status, string expected)
    {
        using var endpoint = new FakeEndpoint((_, _) => new Reply(status, "{}"));
        using var judge = Judge(endpoint, options => options with { Concurrency = 1 });
        Fails.With(() => _ = judge.Annotate([Trace("a", "A."), Trace("b", "B.")]).ToList(), expected);
        Assert.Single(endpoint.Requests);
    }

    [Fact]
    public void An_endpoint_that_is_not_there_ends_the_run()
    {
        using var endpoint = new FakeEndpoint((text, _) => FakeEndpoint.Good(text));
        endpoint.Dispose();
        using var judge = Judge(endpoint, options => options with { Retries = 1 });
        Fails.With(() => _ = judge.Annotate([Trace("a", "A.")]).ToList(), "cannot be reached", "check");
    }

    [Fact]
    public void Answers_are_kept_and_asked_for_once()
    {
        var works = false;
        using var endpoint = new FakeEndpoint((text, _) => works || !text.StartsWith("Bad", StringComparison.Ordinal) ? FakeEndpoint.Good(text) : Reply.Completion("no"));
        LabelledTrace[] traces = [Trace("a", "So. Wait."), Trace("b", "Bad. Wait."), Trace("c", "Hmm.")];
        Assert.Equal((1, 3, 0), Run("judge-1"));
        Assert.Equal((1, 1, 2), Run("judge-1")); // nonsense is asked for again, alone
        works = true;
        Assert.Equal((0, 1, 2), Run("judge-1"));
        Assert.Equal((0, 0, 3), Run("judge-1"));
        Assert.Equal((0, 3, 0), Run("judge-2"));
        File.AppendAllText(_folder["cache.jsonl"], "{\"key\": \"torn");
        Assert.Equal((0, 0, 3), Run("judge-1"));

        (int Failed, int Sent, int Cached) Run(string model)
        {
            var before = endpoint.Requests.Count;
            using var judge = Judge(endpoint, options => options with { Model = model, Cache = _folder["cache.jsonl"] });
            var estimate = judge.Estimate(traces);
            var failed = judge.Annotate(traces).Count(result => result.Failure is not null);
            Assert.Equal(endpoint.Requests.Count - before, estimate.Requests);
            Assert.Equal(judge.Spent.Cached, estimate.Cached);
            return (failed, endpoint.Requests.Count - before, judge.Spent.Cached);
        }
    }

    [Fact]
    public void A_file_that_is_no_cache_is_left_alone()
    {
        var path = _folder.Write("notes.jsonl", "{\"text\": \"mine\"}\n");
        Fails.With(() => new EndpointJudge(new EndpointOptions("m", "k") { Cache = path }).Dispose(), "notes.jsonl:1: this is no cache");
        Assert.Equal("{\"text\": \"mine\"}\n", File.ReadAllText(path));
    }

    [Fact]
    public void A_long_trace_is_cut_between_sentences_and_put_together_again()
    {
        using var endpoint = new FakeEndpoint((text, _) => Reply.Completion(string.Concat(
            Sentences.Split(text).Select(sentence => $"[\"{(sentence.Text.Contains('7', StringComparison.Ordinal) ? "backtracking" : "deduction")}\"] {sentence.Text}[\"end-section\"]"))));
        var text = string.Join("\n", Enumerable.Range(0, 40).Select(i => $"😀 Sentence {i}.  And it is {i % 10} here."));
        var (whole, cut) = (Spans(int.MaxValue), Spans(100));
        Assert.Equal(80, whole.Count);
        Assert.Equal(whole, cut);
        Assert.InRange(endpoint.Requests.Count, 15, 41);

        IReadOnlyList<TraceSpan> Spans(int length)
        {
            using var judge = Judge(endpoint, options => options with { ChunkLength = length });
            return Assert.Single(judge.Annotate([Trace("a", text)])).Trace.Spans;
        }
    }

    [Fact]
    public void Requests_run_side_by_side_up_to_the_limit()
    {
        using var endpoint = new FakeEndpoint((text, _) => FakeEndpoint.Good(text) with { Delay = TimeSpan.FromMilliseconds(100) });
        using var judge = Judge(endpoint, options => options with { Concurrency = 3 });
        Assert.Equal(12, judge.Annotate([.. Enumerable.Range(0, 12).Select(i => Trace($"{i}", $"So {i}."))]).Count());
        Assert.Equal(3, endpoint.MostAtOnce);
    }

    [Fact]
    public void Stopping_keeps_what_was_answered()
    {
        using var endpoint = new FakeEndpoint((text, _) => FakeEndpoint.Good(text) with { Delay = TimeSpan.FromMilliseconds(text.Contains("slow", StringComparison.Ordinal) ? 10_000 : 0) });
        LabelledTrace[] traces = [.. Enumerable.Range(0, 20).Select(i => Trace($"{i}", i < 5 ? $"So {i}." : $"So slow {i}."))];
        using var stop = new CancellationTokenSource();
        using (var judge = Judge(endpoint, options => options with { Concurrency = 2, Cache = _folder["cache.jsonl"] }))
        {
            var seen = 0;
            Assert.ThrowsAny<OperationCanceledException>(() =>
            {
                foreach (var _ in judge.Annotate(traces, cancellation: stop.Token))
                {
                    if (++seen == 5) stop.Cancel();
                }
            });
            Assert.Equal(5, seen);
        }
        using var again = Judge(endpoint, options => options with { Cache = _folder["cache.jsonl"] });
        Assert.Equal(5, again.Estimate(traces).Cached);
    }

    [Fact]
    public void A_reader_that_leaves_early_stops_the_requests()
    {
        using var endpoint = new FakeEndpoint((text, _) => FakeEndpoint.Good(text));
        using var judge = Judge(endpoint, options => options with { Concurrency = 1 });
        Assert.NotNull(judge.Annotate([.. Enumerable.Range(0, 500).Select(i => Trace($"{i}", $"So {i}."))]).First());
        var sent = endpoint.Requests.Count;
        Thread.Sleep(200);
        Assert.InRange(endpoint.Requests.Count, 1, Math.Min(sent + 1, 499));
    }

    [Fact]
    public void The_price_is_that_of_all_tokens() => Assert.Equal(2.5 + 20, new JudgeCost(3, 1_000_000, 2_000_000, 0).Price(2.5, 10), 1e-9);

    [Fact]
    public void Options_without_sense_are_refused()
    {
        Refused(new EndpointOptions(" ", "k"), "has no name");
        Refused(new EndpointOptions("m", ""), "key is empty");
        Refused(new EndpointOptions("m", "k\n"), "no key has");
        Refused(new EndpointOptions("m", "k") { BaseUrl = new Uri("ftp://x/") }, "ftp://x");
        Refused(new EndpointOptions("m", "k") { Concurrency = 0 }, "above 0");
        Refused(new EndpointOptions("m", "k") { Temperature = 3 }, "temperature is 3");

        static void Refused(EndpointOptions options, string part) => Fails.With(() => new EndpointJudge(options).Dispose(), part);
    }

    private static LabelledTrace Trace(string id, string text) => new(text, []) { Id = id };

    private static EndpointJudge Judge(FakeEndpoint endpoint, Func<EndpointOptions, EndpointOptions>? with = null)
    {
        var options = new EndpointOptions("judge-1", "secret") { BaseUrl = endpoint.Url, FirstPause = TimeSpan.FromMilliseconds(1) };
        return new EndpointJudge(with?.Invoke(options) ?? options);
    }
}
