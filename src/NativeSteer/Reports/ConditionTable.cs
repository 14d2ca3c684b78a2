using NativeSteer.Analysis;
using NativeSteer.Studies;

namespace NativeSteer.Reports;

/// <summary>Conditions of the study as rows of a figure: every measure with its interval.</summary>
internal static class ConditionTable
{
    /// <summary>What charts need of a row.</summary>
    internal static readonly string[] ChartFields =
        ["target", "series", "window", "layer", "magnitude", "rate", "rate_low", "rate_high", "kl", "factor", "completions", "prompts", "bad", "sound"];

    private static readonly FigureColumn[] s_columns =
    [
        new("target"), new("model"), new("series"), new("kind"), new("source"), new("label"), new("window", "tokens from the sentence's start"), new("layer", "block, from 0"),
        new("magnitude", "in unit"), new("unit"), new("scale", "residual stream's units"), new("completions", "count"), new("prompts", "count"),
        new("words", "count"), new("keywords", "count"), new("rate", "share of words"), new("rate_low", "95 % interval"), new("rate_high", "95 % interval"),
        new("factor", "times unsteered"), new("factor_low", "95 % interval"), new("factor_high", "95 % interval"),
        new("events", "keywords per completion"), new("events_low", "95 % interval"), new("events_high", "95 % interval"),
        new("rate_without_degenerate", "share of words"), new("ok", "completions"), new("truncated", "completions"), new("empty", "completions"),
        new("degenerate", "completions"), new("bad", "share empty or degenerate"), new("sound", "bad at most 0.1"), new("kl", "nats per token"), new("perplexity"),
    ];

    /// <summary>The rows of conditions.</summary>
    /// <param name="name">The CSV file's name.</param>
    /// <param name="results">What they are of.</param>
    /// <param name="conditions">In any order; they are sorted by target, vector, window, layer and magnitude.</param>
    internal static FigureTable Create(string name, BacktrackingResults results, IEnumerable<ConditionResult> conditions)
    {
        var table = new FigureTable(name, s_columns);
        var named = conditions.Select(result => (Result: result, Series: Series(results, result))).ToList();
        var order = SeriesStyle.Order(named.Select(item => item.Series));
        foreach (var (result, series) in named
            .OrderByDescending(item => item.Result.Condition.Target, StringComparer.Ordinal)
            .ThenBy(item => order.IndexOf(item.Series))
            .ThenBy(item => item.Result.Condition.Vector.Offsets?.First ?? 0)
            .ThenBy(item => item.Result.Condition.Vector.Offsets?.Last ?? 0)
            .ThenBy(item => item.Result.Condition.Layer ?? -1)
            .ThenBy(item => item.Result.Condition.Magnitude))
        {
            table.Add(Row(results, result, series));
        }
        return table;
    }

    /// <summary>The name of a condition's vector; <c>unsteered</c> where nothing is added.</summary>
    internal static string Series(BacktrackingResults results, ConditionResult result) =>
        result.Condition.IsUnsteered ? StudyWords.Unsteered : StudyWords.Name(result.Condition.Vector, results.Provenance.Label);

    /// <summary>The table for people.</summary>
    internal static string ToHtml(FigureTable table, string caption)
    {
        (HtmlColumn Column, Func<IReadOnlyList<object?>, string> Cell)[] all =
        [
            (new("target"), row => Text(row, "model")),
            (new("vector"), row => Text(row, "series")),
            (new("window"), row => Text(row, "window")),
            (new("layer", true), row => Text(row, "layer")),
            (new("magnitude", true), row => StudyWords.Number(Number(row, "magnitude"))),
            (new("keyword rate", true), row => StudyWords.Percent(Number(row, "rate"))),
            (new("95 %", true), row => StudyWords.PercentInterval(Estimate(row, "rate"))),
            (new("× unsteered", true), row => StudyWords.Digits(Number(row, "factor"))),
            (new("95 %", true), row => StudyWords.Interval(Estimate(row, "factor"))),
            (new("per completion", true), row => StudyWords.Digits(Number(row, "events"))),
            (new("n", true), row => Text(row, "completions")),
            (new("cut", true), row => Text(row, "truncated")),
            (new("empty", true), row => Text(row, "empty")),
            (new("repeating", true), row => Text(row, "degenerate")),
            (new("KL", true), row => StudyWords.Digits(Number(row, "kl"))),
            (new("perplexity", true), row => StudyWords.Digits(Number(row, "perplexity"))),
        ];
        // A column that says nothing in any row of this figure is left out.
        var shown = all.Where(column => table.Rows.Any(row => column.Cell(row) is not ("" or "–"))).ToList();
        return HtmlTable.Write(caption, [.. shown.Select(column => column.Column)], table.Rows.Select(row => shown.ConvertAll(column => column.Cell(row))));

        string Text(IReadOnlyList<object?> row, string field) => table.Get(row, field)?.ToString() ?? "";
        double Number(IReadOnlyList<object?> row, string field) => table.Get(row, field) as double? ?? double.NaN;
        Estimate Estimate(IReadOnlyList<object?> row, string field) => new(Number(row, field), Number(row, field + "_low"), Number(row, field + "_high"));
    }

    private static object?[] Row(BacktrackingResults results, ConditionResult result, string series)
    {
        var (condition, vector) = (result.Condition, result.Condition.Vector);
        return
        [
            condition.Target, results.Provenance.Model(condition.Target).Name, series, vector.Kind, vector.Source, vector.Label,
            vector.Offsets is { } offsets ? StudyWords.Window(offsets) : null, condition.Layer, condition.Magnitude, condition.Unit, result.Scale, result.Rollouts, result.Prompts,
            result.Keywords.Words, result.Keywords.Hits, result.Rate.Value, result.Rate.Low, result.Rate.High,
            result.Factor.Value, result.Factor.Low, result.Factor.High, result.Events.Value, result.Events.Low, result.Events.High,
            result.RateWithoutDegenerate, result[CompletionClass.Ok], result[CompletionClass.Truncated], result[CompletionClass.Empty],
            result[CompletionClass.Degenerate], result.BadShare, result.IsSound, result.Divergence, result.Perplexity,
        ];
    }
}
