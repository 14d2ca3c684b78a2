using System.Text;
using System.Text.Json.Nodes;
using NativeSteer.Studies;

namespace NativeSteer.Reports;

/// <summary>The figures of the vectors themselves: cosines of base- and reasoning-derived ones, and the logit lens.</summary>
internal sealed class VectorFigures(BacktrackingResults results)
{
    private const int ShownTokens = 8;

    private readonly StudyProvenance _run = results.Provenance;

    internal ReportFigure Cosines()
    {
        var table = new FigureTable(
            "cosines", new("label"), new("layer", "block, from 0"), new("window", "tokens from the sentence's start"), new("cosine"),
            new("base_norm", "residual units"), new("reasoning_norm", "residual units"));
        var cosines = results.Log.Cosines.Where(cosine => cosine.Label == _run.Label)
            .OrderBy(cosine => cosine.Offsets.First).ThenBy(cosine => cosine.Offsets.Last).ThenBy(cosine => cosine.Layer).ToList();
        foreach (var cosine in cosines)
        {
            table.Add(cosine.Label, cosine.Layer, StudyWords.Window(cosine.Offsets), cosine.Value, cosine.BaseNorm, cosine.ReasoningNorm);
        }
        // Single offsets side by side where there are any; windows of several stand in the table.
        var singles = cosines.Where(cosine => cosine.Offsets.Count == 1).ToList();
        var windows = (singles.Count > 0 ? singles : cosines).Select(cosine => StudyWords.Window(cosine.Offsets)).Distinct(StringComparer.Ordinal).ToList();
        var values = new Dictionary<string, JsonNode?>(StringComparer.Ordinal)
        {
            ["data"] = new JsonArray([.. table.ToJson("layer", "window", "cosine").Where(row => windows.Contains((string)row!["window"]!)).Select(row => row!.DeepClone())]),
            ["windows"] = SeriesStyle.Array(windows),
            ["rowheight"] = _run.Reasoning.Layers <= 12 ? 30 : 16,
        };
        return new ReportFigure
        {
            Id = "cosines",
            Title = "Do both models hold the same direction?",
            Caption = $"Cosine of the vectors that {_run.Base?.Name ?? "the base model"} and {_run.Reasoning.Name} give for “{_run.Label}” on the same traces, by layer and offset in tokens from the "
                + $"sentence's first token{Traces()}. 1: the same direction; 0: unrelated, as for random directions, whose cosines scatter by {StudyWords.Digits(1 / Math.Sqrt(_run.Reasoning.Width))} "
                + $"at width {_run.Reasoning.Width}.{OfWindow(cosines)}",
            Theirs = $"{PaperNumbers.Cosine} at layer 10, window −13 to −8; a replication {PaperNumbers.ReplicatedCosine}.",
            Chart = table.Rows.Count == 0 ? null : ReportAssets.Chart("cosines", values),
            Alt = $"Heat map of {StudyWords.Count(table.Rows.Count, "cosine")} by layer and offset; all are in the table below.",
            Numbers = HtmlTable.Write(
                "Cosines and norms", [new("layer", true), new("offset", true), new("cosine", true), new("norm, base", true), new("norm, reasoning", true)],
                table.Rows.Select(row => (IReadOnlyList<string>)
                    [$"{row[1]}", (string)row[2]!, Digits(row[3]), Digits(row[4]), Digits(row[5])])),
            Tables = [table],
        };
    }

    internal ReportFigure Lens()
    {
        var lenses = results.Log.Lenses.OrderByDescending(lens => lens.Source, StringComparer.Ordinal).ThenByDescending(lens => lens.Unembedding, StringComparer.Ordinal)
            .ThenBy(lens => lens.Layer).ToList();
        var scores = new FigureTable("lens", new("series"), new("unembedding"), new("layer", "block, from 0"), new("score", "mean logit of tokens with a keyword"));
        var tops = new FigureTable(
            "lens-tokens", new("series"), new("unembedding"), new("layer", "block, from 0"), new("by"), new("rank"), new("token", "id"), new("text"), new("value", "by"));
        foreach (var lens in lenses)
        {
            scores.Add(Name(lens), lens.Unembedding, lens.Layer, lens.Score);
            AddTokens(tops, lens, "dot", lens.TopDot);
            AddTokens(tops, lens, "cosine", lens.TopCosine);
        }
        var values = new Dictionary<string, JsonNode?>(StringComparer.Ordinal)
        {
            ["data"] = scores.ToJson("series", "unembedding", "layer", "score"),
        };
        SeriesStyle.AddTo(values, scores.Rows.Select(row => (string)row[0]!));
        return new ReportFigure
        {
            Id = "lens",
            Title = "Does the vector itself spell the keywords?",
            Caption = "Logit-lens score s(v): the mean product of the unit vector with the unembedding rows of all tokens whose text contains a keyword "
                + $"({string.Join(", ", _run.Words.Words)}; any case), by the layer the vector is of; without the final norm. Below: the tokens that layer {_run.Layer}'s vectors point to most.",
            Theirs = "the base-derived vector does not decode to wait or but, the reasoning-derived one does in later layers (their set there is wait, but).",
            Chart = scores.Rows.Count == 0 ? null : ReportAssets.Chart("lens", values),
            Alt = $"Line chart of {StudyWords.Count(scores.Rows.Count, "logit-lens score")} by layer; all are in the table below.",
            Body = TopTokens(lenses),
            Numbers = HtmlTable.Write(
                "Scores", [new("vector"), new("unembedding"), new("layer", true), new("score", true)],
                scores.Rows.Select(row => (IReadOnlyList<string>)[(string)row[0]!, (string)row[1]!, $"{row[2]}", Digits(row[3])])),
            Tables = [scores, tops],
        };
    }

    private string OfWindow(List<StudyCosine> cosines) => cosines.FirstOrDefault(cosine => cosine.Layer == _run.Layer && cosine.Offsets == _run.Offsets) is { } cosine
        ? $" The whole window {StudyWords.Window(_run.Offsets)} at layer {_run.Layer}: {StudyWords.Digits(cosine.Value)}." : "";

    private string Traces() => results.Log.Traces is { } traces
        ? $" ({StudyWords.Count(traces.Count, "trace")}, {StudyWords.Count(traces.Spans.GetValueOrDefault(_run.Label), "sentence")}, judged by {traces.Judge})" : "";

    private static string Name(StudyLens lens) => $"{lens.Source}-derived";

    private static void AddTokens(FigureTable table, StudyLens lens, string by, IReadOnlyList<StudyToken> tokens)
    {
        for (var i = 0; i < tokens.Count; i++) table.Add(Name(lens), lens.Unembedding, lens.Layer, by, i + 1, tokens[i].Id, tokens[i].Text, tokens[i].Value);
    }

    private string TopTokens(List<StudyLens> lenses)
    {
        var shown = lenses.Where(lens => lens.Layer == _run.Layer).ToList();
        if (shown.Count == 0) return "";
        var html = new StringBuilder("<div class=\"wide\"><table class=\"tokens\"><caption>");
        html.Append(Html.Escape($"Tokens nearest to the vectors of layer {_run.Layer}; keywords marked"));
        html.Append("</caption><thead><tr><th scope=\"col\">vector</th><th scope=\"col\">unembedding</th><th scope=\"col\">by dot product</th><th scope=\"col\">by cosine</th></tr></thead><tbody>\n");
        foreach (var lens in shown)
        {
            html.Append("<tr><td>").Append(Html.Escape(Name(lens))).Append("</td><td>").Append(Html.Escape(lens.Unembedding)).Append("</td><td>")
                .Append(Chips(lens.TopDot)).Append("</td><td>").Append(Chips(lens.TopCosine)).Append("</td></tr>\n");
        }
        return html.Append("</tbody></table></div>").ToString();
    }

    private string Chips(IReadOnlyList<StudyToken> tokens) => string.Join(' ', tokens.Take(ShownTokens).Select(token =>
        $"<span class=\"token{(_run.Words.IsPartOf(token.Text) ? " keyword" : "")}\" title=\"{Html.Escape(StudyWords.Digits(token.Value))}\">{TokenText.Shown(token.Text)}</span>"));

    private static string Digits(object? number) => StudyWords.Digits(number as double? ?? double.NaN);
}
