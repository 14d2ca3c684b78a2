using System.Globalization;
using System.Text;
using NativeSteer.Files;
using NativeSteer.Studies;

namespace NativeSteer.Reports;

/// <summary>The page: one HTML file that needs nothing else, neither network nor files beside it.</summary>
internal sealed class ReportPage(BacktrackingResults results, IReadOnlyList<ReportFigure> figures)
{
    private readonly StudyProvenance _run = results.Provenance;
    private readonly StringBuilder _html = new(1 << 20);

    internal string Write()
    {
        Head();
        Opening();
        Caveats();
        for (var i = 0; i < figures.Count; i++) Figure(figures[i], i + 1);
        Section("paper", "Beside the paper", new PaperComparison(results).ToHtml()
            + "<p class=\"small\">Unless these are their models, models, prompts and units differ: directions of effects can be compared, sizes cannot.</p>");
        Provenance();
        Scripts();
        return _html.ToString();
    }

    private void Head()
    {
        _html.Append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .Append("<meta name=\"color-scheme\" content=\"light dark\">\n<title>Backtracking study: ").Append(Html.Escape(_run.Reasoning.Name)).Append("</title>\n<style>\n")
            .Append(ReportAssets.Text("report.css")).Append("</style>\n</head>\n<body>\n");
        // The pattern that charts fill unsound cells with.
        _html.Append("""
            <svg width="0" height="0" aria-hidden="true" class="defs"><defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="var(--paper)"/><rect width="2" height="6" fill="var(--hatch)"/></pattern></defs></svg>
            <main>

            """);
    }

    private void Opening()
    {
        var summary = BacktrackingSummary.Of(results);
        _html.Append("<header>\n<p class=\"kicker\">NativeSteer · backtracking study</p>\n<h1>").Append(Html.Escape(_run.Reasoning.Name))
            .Append(_run.Base is { } plain ? $" <span>and</span> {Html.Escape(plain.Name)}" : "").Append("</h1>\n<div class=\"summary\">\n<p class=\"found\">").Append(Html.Escape(summary.Found)).Append("</p>\n<p>")
            .Append(Html.Escape(summary.Strength)).Append(' ').Append(Html.Escape(summary.Place)).Append("</p>\n</div>\n<nav aria-label=\"Figures\"><ol>\n");
        foreach (var figure in figures) _html.Append("<li><a href=\"#").Append(figure.Id).Append("\">").Append(Html.Escape(figure.Title)).Append("</a></li>\n");
        _html.Append("</ol></nav>\n</header>\n");
    }

    private void Caveats()
    {
        var caveats = StudyCaveats.Of(results);
        if (caveats.Count == 0) return;
        _html.Append("<section class=\"caveats\" id=\"notes\"><h2>Before you trust a number</h2><ul>\n");
        foreach (var caveat in caveats) _html.Append("<li>").Append(Html.Escape(caveat)).Append("</li>\n");
        _html.Append("</ul></section>\n");
    }

    private void Figure(ReportFigure figure, int number)
    {
        _html.Append("<section class=\"figure\" id=\"").Append(figure.Id).Append("\">\n<h2><span>").Append(number).Append("</span>").Append(Html.Escape(figure.Title))
            .Append("</h2>\n<figure>\n<div class=\"drawing\">\n");
        if (figure.Absent is not null || (figure.Chart is null && figure.Body.Length == 0))
            _html.Append("<p class=\"absent\">").Append(Html.Escape(figure.Absent ?? "The log has no cells for this figure.")).Append("</p>\n");
        else if (figure.Chart is not null)
        {
            _html.Append("<div class=\"chart\" role=\"img\" aria-label=\"").Append(Html.Escape(figure.Alt)).Append("\"></div>\n<noscript><p class=\"absent\">The chart needs JavaScript; "
                + "its numbers are in the table below.</p></noscript>\n<script type=\"application/json\" class=\"spec\">").Append(Html.Json(figure.Chart)).Append("</script>\n");
        }
        _html.Append("</div>\n<figcaption><p>").Append(Html.Escape(figure.Caption)).Append("</p>\n");
        if (figure.Theirs is { } theirs) _html.Append("<p class=\"theirs\"><b>The paper:</b> ").Append(Html.Escape(theirs)).Append("</p>\n");
        _html.Append("</figcaption>\n</figure>\n");
        if (figure.Absent is null) _html.Append(figure.Body);
        if (figure.Numbers.Length > 0 && figure.Tables[0].Rows.Count > 0)
            _html.Append("<details><summary>All numbers of this figure</summary>").Append(figure.Numbers).Append("</details>\n");
        _html.Append("</section>\n");
    }

    private void Provenance()
    {
        var rows = new List<(string Name, string Value)>
        {
            ("command", Command()),
            ("steered model", Model(_run.Reasoning)),
            ("base model", _run.Base is null ? "none" : Model(_run.Base)),
            ("started", string.Join(", ", results.Log.Runs.Select(run => run.Started ?? "unknown").Distinct(StringComparer.Ordinal))),
            ("programs", $"NativeSteer {_run.NativeSteer ?? "unknown"}, llama.cpp {_run.LlamaCpp ?? "unknown"}"),
            ("run logs", string.Join(", ", results.Log.Paths)),
            ("completions", $"{results.Log.Rollouts.Count.ToString("#,0", CultureInfo.InvariantCulture)} of {results.Expected.ToString("#,0", CultureInfo.InvariantCulture)}, "
                + $"{StudyWords.Count(results.Log.Rollouts.Sum(rollout => (long)rollout.Tokens), "token")}"),
        };
        if (results.Log.Traces is { } traces)
        {
            rows.Add(("traces", $"{StudyWords.Count(traces.Count, "trace")}, {StudyWords.Count(traces.Tokens, "token")}, judged by {traces.Judge}: "
                + string.Join(", ", traces.Spans.OrderByDescending(label => label.Value).ThenBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key} {label.Value}"))));
        }
        rows.AddRange(_run.Settings.EnumerateObject().Select(setting => (setting.Name, setting.Value.ValueKind == System.Text.Json.JsonValueKind.String ? setting.Value.GetString()! : setting.Value.GetRawText())));
        var html = new StringBuilder("<dl>\n");
        foreach (var (name, value) in rows) html.Append("<dt>").Append(Html.Escape(name)).Append("</dt><dd>").Append(Html.Escape(value)).Append("</dd>\n");
        html.Append("</dl>\n<p class=\"small\">Every number here is computed from the run logs alone; the same command with the same seed gives the same ones. Intervals: bias-corrected and "
            + "accelerated bootstrap, 2,000 resamples of prompts, 95 %. Figures are drawn with Vega and Vega-Lite (BSD-3-Clause), inlined.</p>");
        Section("provenance", "How it was made", html.ToString());
    }

    private string Command()
    {
        var words = _run.Arguments.Count > 0 && _run.Arguments[0] == "study" ? _run.Arguments : [.. _run.Command.Split(' '), .. _run.Arguments];
        return "nativesteer " + string.Join(' ', words.Select(word =>
            word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:,=+@%".Contains(c, StringComparison.Ordinal)) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
    }

    private static string Model(StudyModel model) => $"{model.Path} ({model.Architecture ?? "unknown"}, {model.Layers} layers, width {model.Width}; {model.Hash ?? "no hash"})";

    private void Section(string id, string title, string body) =>
        _html.Append("<section id=\"").Append(id).Append("\"><h2>").Append(Html.Escape(title)).Append("</h2>\n").Append(body).Append("</section>\n");

    private void Scripts()
    {
        _html.Append("</main>\n");
        if (figures.Any(figure => figure.Chart is not null))
        {
            Script("vega.min.js", "vega.LICENSE", "chart-licences.txt");
            Script("vega-lite.min.js", "vega-lite.LICENSE");
            Script("report.js");
        }
        _html.Append("</body>\n</html>\n");
    }

    /// <summary>A script with the licences that must go along with it.</summary>
    private void Script(string name, params string[] licences)
    {
        _html.Append("<script>\n");
        foreach (var licence in licences) _html.Append("/*\n").Append(ReportAssets.Text(licence).Trim()).Append("\n*/\n");
        _html.Append(ReportAssets.Text(name)).Append("\n</script>\n");
    }
}
