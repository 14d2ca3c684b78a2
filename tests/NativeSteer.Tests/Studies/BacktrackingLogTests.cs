using NativeSteer.Analysis;
using NativeSteer.Studies;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Reports;
using Xunit;

namespace NativeSteer.Tests.Studies;

public sealed class BacktrackingLogTests : IDisposable
{
    private static readonly List<string> s_lines = new SyntheticStudy { Prompts = 4, Magnitudes = [1, 2], Windows = [[-13, -8]], Seeds = [1], Layers = 2 }.Lines();

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Write(params IEnumerable<string> lines) => _folder.Write("run.jsonl", string.Join('\n', lines));

    private static BacktrackingResults Results(params string[] paths) => BacktrackingResults.Of(BacktrackingLog.Read(paths));

    private void Refuses(string expected, params IEnumerable<string> lines) => Fails.With(() => BacktrackingLog.Read([Write(lines)]), expected);

    [Fact]
    public void A_line_that_a_killed_run_left_is_left_out()
    {
        var whole = BacktrackingLog.Read([Write(s_lines)]);
        var torn = BacktrackingLog.Read([Write([.. s_lines.SkipLast(1), s_lines[^1][..^20]])]);
        Assert.Equal(whole.Rollouts.Count - 1, torn.Rollouts.Count);
        Assert.Equal(whole.Rollouts.Count, BacktrackingLog.Read([Write([.. s_lines, ""])]).Rollouts.Count);
        // Within the log a broken line is no accident of a kill.
        Refuses("run.jsonl:2: not valid JSON", [s_lines[0], s_lines[1][..^20], .. s_lines.Skip(2)]);
    }

    [Fact]
    public void What_stands_twice_counts_once()
    {
        var once = Results(Write(s_lines));
        var twice = Results(Write([.. s_lines, .. s_lines.Skip(1)]));
        Assert.Equal(once.Log.Rollouts.Count, twice.Log.Rollouts.Count);
        Assert.Equal(once.Conditions.Select(result => result.Rate), twice.Conditions.Select(result => result.Rate));
    }

    [Fact]
    public void Logs_that_are_none_are_refused_in_one_line()
    {
        Refuses("holds no lines", "");
        Refuses("run.jsonl:1: this is no run log", s_lines[1]);
        Refuses("run.jsonl:1: this is no run log", s_lines.Skip(1));
        Refuses("this is a log of 'nativesteer generate'", [s_lines[0].Replace("study backtracking", "generate", StringComparison.Ordinal), .. s_lines.Skip(1)]);
        Refuses("has no cells yet", s_lines.Take(3));
        Refuses("\"settings.layer\" should be a whole number", s_lines[0].Replace("\"layer\":2", "\"layer\":2.5", StringComparison.Ordinal));
        Refuses("the field \"models\" is missing", s_lines[0].Replace("\"models\"", "\"moodels\"", StringComparison.Ordinal));
        Refuses("the log has no cell \"gone\"", [.. s_lines, s_lines[^1].Replace("\"cell\":\"", "\"cell\":\"gone\",\"x\":\"", StringComparison.Ordinal)]);
        Refuses("\"half\" should be", [.. s_lines, s_lines[^1].Replace("\"half\":\"report\"", "\"half\":\"both\"", StringComparison.Ordinal)]);
        Refuses("\"class\" should be", [.. s_lines, System.Text.RegularExpressions.Regex.Replace(s_lines[^1], "\"class\":\"[a-z]+\"", "\"class\":\"fine\"")]);
        Refuses("names none", [System.Text.RegularExpressions.Regex.Replace(s_lines[0], "\"base\":\\{[^}]*\\}", "\"base\":null"), .. s_lines.Skip(1)]);
        Fails.With(() => BacktrackingLog.Read([]), "No run log was given");
        Fails.With(() => BacktrackingLog.Read([_folder.Path]), "is a directory");
    }

    [Theory]
    [InlineData("\"seeds\":[1]", "\"seeds\":[1,2]", "the setting seeds is [1,2] here and [1] in")]
    [InlineData("11aa", "11ab", "the reasoning model is 11ab here and 11aa in")]
    [InlineData("v0.5.0", "v0.6.0", "the version of llama.cpp")]
    public void Logs_of_different_runs_are_not_mixed(string here, string there, string expected)
    {
        var first = Write(s_lines);
        var other = _folder.Write("other.jsonl", string.Join('\n', s_lines.Select(line => line.Replace(here, there, StringComparison.Ordinal))));
        Fails.With(() => BacktrackingLog.Read([first, other]), "other.jsonl:1: ", expected, "give the shards of one run");
    }

    [Theory]
    [InlineData("\"hash\":\"t1\"", "\"hash\":\"t2\"", "the traces differ")]
    [InlineData("\"vector_hash\":\"v1\"", "\"vector_hash\":\"v2\"", "the vectors differ")]
    [InlineData("\"scale\":7.5", "\"scale\":7.6", "was something else before")]
    [InlineData("\"text\":\"", "\"text\":\"Well, ", "had another completion before")]
    public void Shards_whose_vectors_or_texts_differ_are_not_mixed(string here, string there, string expected)
    {
        var first = Write(s_lines);
        var other = _folder.Write("other.jsonl", string.Join('\n', s_lines.Select((line, i) => i == 0 ? line : line.Replace(here, there, StringComparison.Ordinal))));
        Fails.With(() => BacktrackingLog.Read([first, other]), "other.jsonl:", expected);
    }

    [Fact]
    public void Two_runs_written_into_one_file_are_refused() =>
        Refuses("the setting seeds is [1,2] here", [.. s_lines, s_lines[0].Replace("\"seeds\":[1]", "\"seeds\":[1,2]", StringComparison.Ordinal), .. s_lines.Skip(1)]);

    [Fact]
    public void A_bound_on_KL_counts_only_where_KL_was_measured()
    {
        string[] bounded = [s_lines[0].Replace("\"max_tokens\":", "\"most_kl\":1e-9,\"max_tokens\":", StringComparison.Ordinal), .. s_lines.Skip(1)];
        var measured = Results(Write(bounded));
        Assert.Null(measured.Choice);
        Assert.Contains("at most 0 nats", BacktrackingChoice.Rule(measured), StringComparison.Ordinal);
        Assert.Contains("a higher --max-kl", BacktrackingSummary.Of(measured).Place, StringComparison.Ordinal);

        var unmeasured = Results(Write(bounded.Select(line => System.Text.RegularExpressions.Regex.Replace(line, "\"kl\":[-0-9.eE]+", "\"kl\":null"))));
        Assert.NotNull(unmeasured.Choice);
        Assert.DoesNotContain("nats", BacktrackingChoice.Rule(unmeasured), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_without_base_model_has_results()
    {
        var lines = s_lines.Where(line => !System.Text.RegularExpressions.Regex.IsMatch(line, "\"(source|target|unembedding)\":\"base\"|\"cell\":\"(base|[^\"]*/base/)"))
            .Select(line => System.Text.RegularExpressions.Regex.Replace(line, "\"base\":\\{[^}]*\\}", "\"base\":null"));
        var results = Results(Write(lines));
        Assert.Contains("there is no base model", BacktrackingSummary.Of(results).Place, StringComparison.Ordinal);
        NativeSteer.Reports.BacktrackingReport.Write(results, _folder["report.html"]);
    }

    [Fact]
    public void Where_nothing_can_be_chosen_the_summary_says_why()
    {
        var bad = s_lines.Select(line => System.Text.RegularExpressions.Regex.Replace(line, "\"class\":\"(ok|truncated)\"", "\"class\":\"degenerate\""));
        var results = Results(Write(bad));
        Assert.Null(results.Choice);
        var summary = BacktrackingSummary.Of(results);
        Assert.Contains("No layer, window and magnitude could be chosen", summary.Found, StringComparison.Ordinal);
        Assert.Contains("empty or repeat themselves", summary.Place, StringComparison.Ordinal);
        Assert.Contains(StudyCaveats.Of(results), caveat => caveat.Contains("writes nothing but repeating text", StringComparison.Ordinal));

        var unfinished = Results(Write(s_lines.Where(line => !line.Contains("\"half\":\"report\"", StringComparison.Ordinal))));
        Assert.Null(unfinished.Choice);
        Assert.Contains("go on with --resume", BacktrackingSummary.Of(unfinished).Place, StringComparison.Ordinal);
        NativeSteer.Reports.BacktrackingReport.Write(unfinished, _folder["report.html"]);
    }

    [Fact]
    public void A_rate_at_equal_KL_lies_on_the_line_between_magnitudes()
    {
        var unsteered = Condition(0, 0, 0.02);
        ConditionResult[] vector = [Condition(2, 1.5, 0.2), Condition(1, 0.5, 0.1), Condition(3, 0.7, 0.9)];
        Assert.Equal(0.02, EqualDivergence.Rate(unsteered, vector, 0));
        Assert.Equal(0.06, EqualDivergence.Rate(unsteered, vector, 0.25), 12);
        Assert.Equal(0.15, EqualDivergence.Rate(unsteered, vector, 1.0), 12);
        Assert.Equal(0.2, EqualDivergence.Rate(unsteered, vector, 1.5), 12);
        Assert.Equal(double.NaN, EqualDivergence.Rate(unsteered, vector, 1.6));
        Assert.Equal(double.NaN, EqualDivergence.Rate(unsteered, [vector[1], vector[0] with { Classes = new Dictionary<CompletionClass, int> { [CompletionClass.Degenerate] = 10 } }], 1.0));

        static ConditionResult Condition(double magnitude, double divergence, double rate) => new()
        {
            Condition = new StudyCondition("reasoning", new StudyVector("noise", null, null, null), 1, magnitude, "rel"),
            Scale = magnitude, Rollouts = 10, Prompts = 5, Keywords = new KeywordRate(1000, (int)(1000 * rate)), Rate = new Estimate(rate, rate, rate), Events = default,
            Factor = default, RateWithoutDegenerate = rate, Classes = new Dictionary<CompletionClass, int>(), Divergence = divergence, Perplexity = 2,
        };
    }

    [Theory]
    [InlineData(0.0034, "0.34 %")]
    [InlineData(0.1481, "14.8 %")]
    [InlineData(0.00002, "0.002 %")]
    [InlineData(1, "100 %")]
    [InlineData(0, "0 %")]
    [InlineData(double.NaN, "–")]
    public void Shares_are_shown_with_the_digits_that_count(double share, string expected) => Assert.Equal(expected, StudyWords.Percent(share));
}
