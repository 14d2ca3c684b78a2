using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using NativeSteer.Reports;
using NativeSteer.Studies;
using NativeSteer.Tests.Cli;
using NativeSteer.Tests.Files;
using Xunit;

namespace NativeSteer.Tests.Reports;

/// <summary>The report of a made-up run: its numbers recomputed from the log by other means, its text safe, its shards one.</summary>
public sealed class BacktrackingReportTests : IDisposable
{
    private static readonly SyntheticStudy s_small = new() { Prompts = 8, Magnitudes = [0.5, 1.5, 3], Windows = [[-13, -8], [-5, -1]], Seeds = [1, 2], Layers = 3 };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Write(SyntheticStudy study, string name = "run.jsonl") => _folder.Write(name, study.Text());

    private string Report(params string[] logs)
    {
        BacktrackingReport.Write(BacktrackingResults.Of(BacktrackingLog.Read(logs)), _folder["report.html"]);
        return File.ReadAllText(_folder["report.html"]);
    }

    private List<Dictionary<string, string>> Csv(string name) => ReportFiles.Csv(_folder[$"figures/{name}.csv"]);

    [Theory]
    [InlineData("offsets", 6)] // 2 windows x 3 magnitudes
    [InlineData("layers", 27)] // 3 layers x 3 vectors x 3 magnitudes
    [InlineData("pairs", 14)] // 2 x 2 x 3, and both models unsteered
    [InlineData("baselines", 22)] // 7 vectors x 3, and unsteered
    public void Numbers_of_a_figure_are_those_of_the_log(string figure, int rows)
    {
        var path = Write(s_small);
        var html = Report(path);
        var log = new PlainLog(path);
        var csv = Csv(figure);
        Assert.Equal(rows, csv.Count);
        foreach (var row in csv)
        {
            var rollouts = log.Of(row);
            var unsteered = log.Of((cell, vector) => PlainLog.Text(cell, "target") == row["target"] && PlainLog.Text(vector, "kind") == "none");
            Assert.Equal(rollouts.Count, row.Number("completions"));
            Assert.Equal(8, row.Number("prompts"));
            Assert.Equal(PlainLog.Words(rollouts), row.Number("words"));
            Assert.Equal(PlainLog.Hits(rollouts), row.Number("keywords"));
            Assert.Equal(PlainLog.Rate(rollouts), row.Number("rate"), 12);
            Assert.Equal((double)PlainLog.Hits(rollouts) / rollouts.Count, row.Number("events"), 12);
            Assert.InRange(row.Number("rate"), row.Number("rate_low"), row.Number("rate_high"));
            foreach (var kind in (string[])["ok", "truncated", "empty", "degenerate"])
                Assert.Equal(rollouts.Count(rollout => PlainLog.Text(rollout, "class") == kind), row.Number(kind));
            Assert.Equal((row.Number("empty") + row.Number("degenerate")) / rollouts.Count <= 0.1 ? "true" : "false", row["sound"]);
            Assert.Equal(PlainLog.PerToken(rollouts, rollout => rollout.GetProperty("kl"), kl => kl), row.Number("kl"), 9);
            Assert.Equal(Math.Exp(PlainLog.PerToken(rollouts, rollout => rollout.GetProperty("perplexity"), Math.Log)), row.Number("perplexity"), 9);
            Assert.Equal(PlainLog.Hits(unsteered) == 0 ? double.NaN : PlainLog.Rate(rollouts) / PlainLog.Rate(unsteered), row.Number("factor"), 9);
        }

        // The chart shows the same rows.
        var drawn = ReportFiles.Charts(html)[figure].GetProperty("datasets").GetProperty("cells").EnumerateArray().ToList();
        Assert.Equal(csv.Select(row => row["series"]), drawn.Select(row => row.GetProperty("series").GetString()));
        foreach (var (row, shown) in csv.Zip(drawn))
        {
            foreach (var field in (string[])["rate", "rate_low", "rate_high", "kl", "magnitude"])
                Assert.Equal(row.Number(field), shown.GetProperty(field).GetDouble(), Math.Abs(row.Number(field)) * 1e-5);
        }
    }

    [Fact]
    public void The_cell_is_chosen_on_one_half_and_reported_on_the_other()
    {
        var path = Write(s_small);
        Report(path);
        var log = new PlainLog(path);
        var best = log.Cells.Values.Where(cell => PlainLog.Text(cell, "target") == "reasoning" && PlainLog.Text(cell.GetProperty("vector"), "label") == "backtracking"
                && PlainLog.Text(cell.GetProperty("vector"), "source") == "reasoning" && PlainLog.Text(cell.GetProperty("vector"), "kind") == "difference-of-means")
            .GroupBy(cell => (cell.GetProperty("vector").GetRawText(), cell.GetProperty("layer").GetInt32(), cell.GetProperty("magnitude").GetDouble()))
            .Select(group => (group.Key, Rollouts: Of(group.Key, "choose")))
            .Where(cell => cell.Rollouts.Count(rollout => PlainLog.Text(rollout, "class") is "empty" or "degenerate") <= 0.1 * cell.Rollouts.Count)
            .MaxBy(cell => PlainLog.Rate(cell.Rollouts));
        var chosen = Csv("chosen").Single(row => row["target"] == "reasoning" && row["series"] == "reasoning-derived");
        Assert.Equal(best.Key.Item2, chosen.Number("layer"));
        Assert.Equal(best.Key.Item3, chosen.Number("magnitude"));
        var reported = Of(best.Key, "report");
        Assert.Equal(PlainLog.Rate(reported), chosen.Number("rate"), 12);
        Assert.Equal(4, chosen.Number("prompts"));
        var noise = Csv("chosen").Single(row => row["series"] == "noise");
        Assert.Equal((chosen["layer"], chosen["magnitude"]), (noise["layer"], noise["magnitude"]));
        Assert.Equal(PlainLog.Rate(log.Of(noise, "report")), noise.Number("rate"), 12);

        List<JsonElement> Of((string Vector, int Layer, double Magnitude) key, string half) => log.Of(
            (cell, vector) => PlainLog.Text(cell, "target") == "reasoning" && vector.GetRawText() == key.Vector && cell.GetProperty("magnitude").GetDouble() == key.Magnitude
                && cell.GetProperty("layer").GetRawText() == $"{key.Layer}", half);
    }

    [Fact]
    public void Cosines_lens_and_projections_are_those_of_the_log()
    {
        var path = Write(s_small);
        var charts = ReportFiles.Charts(Report(path));
        var lines = File.ReadLines(path).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        var cosines = lines.Where(line => PlainLog.Text(line, "type") == "cosine").ToList();
        Assert.Equal(cosines.Count, Csv("cosines").Count);
        Assert.Equal(cosines.Sum(line => line.GetProperty("value").GetDouble()), Csv("cosines").Sum(row => row.Number("cosine")), 9);
        Assert.Equal(cosines.Count, charts["cosines"].GetProperty("datasets").GetProperty("cells").GetArrayLength());
        foreach (var lens in lines.Where(line => PlainLog.Text(line, "type") == "lens"))
        {
            var row = Csv("lens").Single(row => row["series"] == $"{PlainLog.Text(lens, "source")}-derived" && row["unembedding"] == PlainLog.Text(lens, "unembedding")
                && row["layer"] == lens.GetProperty("layer").GetRawText());
            Assert.Equal(lens.GetProperty("score").GetDouble(), row.Number("score"), 12);
        }
        var projection = lines.Single(line => PlainLog.Text(line, "type") == "projection");
        Assert.Equal(projection.GetProperty("tokens").EnumerateArray().Select(token => token.GetString()!.Replace("\r", "", StringComparison.Ordinal)), Csv("projections").Select(row => row["token"]));
    }

    [Fact]
    public void Shards_in_any_order_make_the_report_of_one_run()
    {
        var whole = Report(Write(s_small));
        var numbers = Figures();
        var first = Write(Shard(0), "first.jsonl");
        var second = Write(Shard(1), "second.jsonl");
        foreach (var logs in (string[][])[[first, second], [second, first], [first, second, first]])
        {
            Assert.Equal(WithoutRun(whole), WithoutRun(Report(logs)));
            Assert.Equal(numbers, Figures());
        }
        Assert.Contains("The log is not complete", Report(first), StringComparison.Ordinal);

        SyntheticStudy Shard(int i) => new()
        {
            Prompts = s_small.Prompts, Magnitudes = s_small.Magnitudes, Windows = s_small.Windows, Seeds = s_small.Seeds, Layers = s_small.Layers, Shard = (i, 2),
        };
        Dictionary<string, string> Figures() => Directory.GetFiles(_folder["figures"]).ToDictionary(file => Path.GetFileName(file), File.ReadAllText, StringComparer.Ordinal);
        // The section that says which files, shard and time.
        static string WithoutRun(string html) => html[..html.IndexOf("<section id=\"provenance\">", StringComparison.Ordinal)];
    }

    [Fact]
    public void Text_of_models_cannot_leave_its_place()
    {
        const string nasty = " </script><script>alert('x')</script><!-- <img src=x onerror=alert(1)> \"' & \u0001 ]]> {{x}}";
        var html = Report(Write(new SyntheticStudy { Prompts = 4, Magnitudes = [1], Windows = [[-13, -8]], Seeds = [1], Layers = 2, Nasty = nasty }));
        Assert.DoesNotContain("<script>alert", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<img", html, StringComparison.Ordinal);
        Assert.DoesNotContain('\u0001', html);
        Assert.Contains("&lt;/script&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;", html, StringComparison.Ordinal);
        // 8 specifications, vega, vega-lite and the script that draws.
        Assert.Equal(11, Regex.Count(html, "<script"));
        Assert.Equal(11, Regex.Count(html, "</script"));
        Assert.Equal(8, ReportFiles.Charts(html).Count);
    }

    [Fact]
    public void The_report_needs_nothing_else()
    {
        var html = Report(Write(s_small));
        Assert.DoesNotMatch(@"<link|<script[^>]* src=|@import|<img", html);
        Assert.Contains("University of Washington Interactive Data Lab", html, StringComparison.Ordinal);
        Assert.Contains("Mike Bostock", html, StringComparison.Ordinal);
        Assert.InRange(html.Length, 700_000, 2_000_000);
        // Every colour that a chart names is one of the style's, in both modes.
        var style = ReportAssets.Text("report.css");
        var (light, dark) = (style[..style.IndexOf("@media screen", StringComparison.Ordinal)], style[style.IndexOf("@media screen", StringComparison.Ordinal)..]);
        foreach (Match colour in Regex.Matches(html, @"var\((--[a-z0-9-]+)\)"))
        {
            var name = colour.Groups[1].Value;
            Assert.Contains($"{name}:", light, StringComparison.Ordinal);
            if (name is not ("--serif" or "--sans" or "--mono")) Assert.Contains($"{name}:", dark, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Numbers_do_not_depend_on_the_culture()
    {
        var path = Write(s_small);
        var plain = Report(path);
        var culture = CultureInfo.CurrentCulture;
        try
        {
            var german = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            german.NumberFormat.NumberDecimalSeparator = ",";
            german.NumberFormat.NumberGroupSeparator = ".";
            CultureInfo.CurrentCulture = german;
            Assert.Equal(plain, Report(path));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    [Fact]
    public void Bad_cases_are_said()
    {
        // Magnitude 3 repeats itself; the base model is silent.
        var lines = s_small.Lines().Select(line => line.Contains("\"cell\":\"base/", StringComparison.Ordinal)
            ? Regex.Replace(Regex.Replace(line, "\"hits\":\\d+", "\"hits\":0"), "\"class\":\"degenerate\"", "\"class\":\"ok\"")
            : line.Replace("\"backtracking\":512", "\"backtracking\":0", StringComparison.Ordinal));
        var html = Report(_folder.Write("run.jsonl", string.Join('\n', lines)));
        Assert.Contains("found no backtracking in 400 traces", html, StringComparison.Ordinal);
        Assert.Contains("countdown-base says none of the keywords in", html, StringComparison.Ordinal);
        Assert.Contains("from magnitude 3", html, StringComparison.Ordinal);
        Assert.Contains("3 traces of 403 could not be used", html, StringComparison.Ordinal);
    }

    [Fact]
    public void The_verb_takes_a_folder_and_prints_the_answer()
    {
        Write(s_small);
        var result = CliRun.Run("report", _folder.Path);
        Assert.Equal(0, result.Code);
        Assert.Equal(3, result.Out.TrimEnd('\n').Split('\n').Length);
        Assert.StartsWith("The direction that precedes countdown-reasoning's own backtracking", result.Out, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder["report.html"]));
        var other = _folder["other.html"];
        Assert.Equal(0, CliRun.Run("report", _folder["run.jsonl"], "-o", other).Code);
        Assert.Equal(File.ReadAllText(_folder["report.html"]), File.ReadAllText(other));
        Assert.Contains("no.jsonl does not exist", CliRun.Fails(1, "report", _folder["no.jsonl"]), StringComparison.Ordinal);
        Assert.Contains("its folder does not exist", CliRun.Fails(1, "report", _folder.Path, "-o", _folder["no/report.html"]), StringComparison.Ordinal);
        Assert.Contains("output", CliRun.Fails(2, "report", _folder["run.jsonl"], "-o", _folder["run.jsonl"]), StringComparison.Ordinal);
    }
}
