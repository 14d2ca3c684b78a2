using System.Globalization;
using System.Text;
using NativeSteer.Studies;

namespace NativeSteer.Reports;

/// <summary>Traces with every token coloured by its projection on the direction.</summary>
internal sealed class TraceFigure(BacktrackingResults results)
{
    private const int Steps = 4; // shades on either side of zero
    private const int ShownTraces = 4;
    private const double Quantile = 0.98; // of the projections' sizes: the full colour, so that one outlier does not pale the rest

    private readonly StudyProvenance _run = results.Provenance;

    internal ReportFigure Create()
    {
        var projections = results.Log.Projections.OrderBy(projection => projection.Trace.Length).ThenBy(projection => projection.Trace, StringComparer.Ordinal).ThenByDescending(projection => projection.Source, StringComparer.Ordinal).ToList();
        var table = new FigureTable(
            "projections", new("trace"), new("source"), new("layer", "block, from 0"), new("position", "token"), new("token"), new("value", "residual units"), new("label"));
        foreach (var projection in projections)
        {
            for (var i = 0; i < projection.Tokens.Count; i++)
                table.Add(projection.Trace, projection.Source, projection.Layer, i, projection.Tokens[i], projection.Values[i], Label(projection, i));
        }
        return new ReportFigure
        {
            Id = "traces",
            Title = "The direction inside a trace",
            Caption = $"Projection of every token's activation on the unit vector, centred by the mean over these traces' tokens. Full colour is the {StudyWords.Percent(Quantile)} quantile of the sizes. "
                + $"Underlined: sentences that the judge labels {_run.Label}; bold: keywords. "
                + (projections.Count > ShownTraces ? $"The first {ShownTraces} of {projections.Count}; all are in the CSV file." : ""),
            Theirs = "the direction is densely active in traces and rises before backtracking sentences.",
            Body = string.Concat(projections.Take(ShownTraces).Select(Draw)),
            Absent = projections.Count == 0 ? "The log has no projected traces." : null,
            Tables = [table],
        };
    }

    private string Draw(StudyProjection projection)
    {
        var sizes = projection.Values.Where(double.IsFinite).Select(Math.Abs).Order().ToList();
        var full = sizes.Count == 0 ? 1 : Math.Max(1e-9, sizes[(int)Math.Min(sizes.Count - 1, Quantile * sizes.Count)]);
        var html = new StringBuilder("<div class=\"trace\"><p class=\"meta\">");
        html.Append(Html.Escape($"Trace {projection.Trace}, {projection.Source}-derived vector, layer {projection.Layer}; full colour ±{StudyWords.Digits(full)}"));
        html.Append(Scale()).Append("</p><p class=\"text\">");
        for (var i = 0; i < projection.Tokens.Count; i++)
        {
            var step = double.IsNaN(projection.Values[i]) ? 0 : (int)Math.Round(Math.Clamp(projection.Values[i] / full, -1, 1) * Steps);
            var classes = $"d{step + Steps}" + (Label(projection, i) == _run.Label ? " event" : "") + (_run.Words.Find(projection.Tokens[i]).Any(word => word.IsKeyword) ? " keyword" : "");
            html.Append("<span class=\"").Append(classes).Append("\" title=\"").Append(projection.Values[i].ToString("0.00", CultureInfo.InvariantCulture)).Append("\">")
                .Append(TokenText.Running(projection.Tokens[i])).Append("</span>");
        }
        return html.Append("</p></div>\n").ToString();
    }

    private static string Scale() =>
        $"<span class=\"scale\" aria-hidden=\"true\">against {string.Concat(Enumerable.Range(0, 2 * Steps + 1).Select(i => $"<i class=\"d{i}\"></i>"))} along</span>";

    // The studied label where spans overlap.
    private string? Label(StudyProjection projection, int token) => projection.Spans.Where(span => span.From <= token && token < span.To)
        .OrderByDescending(span => span.Label == _run.Label).Select(span => span.Label).FirstOrDefault();
}
