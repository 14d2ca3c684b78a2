using System.Globalization;
using System.Text.Json;
using MathNet.Numerics.Statistics;
using NativeSteer.Cli.Output;
using NativeSteer.Engine;
using NativeSteer.Search;

namespace NativeSteer.Cli.Views;

/// <summary>What forking and batching are worth to searches.</summary>
internal sealed class SearchBenchView(SearchBenchmarkOptions options, Terminal terminal) : BenchmarkView<SearchBenchmarkRow>(terminal)
{
    private static readonly string[] s_headings = ["N", "search", "ms/puzzle", "times forked", "tokens decoded", "sampled", "decodes", "solved"];

    protected override IEnumerable<string> Columns => s_headings;

    protected override IEnumerable<string> Values(SearchBenchmarkRow row) => Cells(row, spread: false);

    internal override void PrintMarkdown(IReadOnlyList<SearchBenchmarkRow> rows)
    {
        MarkdownTable.Print(Terminal, s_headings, rows.Select(row => Cells(row, spread: true)));
        Terminal.Out.WriteLine();
        Terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{options.Puzzles} puzzles of {options.Numbers} numbers, b={options.Backtracks}, {options.Rounds} rounds, medians [range]; llama.cpp {LlamaLibrary.Version}"));
    }

    internal override void Fields(Utf8JsonWriter json, SearchBenchmarkRow row)
    {
        json.WriteString("llama_version", LlamaLibrary.Version);
        json.WriteString("mode", row.Mode);
        json.WriteNumber("samples", row.Samples);
        json.WriteNumber("backtracks", options.Backtracks);
        json.WriteNumber("puzzles", options.Puzzles);
        json.WriteNumber("seconds", Math.Round(row.MedianSeconds, 4));
        json.WriteNumber("times_forked", Math.Round(row.Times.Median(), 3));
        json.WriteNumber("decoded_tokens", row.DecodedTokens);
        json.WriteNumber("sampled_tokens", row.SampledTokens);
        json.WriteNumber("decodes", row.Decodes);
        json.WriteNumber("solved", row.Solved);
        Samples(json, "samples_s", row.Seconds);
    }

    private string[] Cells(SearchBenchmarkRow row, bool spread) =>
    [
        row.Samples.ToString(CultureInfo.InvariantCulture), row.Mode, Fixed(1e3 * row.MedianSeconds / options.Puzzles, 1),
        Fixed(row.Times.Median(), 2) + (spread ? $" [{Fixed(row.Times.Min(), 2)} {Fixed(row.Times.Max(), 2)}]" : ""),
        row.DecodedTokens.ToString(CultureInfo.InvariantCulture), row.SampledTokens.ToString(CultureInfo.InvariantCulture),
        row.Decodes.ToString(CultureInfo.InvariantCulture), row.Solved.ToString(CultureInfo.InvariantCulture),
    ];
}
