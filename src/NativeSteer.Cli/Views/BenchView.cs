using System.Globalization;
using System.Text.Json;
using MathNet.Numerics.Statistics;
using NativeSteer.Cli.Output;
using NativeSteer.Engine;
using NativeSteer.Rollouts;

namespace NativeSteer.Cli.Views;

/// <summary>Speeds of decoding.</summary>
internal sealed class BenchView(LanguageModel model, BenchmarkOptions options, Terminal terminal) : BenchmarkView<BenchmarkRow>(terminal)
{
    private static readonly string[] s_headings =
        ["PP", "TG", "B", "K", "mode", "N_KV", "T_PP s", "S_PP t/s", "T_TG s", "S_TG t/s", "T s", "S t/s", "PP/plain", "TG/plain"];

    protected override IEnumerable<string> Columns => s_headings;

    protected override IEnumerable<string> Values(BenchmarkRow row) => Cells(row, spread: false);

    protected override void PrintMarkdown(IReadOnlyList<BenchmarkRow> rows)
    {
        MarkdownTable.Print(Terminal, s_headings, rows.Select(row => Cells(row, spread: true)));
        Terminal.Out.WriteLine();
        Terminal.Out.WriteLine($"{model.Description}, {Text.Count(model.ParameterCount)} weights; {Threads} threads, {options.Repetitions} rounds, medians [range]; llama.cpp {LlamaLibrary.Version}");
    }

    private static string[] Cells(BenchmarkRow row, bool spread)
    {
        var (prompt, generated) = (row.PromptSeconds.Median(), row.GeneratedSeconds.Median());
        return
        [
            Whole(row.PromptLength), Whole(row.GeneratedLength), Whole(row.Batch), Whole(row.Vectors), Name(row.Mode), Whole(row.CacheCells),
            Fixed(prompt, 3), Fixed(row.PromptSpeed, 1), Fixed(generated, 3), Fixed(row.GeneratedSpeed, 1),
            Fixed(prompt + generated, 3), Fixed(row.CacheCells / (prompt + generated), 1),
            Ratio(row.PromptRatios), Ratio(row.GeneratedRatios),
        ];

        string Ratio(IReadOnlyList<double> ratios) =>
            Fixed(ratios.Median(), 3) + (spread && row.Mode != BenchmarkMode.Plain ? $" [{Fixed(ratios.Min(), 2)} {Fixed(ratios.Max(), 2)}]" : "");
    }

    protected override void Fields(Utf8JsonWriter json, BenchmarkRow row)
    {
        json.WriteString("model", model.Path);
        json.WriteString("model_desc", model.Description);
        json.WriteNumber("model_n_params", model.ParameterCount);
        json.WriteNumber("model_size", model.SizeInBytes);
        json.WriteString("llama_version", LlamaLibrary.Version);
        json.WriteNumber("n_threads", Threads);
        json.WriteNumber("n_batch", options.BatchLength);
        json.WriteString("mode", Name(row.Mode));
        json.WriteNumber("k", row.Vectors);
        json.WriteNumber("pp", row.PromptLength);
        json.WriteNumber("tg", row.GeneratedLength);
        json.WriteNumber("pl", row.Batch);
        json.WriteNumber("n_kv", row.CacheCells);
        json.Number("speed_pp", row.PromptSpeed);
        json.Number("speed_tg", row.GeneratedSpeed);
        json.Number("ratio_pp", row.PromptRatios.Median());
        json.Number("ratio_tg", row.GeneratedRatios.Median());
        Samples(json, "samples_pp_s", row.PromptSeconds);
        Samples(json, "samples_tg_s", row.GeneratedSeconds);
        Samples(json, "samples_ratio_pp", row.PromptRatios);
        Samples(json, "samples_ratio_tg", row.GeneratedRatios);
    }

    private int Threads => options.Threads > 0 ? options.Threads : Environment.ProcessorCount;

    private static string Name(BenchmarkMode mode) => mode.ToString().ToLowerInvariant();

    private static string Whole(int value) => value.ToString(CultureInfo.InvariantCulture);
}
