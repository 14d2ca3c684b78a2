using System.Text.Json;
using MathNet.Numerics.Statistics;
using NativeSteer.Cli.Output;
using NativeSteer.Engine;
using NativeSteer.Rollouts;

namespace NativeSteer.Cli.Views;

/// <summary>Speeds of a sweep, run in several ways.</summary>
internal sealed class SweepBenchView(LanguageModel model, SweepBenchmarkOptions options, Terminal terminal) : BenchmarkView<SweepBenchmarkRow>(terminal)
{
    private static readonly string[] s_headings = ["mode", "np", "s", "decoded", "reused", "decoded/s", "x cell by cell", "x one by one"];

    protected override IEnumerable<string> Columns => s_headings;

    protected override IEnumerable<string> Values(SweepBenchmarkRow row) => Cells(row, spread: false);

    internal override void PrintMarkdown(IReadOnlyList<SweepBenchmarkRow> rows)
    {
        MarkdownTable.Print(Terminal, s_headings, rows.Select(row => Cells(row, spread: true)));
        Terminal.Out.WriteLine();
        Terminal.Out.WriteLine(
            $"{options.Vectors} vectors x {options.Magnitudes} strengths x {options.Prompts.Count} prompts of {options.Prompts[0].Count} tokens, {options.Generated} generated; "
            + $"layer {(options.Layer >= 0 ? options.Layer : model.Shape.Layers / 2)}; {model.Description}; "
            + $"{(options.Context.Threads > 0 ? options.Context.Threads : Environment.ProcessorCount)} threads, {options.Repetitions} rounds, medians [range]; llama.cpp {LlamaLibrary.Version}");
    }

    internal override void Fields(Utf8JsonWriter json, SweepBenchmarkRow row)
    {
        json.WriteString("mode", Named(row.Mode));
        json.WriteNumber("parallel", row.Parallel);
        json.WriteNumber("decoded_tokens", row.DecodedTokens);
        json.WriteNumber("reused_tokens", row.ReusedTokens);
        json.Number("times_cell_by_cell", row.ToCellByCell.Median());
        json.Number("times_one_by_one", row.ToOneByOne.Median());
        Samples(json, "samples_s", row.Seconds);
    }

    private static string[] Cells(SweepBenchmarkRow row, bool spread) =>
    [
        Named(row.Mode), $"{row.Parallel}", Fixed(row.Median, 2), $"{row.DecodedTokens}", $"{row.ReusedTokens}", Fixed(row.DecodedTokens / row.Median, 0),
        Range(row.ToCellByCell, spread), Range(row.ToOneByOne, spread),
    ];

    private static string Range(IReadOnlyList<double> ratios, bool spread) =>
        Fixed(ratios.Median(), 1) + (spread ? $" [{Fixed(ratios.Min(), 1)} {Fixed(ratios.Max(), 1)}]" : "");

    private static string Named(SweepMode mode) => mode switch
    {
        SweepMode.Batch => "one batch",
        SweepMode.BatchGenerated => "one batch; generated tokens steered",
        SweepMode.CellByCell => "cell by cell",
        _ => "one by one",
    };
}
