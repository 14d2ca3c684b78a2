using System.Globalization;
using System.Text.Json.Nodes;
using MathNet.Numerics.Statistics;
using NativeSteer.Analysis;
using NativeSteer.Studies;

namespace NativeSteer.Reports;

/// <summary>The figures of a quantisation study: the copies, what is left of their vectors, and what each vector does to each copy.</summary>
internal sealed class QuantizationFigures(QuantizationResults results)
{
    private const int FewLayers = 12, WideRows = 26, NarrowRows = 15;

    internal ReportFigure Copies()
    {
        var table = new FigureTable(
            "copies", new("model"), new("type"), new("bytes"), new("bits", "a weight"), new("fallbacks", "matrices in another format"), new("perplexity"),
            new("perplexity_ratio", "to the first type"), new("batch", "sequences"), new("prompt", "tokens per second, median"), new("prompt_low"), new("prompt_high"),
            new("generated", "tokens per second, median"), new("generated_low"), new("generated_high"));
        foreach (var model in results.Models)
        {
            var perplexity = results.Perplexity(model.Source, model.Type);
            foreach (var speed in results.Speeds.Where(speed => speed.Source == model.Source && speed.Type == model.Type))
            {
                table.Add(
                    Name(model.Source), model.Type, (double)model.Bytes, model.Bits, model.Fallbacks, perplexity, perplexity / results.Perplexity(model.Source, results.Types[0]),
                    speed.Batch, speed.Prompt.Median(), speed.Prompt.Min(), speed.Prompt.Max(), speed.Generated.Median(), speed.Generated.Min(), speed.Generated.Max());
            }
        }
        var values = new Dictionary<string, JsonNode?>(StringComparer.Ordinal)
        {
            ["data"] = Points(),
            ["title"] = $"perplexity of the traces, times that of {results.Types[0]}",
            ["series"] = SeriesStyle.Array(results.Sources.Select(Name)),
            ["colours"] = SeriesStyle.Array(results.Sources.Select(source => $"var(--c-{source})")),
            ["shapes"] = SeriesStyle.Array(["circle", "square"]),
        };
        return new ReportFigure
        {
            Id = "copies",
            Title = "The copies: size, perplexity, speed",
            Caption = $"Perplexity of the study's traces under every copy, relative to the first type, against its bits a weight. Speeds are of plain decoding on the machine that ran the study, "
                + $"{results.Settings.RequiredInteger("rounds")} rounds, medians with their range.",
            Chart = table.Rows.Count == 0 ? null : ReportAssets.Chart("copies", values),
            Alt = $"Chart of perplexity against bits a weight for {results.Models.Count} copies; all numbers are in the table below.",
            Body = CopiesHtml(table),
            Tables = [table],
        };
    }

    internal ReportFigure Fidelity()
    {
        var table = new FigureTable(
            "fidelity", new("model"), new("type"), new("layer", "block, from 0"), new("cosine"), new("angle", "degrees"), new("norm_ratio", "to the first type"));
        foreach (var fidelity in results.Fidelities) table.Add(Name(fidelity.Source), fidelity.Type, fidelity.Layer, fidelity.Cosine, Angle(fidelity.Cosine), fidelity.NormRatio);
        var top = Math.Max(1e-6, results.Fidelities.Select(fidelity => Angle(fidelity.Cosine)).Where(double.IsFinite).DefaultIfEmpty(0).Max());
        var data = table.ToJson("model", "type", "layer", "cosine", "angle", "norm_ratio");
        foreach (var cell in data) cell!["share"] = ((double?)cell["angle"] ?? 0) / top;
        var values = Values(data, top);
        values["rowheight"] = results.Reasoning.Layers <= FewLayers ? WideRows : NarrowRows;
        return new ReportFigure
        {
            Id = "fidelity",
            Title = "What is left of the vector",
            Caption = $"Cosine of the vector for “{results.Label}” that each copy gives with that of {results.Types[0]}, layer by layer, from the same labelled traces. Coloured by the angle "
                + $"between them, up to {StudyWords.Digits(top)} degrees.",
            Chart = table.Rows.Count == 0 ? null : ReportAssets.Chart("fidelity", values),
            Alt = $"Heat map of {StudyWords.Count(table.Rows.Count, "cosine")} by type and layer; all are in the table below.",
            Numbers = HtmlTable.Write(
                "Cosines and norms", [new("model"), new("type"), new("layer", true), new("cosine", true), new("degrees", true), new("norm", true)],
                table.Rows.Select(row => (IReadOnlyList<string>)[$"{row[0]}", $"{row[1]}", $"{row[2]}", Exact(row[3]), StudyWords.Digits((double)row[4]!), Exact(row[5])])),
            Tables = [table],
        };
    }

    internal ReportFigure Effects()
    {
        var table = new FigureTable(
            "effects", new("model"), new("vector"), new("steered"), new("rate", "share of words"), new("rate_low", "95 % interval"), new("rate_high", "95 % interval"),
            new("factor", "times unsteered"), new("bad", "share empty or degenerate"), new("sound", "bad at most 0.1"), new("completions", "count"));
        foreach (var source in results.Sources)
        {
            foreach (var (steered, unsteered) in results.Unsteered) Add(source, StudyWords.Unsteered, steered, unsteered);
            foreach (var effect in results.Effects.Where(effect => effect.Source == source)) Add(source, effect.Vector, effect.Model, effect.Result);
        }
        var top = Math.Max(1e-6, table.Rows.Max(row => table.Get(row, "rate") as double?) ?? 0);
        var values = Values(table.ToJson("model", "vector", "steered", "rate", "rate_low", "rate_high", "sound", "completions"), top);
        values["vectors"] = SeriesStyle.Array([StudyWords.Unsteered, .. results.Types]);
        return new ReportFigure
        {
            Id = "effects",
            Title = "What each vector does to each copy",
            Caption = $"Keyword rate in % of words ({StudyWords.Or(results.Words.Words)}) of {results.Reasoning.Name} in every type, steered at layer {results.Layer} with the vector of every copy, "
                + $"all at the same length, {StudyWords.Magnitude(results.Magnitude, results.Unit)} of the {results.Types[0]} model. {StudyWords.Count(results.Prompts, "prompt")} a cell, the same in all. "
                + "Hatched: more than 10 % of the completions are empty or repeat themselves.",
            Chart = table.Rows.Count == 0 ? null : ReportAssets.Chart("effects", values),
            Alt = $"Heat map of {StudyWords.Count(table.Rows.Count, "keyword rate")} by vector and steered model; all are in the table below.",
            Numbers = HtmlTable.Write(
                "By vector and steered model", [new("vectors of"), new("vector"), new("steered"), new("keyword rate", true), new("95 %", true), new("× unsteered", true), new("n", true)],
                table.Rows.Select(row => (IReadOnlyList<string>)
                [
                    $"{row[0]}", $"{row[1]}", $"{row[2]}", StudyWords.Percent((double)row[3]!), StudyWords.PercentInterval(new Estimate((double)row[3]!, (double)row[4]!, (double)row[5]!)),
                    StudyWords.Digits((double)row[6]!), $"{row[9]}",
                ])),
            Tables = [table],
        };

        void Add(string source, string vector, string steered, ConditionResult result) => table.Add(
            Name(source), vector, steered, result.Rate.Value, result.Rate.Low, result.Rate.High, result.Factor.Value, result.BadShare, result.IsSound, result.Rollouts);
    }

    /// <summary>The name of the model that vectors are of.</summary>
    private string Name(string source) => source == StudyCondition.OnBase ? results.Base!.Name : results.Reasoning.Name;

    private Dictionary<string, JsonNode?> Values(JsonArray data, double top) => new(StringComparer.Ordinal)
    {
        ["data"] = data,
        ["models"] = SeriesStyle.Array(results.Sources.Select(Name)),
        ["types"] = SeriesStyle.Array(results.Types),
        ["top"] = top,
    };

    private JsonArray Points()
    {
        var points = new JsonArray();
        foreach (var model in results.Models)
        {
            var perplexity = results.Perplexity(model.Source, model.Type);
            points.Add((JsonNode)new JsonObject
            {
                ["series"] = Name(model.Source),
                ["type"] = model.Type,
                ["bits"] = model.Bits,
                ["perplexity"] = double.IsFinite(perplexity) ? perplexity : null,
                ["ratio"] = perplexity / results.Perplexity(model.Source, results.Types[0]) is var ratio && double.IsFinite(ratio) ? ratio : null,
            });
        }
        return points;
    }

    private static string CopiesHtml(FigureTable table)
    {
        return HtmlTable.Write(
        "The copies", [new("model"), new("type"), new("MiB", true), new("bits", true), new("perplexity", true), new("× first", true), new("batch", true), new("prompt t/s", true), new("generated t/s", true)],
        table.Rows.Select(row => (IReadOnlyList<string>)
        [
            Text(row, "model"), Text(row, "type"), StudyWords.Digits(Number(row, "bytes") / (1 << 20)), StudyWords.Digits(Number(row, "bits")), Exact(Number(row, "perplexity")),
            Exact(Number(row, "perplexity_ratio")), Text(row, "batch"), Spread(row, "prompt"), Spread(row, "generated"),
        ]));

        string Text(IReadOnlyList<object?> row, string field) => $"{table.Get(row, field)}";
        double Number(IReadOnlyList<object?> row, string field) => table.Get(row, field) as double? ?? double.NaN;
        string Spread(IReadOnlyList<object?> row, string field) =>
            string.Create(CultureInfo.InvariantCulture, $"{Number(row, field):0} ({Number(row, field + "_low"):0} to {Number(row, field + "_high"):0})");
    }

    private static double Angle(double cosine) => Math.Acos(Math.Clamp(cosine, -1, 1)) * 180 / Math.PI;

    private static string Exact(object? number) =>
        number is double value && double.IsFinite(value) ? value.ToString("0.0000", CultureInfo.InvariantCulture) : "–";
}
