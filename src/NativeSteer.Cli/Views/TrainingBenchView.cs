using System.Globalization;
using System.Text.Json;
using MathNet.Numerics.Statistics;
using NativeSteer.Cli.Output;
using NativeSteer.Engine;
using NativeSteer.Training;

namespace NativeSteer.Cli.Views;

/// <summary>Speeds of training, a table per shape.</summary>
internal sealed class TrainingBenchView(TrainingBenchmark benchmark, TrainingBenchmarkOptions options, Terminal terminal)
    : BenchmarkView<TrainingBenchmarkRow>(terminal)
{
    private static readonly string[] s_headings = ["mode", "ms/step", "t/s", "GFLOP/s", "of sgemm", "autodiff ms", "times autodiff"];

    private static string NoBaseline =>
        $"autodiff: ggml's cannot derive attention that shares key-value heads, and has no room for more than {AutodiffTrainer.MostLayers} layers";

    protected override IEnumerable<string> Columns => ["V", "d", "layers", "heads", "kv", "ff", "T", "B", .. s_headings];

    protected override IEnumerable<string> Values(TrainingBenchmarkRow row) => [row.Shape.ToString(), .. Cells(row, spread: false)];

    internal override void PrintMarkdown(IReadOnlyList<TrainingBenchmarkRow> rows)
    {
        foreach (var shape in rows.GroupBy(row => row.Shape))
        {
            var s = shape.Key;
            var outputs = shape.First().Outputs;
            Terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"V {s.Vocabulary}, d {s.Width}, {s.Layers} layers, {s.Heads} heads, {s.KeyValueHeads} kv, ff {s.FeedForward}, T {s.Length} x B {s.Rows}, {outputs} tokens counted"));
            Terminal.Out.WriteLine();
            MarkdownTable.Print(Terminal, s_headings, shape.Select(row => Cells(row, spread: true)));
            Terminal.Out.WriteLine();
        }
        if (rows.Count == 0) return;
        Terminal.Out.WriteLine($"{benchmark.Threads} threads, {options.Rounds} rounds, medians [range]; llama.cpp {LlamaLibrary.Version}");
        Terminal.Out.WriteLine($"sgemm: {Fixed(rows.SelectMany(row => row.MatrixRates).Median() / 1e9, 0)} GFLOP/s by {benchmark.RateName}; 1024 x 1024 x 1024, measured in every round");
        if (rows.Any(row => !row.Shape.HasBaseline)) Terminal.Out.WriteLine(NoBaseline);
    }

    private static string[] Cells(TrainingBenchmarkRow row, bool spread) =>
    [
        row.Mode.Name, Fixed(row.StepSeconds * 1e3, 1), Fixed(row.TokensPerSecond, 0), Fixed(row.Rate / 1e9, 1), Ratio(row.Shares, spread),
        row.BaselineSeconds.Count == 0 ? "-" : Fixed(row.BaselineSeconds.Median() * 1e3, 1), Ratio(row.Ratios, spread),
    ];

    private static string Ratio(IReadOnlyList<double> ratios, bool spread) => ratios.Count == 0
        ? "-"
        : Fixed(ratios.Median(), 2) + (spread ? $" [{Fixed(ratios.Min(), 2)} {Fixed(ratios.Max(), 2)}]" : "");

    internal override void Fields(Utf8JsonWriter json, TrainingBenchmarkRow row)
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
        Samples(json, "samples_s", row.Seconds);
        Samples(json, "samples_autodiff_s", row.BaselineSeconds);
        Samples(json, "samples_sgemm_gflops", row.MatrixRates.Select(rate => rate / 1e9));
    }
}
