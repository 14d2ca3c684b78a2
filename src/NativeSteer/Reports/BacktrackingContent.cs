using System.Globalization;
using NativeSteer.Studies;

namespace NativeSteer.Reports;

/// <summary>What the page of the backtracking study says besides its figures.</summary>
internal static class BacktrackingContent
{
    internal static ReportContent Of(BacktrackingResults results)
    {
        var run = results.Provenance;
        var summary = BacktrackingSummary.Of(results);
        return new ReportContent
        {
            Title = $"Backtracking study: {run.Reasoning.Name}",
            Kicker = "NativeSteer · backtracking study",
            Heading = run.Reasoning.Name,
            HeadingTail = run.Base?.Name,
            Found = summary.Found,
            Rest = $"{summary.Strength} {summary.Place}",
            Caveats = StudyCaveats.Of(results),
            PaperHtml = new PaperComparison(results).ToHtml(),
            Provenance = Provenance(results, run),
            Intervals = "bias-corrected and accelerated bootstrap, 2,000 resamples of prompts, 95 %",
        };
    }

    private static List<(string Name, string Value)> Provenance(BacktrackingResults results, StudyProvenance run)
    {
        var rows = new List<(string Name, string Value)>
        {
            ("command", ReportContent.CommandLine(run.Command, run.Arguments)),
            ("steered model", Model(run.Reasoning)),
            ("base model", run.Base is null ? "none" : Model(run.Base)),
            ("started", string.Join(", ", results.Log.Runs.Select(run => run.Started ?? "unknown").Distinct(StringComparer.Ordinal))),
            ("programs", $"NativeSteer {run.NativeSteer ?? "unknown"}, llama.cpp {run.LlamaCpp ?? "unknown"}"),
            ("run logs", string.Join(", ", results.Log.Paths)),
            ("completions", $"{results.Log.Rollouts.Count.ToString("#,0", CultureInfo.InvariantCulture)} of {results.Expected.ToString("#,0", CultureInfo.InvariantCulture)}, "
                + $"{StudyWords.Count(results.Log.Rollouts.Sum(rollout => (long)rollout.Tokens), "token")}"),
        };
        if (results.Log.Traces is { } traces)
        {
            rows.Add(("traces", $"{StudyWords.Count(traces.Count, "trace")}, {StudyWords.Count(traces.Tokens, "token")}, judged by {traces.Judge}: "
                + string.Join(", ", traces.Spans.OrderByDescending(label => label.Value).ThenBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key} {label.Value}"))));
        }
        rows.AddRange(run.Settings.EnumerateObject().Select(setting => (setting.Name, setting.Value.ValueKind == System.Text.Json.JsonValueKind.String ? setting.Value.GetString()! : setting.Value.GetRawText())));
        return rows;
    }

    private static string Model(StudyModel model) => $"{model.Path} ({model.Architecture ?? "unknown"}, {model.Layers} layers, width {model.Width}; {model.Hash ?? "no hash"})";
}
