using System.Text.Json.Nodes;
using NativeSteer.Studies;

namespace NativeSteer.Reports;

/// <summary>The figures of steered completions: windows, layers, pairs of models, baselines, and rate against KL.</summary>
internal sealed class SweepFigures(BacktrackingResults results)
{
    private const string Hollow = "Hollow points: more than 10 % of the completions are empty or repeat themselves.";

    private readonly StudyProvenance _run = results.Provenance;

    internal ReportFigure Chosen()
    {
        var table = ConditionTable.Create("chosen", results, ChosenConditions());
        var values = Values(table);
        values["models"] = SeriesStyle.Array(table.Rows.Select(row => Text(table, row, "model")).Distinct(StringComparer.Ordinal));
        var data = table.ToJson("model", "series", "rate", "rate_low", "rate_high", "sound", "completions");
        foreach (var row in data) row!["shown"] = StudyWords.Percent((double?)row["rate"] ?? double.NaN);
        values["data"] = data;
        return new ReportFigure
        {
            Id = "chosen",
            Title = "The chosen cell, on prompts that did not choose it",
            Caption = $"Keyword rate: the share of words that are {Keywords()}, with 95 % bootstrap intervals (BCa) over {Prompts(table)}, "
                + $"{Completions(table)} a row. {(results.Choice is { } choice ? $"Chosen from {choice.CandidateCount} cells. " : "")}{BacktrackingChoice.Rule(results)} {Hollow}",
            Theirs = "at magnitude 12 of 12 tried, the reasoning-derived vector takes Hmm and Wait from 0.48 % to 20.3 % of the words, noise to 2.7 % (10 prompts).",
            Chart = ChartOr(table, "chosen", values),
            Alt = Alt(table),
            Absent = results.Choice is null ? "No cell could be chosen; the notes above say why." : null,
            Numbers = ConditionTable.ToHtml(table, "Reported half of the prompts"),
            Tables = [table],
        };
    }

    internal ReportFigure Offsets()
    {
        var table = ConditionTable.Create("offsets", results, OnReasoning("offsets"));
        var values = Values(table);
        values["windows"] = SeriesStyle.Array(table.Rows.Select(row => Text(table, row, "window")).Where(window => window.Length > 0).Distinct(StringComparer.Ordinal));
        values["magnitudes"] = new JsonArray([.. ((JsonArray)values["magnitudes"]!).Reverse().Select(magnitude => magnitude!.DeepClone())]); // upwards
        values["chosen"] = new JsonArray([.. table.ToJson("window", "layer", "magnitude").Where(IsChosen).Select(item => item!.DeepClone())]);
        return new ReportFigure
        {
            Id = "offsets",
            Title = "Which tokens hold the direction: window × magnitude",
            Caption = $"Keyword rate in % of words of {_run.Reasoning.Name}, steered with its own vectors at layer {_run.Layer}. A window is counted in tokens from the "
                + $"first token of the {_run.Label} sentence; all windows come from one pass over the traces. {Completions(table)} a cell. "
                + $"{Base(StudyCondition.OnReasoning)} Hatched: more than 10 % of the completions are empty or repeat themselves. The frame marks the chosen cell, if it is at this layer.",
            Theirs = "best is −13 to −8, at magnitudes of 8 to 12 residual units; windows without offset do less.",
            Chart = ChartOr(table, "offsets", values),
            Alt = Alt(table),
            Numbers = ConditionTable.ToHtml(table, "By window and magnitude"),
            Tables = [table],
        };
    }

    internal ReportFigure Layers()
    {
        var table = ConditionTable.Create("layers", results, OnReasoning("layers"));
        var values = Values(table);
        var magnitudes = Distinct(table, "magnitude").Count;
        values["columns"] = magnitudes is 2 or 4 ? 2 : Math.Clamp(magnitudes, 1, 3);
        values["panelwidth"] = magnitudes switch { <= 1 => 620, 2 or 4 => 290, _ => 188 };
        return new ReportFigure
        {
            Id = "layers",
            Title = "Where it acts: layer by layer",
            Caption = $"Keyword rate of {_run.Reasoning.Name} with each vector added after one block, one panel for each magnitude ({Unit()}), window "
                + $"{StudyWords.Window(_run.Offsets)}. Bars are 95 % bootstrap intervals over {Prompts(table)}; dashed: unsteered. {Hollow}",
            Theirs = "both kinds of vector peak around layer 10 of 32, a third of the way up.",
            Chart = ChartOr(table, "layers", values),
            Alt = Alt(table),
            Numbers = ConditionTable.ToHtml(table, "By layer"),
            Tables = [table],
        };
    }

    internal ReportFigure Pairs()
    {
        var conditions = results.Figure("pairs").ToList();
        var targets = conditions.Select(result => result.Condition.Target).Distinct(StringComparer.Ordinal).ToList();
        var table = ConditionTable.Create("pairs", results, [.. conditions, .. targets.Select(target => results.Unsteered(target)).OfType<ConditionResult>()]);
        var values = Values(table);
        values["models"] = SeriesStyle.Array(table.Rows.Select(row => $"keyword rate of {Text(table, row, "model")}").Distinct(StringComparer.Ordinal));
        values["data"] = table.ToJson([.. ConditionTable.ChartFields, "model"]);
        return new ReportFigure
        {
            Id = "pairs",
            Title = "Whose direction moves whom",
            Caption = $"Keyword rate by source of the vector and by steered model, at layer {_run.Layer}, window {StudyWords.Window(_run.Offsets)}; magnitudes in {Unit()}. "
                + $"Bars carry 95 % bootstrap intervals over {Prompts(table)}. Hatched: more than 10 % of the completions are empty or repeat themselves.",
            Theirs = "the base-derived vector steers the reasoning model comparably to the reasoning-derived one; the base model backtracks under neither. "
                + "A replication (Llama-8B, 20 prompts, magnitudes 4, 8, 12, 16, unsteered 0.7 %): reasoning-derived 0.9, 2.1, 4.5, 7.4 %; base-derived 0.9, 1.5, 2.4, 4.6 %; "
                + "base model 0 % throughout, partly because its completions were empty.",
            Chart = ChartOr(table, "pairs", values),
            Alt = Alt(table),
            Numbers = ConditionTable.ToHtml(table, "By steered model and source"),
            Tables = [table],
        };
    }

    internal ReportFigure Baselines()
    {
        var table = ConditionTable.Create("baselines", results, WithZero(OnReasoning("baselines")));
        var theirs = PaperNumbers.Baselines();
        var values = Values(table);
        values["theirs"] = theirs.ToJson("series", "magnitude", "rate");
        AddStarts(values, table);
        SeriesStyle.AddTo(values, Names(table).Concat(Names(theirs)).Where(name => name != StudyWords.Unsteered));
        return new ReportFigure
        {
            Id = "baselines",
            Title = "Is it the direction, or any push?",
            Caption = $"Keyword rate of {_run.Reasoning.Name} against magnitude ({Unit()}) for the studied vectors and for the baselines: the mean of all labels' tokens, "
                + "Gaussian noise (a direction of its own for each prompt; the paper draws one for each token), every token's own direction, a vector of labels dealt anew, and other labels' vectors; layer "
                + $"{_run.Layer}. Bars are 95 % bootstrap intervals over {Prompts(table)}. {Hollow}",
            Theirs = "right panel: the authors' published runs (R1-Distill-Llama-8B, layer 10, 10 prompts, magnitudes in residual units, no intervals). Their rate collapses beyond 12, where texts break down.",
            Chart = ChartOr(table, "baselines", values),
            Alt = Alt(table),
            Numbers = ConditionTable.ToHtml(table, "By vector and magnitude"),
            Tables = [table, theirs],
        };
    }

    internal ReportFigure Divergence()
    {
        var conditions = OnReasoning("baselines").Concat(OnReasoning("pairs")).Where(result => !double.IsNaN(result.Divergence)).Distinct().ToList();
        var table = ConditionTable.Create("divergence", results, conditions.Count == 0 ? [] : WithZero(conditions));
        var values = Values(table);
        AddStarts(values, table);
        SeriesStyle.AddTo(values, Names(table).Where(name => name != StudyWords.Unsteered));
        var equal = EqualDivergenceTable(conditions);
        return new ReportFigure
        {
            Id = "divergence",
            Title = "Keywords bought per nat: rate at equal KL",
            Caption = $"The same conditions by how far they move the model: KL(steered ‖ unsteered) in nats per generated token, square-root scale. At the same KL "
                + $"vectors of different strength can be compared; a line runs along growing magnitude. {Hollow}",
            Chart = ChartOr(table, "divergence", values),
            Alt = Alt(table),
            Body = equal.Rows.Count == 0 ? "" : EqualHtml(equal),
            Numbers = ConditionTable.ToHtml(table, "Rate and KL"),
            Tables = [table, equal],
        };
    }

    private IEnumerable<ConditionResult> ChosenConditions()
    {
        if (results.Choice is not { } choice) return [];
        var condition = choice.Condition;
        var onBase = results.Conditions.Select(result => result.Condition)
            .Where(other => other.Target == StudyCondition.OnBase && results.IsStudied(other.Vector) && other == condition with { Target = other.Target, Vector = other.Vector })
            .Select(other => results.Measure(other, StudyHalf.Report)).Prepend(results.Unsteered(StudyCondition.OnBase, StudyHalf.Report));
        return new[] { choice.Steered, choice.Unsteered, choice.Noise, choice.BaseDerived }.Concat(onBase).OfType<ConditionResult>();
    }

    /// <summary>Where each vector's line begins: at the unsteered model, which is its magnitude 0. Drawn without a point of its own.</summary>
    private static void AddStarts(Dictionary<string, JsonNode?> values, FigureTable table)
    {
        var starts = new JsonArray();
        if (table.Rows.FirstOrDefault(row => Text(table, row, "series") == StudyWords.Unsteered) is { } unsteered)
        {
            foreach (var name in Names(table).Where(name => name != StudyWords.Unsteered))
                starts.Add((JsonNode)new JsonObject { ["series"] = name, ["magnitude"] = 0, ["rate"] = JsonValue.Create(table.Get(unsteered, "rate") as double?), ["kl"] = 0 });
        }
        values["starts"] = new JsonArray([.. ((JsonArray)values["data"]!).Concat(starts).Where(row => (string?)row!["series"] != StudyWords.Unsteered).Select(row => row!.DeepClone())]);
    }

    /// <summary>The conditions, and the unsteered model as their magnitude 0.</summary>
    private List<ConditionResult> WithZero(IEnumerable<ConditionResult> conditions)
    {
        var all = conditions.ToList();
        if (results.Unsteered(StudyCondition.OnReasoning) is { } unsteered) all.Add(unsteered with { Divergence = 0 });
        return all;
    }

    private FigureTable EqualDivergenceTable(List<ConditionResult> conditions)
    {
        var table = new FigureTable(
            "equal-divergence", new FigureColumn("series"), new FigureColumn("kl", "nats per token"), new FigureColumn("rate", "share of words, interpolated"));
        if (results.Choice is not { } choice || results.MeasureWhereKnown(choice.Condition) is not { Divergence: > 0 and var divergence }
            || results.MeasureWhereKnown(null) is not { } unsteered) return table;
        var known = conditions.Where(result => result.Condition.Magnitude > 0).Select(result => results.MeasureWhereKnown(result.Condition)).OfType<ConditionResult>();
        foreach (var vector in known.GroupBy(result => ConditionTable.Series(results, result), StringComparer.Ordinal))
            table.Add(vector.Key, divergence, EqualDivergence.Rate(unsteered, vector, divergence));
        return table;
    }

    private static string EqualHtml(FigureTable table) => HtmlTable.Write(
        $"Keyword rate at the chosen cell's KL of {StudyWords.Digits((double)table.Get(table.Rows[0], "kl")!)} nats a token, on the prompts that it was measured on, linear between neighbouring magnitudes; a dash: not run that far, or only repeating text",
        [new("vector"), new("keyword rate", true)],
        table.Rows.OrderByDescending(row => table.Get(row, "rate") as double? ?? -1)
            .Select(row => (IReadOnlyList<string>)[(string)table.Get(row, "series")!, StudyWords.Percent(table.Get(row, "rate") as double? ?? double.NaN)]));

    /// <summary>What every template of a sweep can use.</summary>
    private Dictionary<string, JsonNode?> Values(FigureTable table)
    {
        var values = new Dictionary<string, JsonNode?>(StringComparer.Ordinal)
        {
            ["data"] = table.ToJson(ConditionTable.ChartFields),
            ["magnitudes"] = new JsonArray([.. Distinct(table, "magnitude").Select(magnitude => (JsonNode)(double)magnitude)]),
            ["magnitudetitle"] = $"magnitude ({Unit()})",
            ["unsteered"] = results.Unsteered(StudyCondition.OnReasoning) is { Rate.Value: var rate } && !double.IsNaN(rate)
                ? new JsonArray(new JsonObject { ["rate"] = rate }) : new JsonArray(),
            ["top"] = Math.Max(1e-6, table.Rows.Max(row => table.Get(row, "rate") as double?) ?? 0),
        };
        SeriesStyle.AddTo(values, Names(table));
        return values;
    }

    private static JsonObject? ChartOr(FigureTable table, string template, Dictionary<string, JsonNode?> values) =>
        table.Rows.Count == 0 ? null : ReportAssets.Chart(template, values);

    private IEnumerable<ConditionResult> OnReasoning(string figure) =>
        results.Figure(figure).Where(result => result.Condition.Target == StudyCondition.OnReasoning);

    private bool IsChosen(JsonNode? item) => results.Choice?.Condition is { Vector.Offsets: { } offsets } chosen
        && (string?)item!["window"] == StudyWords.Window(offsets) && (int?)item["layer"] == chosen.Layer && (double)item["magnitude"]! == chosen.Magnitude;

    private static IEnumerable<string> Names(FigureTable table) => table.Rows.Select(row => Text(table, row, "series")).Distinct(StringComparer.Ordinal);

    private static List<object> Distinct(FigureTable table, string field) => [.. table.Rows.Select(row => table.Get(row, field)).OfType<object>().Distinct().Order()];

    private static string Text(FigureTable table, IReadOnlyList<object?> row, string field) => table.Get(row, field)?.ToString() ?? "";

    private string Keywords() => StudyWords.Or(_run.Words.Words);

    private string Unit() => _run.Unit == "rel" ? "mean residual norms" : "residual units";

    private string Base(string target) => results.Unsteered(target) is { } plain ? $"Unsteered: {StudyWords.Percent(plain.Rate.Value)}." : "";

    private static string Prompts(FigureTable table) => Range(table, "prompts", "prompt");

    private static string Completions(FigureTable table) => Range(table, "completions", "completion");

    private static string Range(FigureTable table, string field, string noun)
    {
        var counts = Distinct(table, field).Cast<int>().ToList();
        return counts.Count switch
        {
            0 => $"no {noun}s",
            1 => StudyWords.Count(counts[0], noun),
            _ => $"{counts[0]} to {StudyWords.Count(counts[^1], noun)}",
        };
    }

    /// <summary>The highest rows in words; all of them stand in the table below the chart.</summary>
    private static string Alt(FigureTable table)
    {
        var highest = table.Rows.Where(row => table.Get(row, "rate") is not null).OrderByDescending(row => (double)table.Get(row, "rate")!).Take(3).Select(row =>
            $"{Text(table, row, "series")} on {Text(table, row, "model")}"
            + (Text(table, row, "window") is { Length: > 0 } window ? $", window {window}" : "") + (Text(table, row, "layer") is { Length: > 0 } layer ? $", layer {layer}" : "")
            + $", magnitude {StudyWords.Number((double)table.Get(row, "magnitude")!)}: {StudyWords.Percent((double)table.Get(row, "rate")!)}");
        return $"Chart of {StudyWords.Count(table.Rows.Count, "keyword rate")}. Highest: {string.Join("; ", highest)}. All numbers are in the table below.";
    }
}
