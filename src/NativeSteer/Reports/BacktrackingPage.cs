using System.Globalization;
using NativeSteer.Studies;

namespace NativeSteer.Reports;

/// <summary>What the page of a backtracking study says around its figures.</summary>
internal sealed class BacktrackingPage(BacktrackingResults results)
{
    private readonly StudyProvenance _run = results.Provenance;

    internal PageText Text()
    {
        var summary = BacktrackingSummary.Of(results);
        return new PageText
        {
            Title = $"Backtracking study: {_run.Reasoning.Name}",
            Kicker = "NativeSteer · backtracking study",
            Heading = _run.Base is { } plain ? [_run.Reasoning.Name, plain.Name] : [_run.Reasoning.Name],
            Found = summary.Found,
            More = $"{summary.Strength} {summary.Place}",
            Caveats = StudyCaveats.Of(results),
            Sections =
            [
                ("paper", "Beside the paper", new PaperComparison(results).ToHtml()
                    + "<p class=\"small\">Unless these are their models, models, prompts and units differ: directions of effects can be compared, sizes cannot.</p>"),
            ],
            Provenance = Provenance(),
            Method = "Every number here is computed from the run logs alone; the same command with the same seed gives the same ones. Intervals: bias-corrected and "
                + "accelerated bootstrap, 2,000 resamples of prompts, 95 %.",
        };
    }

    private List<(string Name, string Value)> Provenance()
    {
        var rows = new List<(string Name, string Value)>
        {
            ("command", ReportProvenance.Command(_run.Command, _run.Arguments)),
            ("steered model", ReportProvenance.Model(_run.Reasoning)),
            ("base model", _run.Base is null ? "none" : ReportProvenance.Model(_run.Base)),
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
        rows.AddRange(ReportProvenance.Settings(_run.Settings));
        return rows;
    }
}
