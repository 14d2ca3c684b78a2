using System.Globalization;
using System.Text.Json;
using MathNet.Numerics.Statistics;
using NativeSteer.Cli.Output;
using NativeSteer.Engine;
using NativeSteer.Training;

namespace NativeSteer.Cli.Views;

/// <summary>Training benchmark rows as a table per shape, as comma-separated values, or as JSON.</summary>
internal sealed class TrainingBenchView(TrainingBenchmark benchmark, TrainingBenchmarkOptions options, Terminal terminal)
{
    private static readonly string[] s_headings = ["mode", "ms/step", "t/s", "GFLOP/s", "of sgemm", "autodiff ms", "times autodiff"];

    private static string NoBaseline =>
        $"autodiff: ggml's cannot derive attention that shares key-value heads, and has no room for more than {AutodiffTrainer.MostLayers} layers";

    internal void Print(IReadOnlyList<TrainingBenchmarkRow> rows, string format)
    {
        switch (format)
        {
            case "json":
                Json.Print(terminal, json =>
                {
                    json.WriteStartArray();
                    foreach (var row in rows) json.Object(inner => Fields(inner, row));
                    json.WriteEndArray();
                });
                break;
            case "csv":
                terminal.Out.WriteLine(string.Join(',', ["V", "d", "layers", "heads", "kv", "ff", "T", "B", .. s_headings]));
                foreach (var row in rows) terminal.Out.WriteLine(string.Join(',', [row.Shape.ToString(), .. Cells(row, spread: false)]));
                break;
            case "md":
                PrintMarkdown(rows);
                break;
        }
    }

    /// <summary>One row as a line of JSON, as soon as it is known.</summary>
    internal void PrintLine(TrainingBenchmarkRow row)
    {
        Json.Print(terminal, json => json.Object(inner => Fields(inner, row)), indented: false);
        terminal.Flush();
    }

    private void PrintMarkdown(IReadOnlyList<TrainingBenchmarkRow> rows)
    {
        foreach (var shape in rows.GroupBy(row => row.Shape))
        {
            var s = shape.Key;
            var outputs = shape.First().Outputs;
            terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"V {s.Vocabulary}, d {s.Width}, {s.Layers} layers, {s.Heads} heads, {s.KeyValueHeads} kv, ff {s.FeedForward}, T {s.Length} x B {s.Rows}, {outputs} tokens counted"));
            terminal.Out.WriteLine();
            MarkdownTable.Print(terminal, s_headings, shape.Select(row => Cells(row, spread: true)));
            terminal.Out.WriteLine();
        }
        if (rows.Count == 0) return;
        terminal.Out.WriteLine($"{benchmark.Threads} threads, {options.Rounds} rounds, medians [range]; llama.cpp {LlamaLibrary.Version}");
        terminal.Out.WriteLine($"sgemm: {Fixed(rows.SelectMany(row => row.MatrixRates).Median() / 1e9, 0)} GFLOP/s by {benchmark.RateName}; 1024 x 1024 x 1024, measured in every round");
        if (rows.Any(row => !row.Shape.HasBaseline)) terminal.Out.WriteLine(NoBaseline);
    }

    private static string[] Cells(TrainingBenchmarkRow row, bool spread) =>
    [
        row.Mode.Name, Fixed(row.StepSeconds * 1e3, 1), Fixed(row.TokensPerSecond, 0), Fixed(row.Rate / 1e9, 1), Ratio(row.Shares, spread),
        row.BaselineSeconds.Count == 0 ? "-" : Fixed(row.BaselineSeconds.Median() * 1e3, 1), Ratio(row.Ratios, spread),
    ];

    private static string Ratio(IReadOnlyList<double> ratios, bool spread) => ratios.Count == 0
        ? "-"
        : Fixed(ratios.Median(), 2) + (spread ? $" [{Fixed(ratios.Min(), 2)} {Fixed(ratios.Max(), 2)}]" : "");

    private void Fields(Utf8JsonWriter json, TrainingBenchmarkRow row)
    {
        var shape = row.Shape;
        json.WriteString("llama_version", LlamaLibrary.Version);
        json.WriteNumber("n_threads", benchmark.Threads);
        json.WriteString("shape", shape.ToString());
        json.WriteString("mode", row.Mode.Name);
        json.WriteNumber("n_tokens", shape.Tokens);
        json.WriteNumber("n_outputs", row.Outputs);
        json.WriteNumber("ms_step", Math.Round(row.StepSeconds * 1e3, 3));
        json.WriteNumber("tokens_per_second", Math.Round(row.TokensPerSecond, 1));
        json.WriteNumber("gflops", Math.Round(row.Rate / 1e9, 2));
        json.WriteString("sgemm", benchmark.RateName);
        json.WriteNumber("sgemm_gflops", Math.Round(row.MatrixRates.Median() / 1e9, 2));
        json.Number("share_sgemm", row.Shares.Median());
        json.Number("ratio_autodiff", row.Ratios.Count == 0 ? null : row.Ratios.Median());
        json.Number("loss", row.Loss);
        json.Number("loss_autodiff", row.BaselineLoss);
        Samples("samples_s", row.Seconds);
        Samples("samples_autodiff_s", row.BaselineSeconds);
        Samples("samples_sgemm_gflops", [.. row.MatrixRates.Select(rate => rate / 1e9)]);

        void Samples(string name, IReadOnlyList<double> values)
        {
            json.WriteStartArray(name);
            foreach (var value in values) json.WriteNumberValue(Math.Round(value, 6));
            json.WriteEndArray();
        }
    }

    private static string Fixed(double value, int digits) => value.ToString("F" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
