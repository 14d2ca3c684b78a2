using System.Globalization;
using System.Text.Json;
using MathNet.Numerics.Statistics;
using NativeSteer.Cli.Output;
using NativeSteer.Engine;
using NativeSteer.Rollouts;

namespace NativeSteer.Cli.Views;

/// <summary>Benchmark rows as a table, as comma-separated values, or as JSON.</summary>
internal sealed class BenchView(LanguageModel model, BenchmarkOptions options, Terminal terminal)
{
    private static readonly string[] s_headings =
        ["PP", "TG", "B", "K", "mode", "N_KV", "T_PP s", "S_PP t/s", "T_TG s", "S_TG t/s", "T s", "S t/s", "PP/plain", "TG/plain"];

    internal void Print(IReadOnlyList<BenchmarkRow> rows, string format)
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
                terminal.Out.WriteLine(string.Join(',', s_headings));
                foreach (var row in rows) terminal.Out.WriteLine(string.Join(',', Cells(row, spread: false)));
                break;
            case "md":
                PrintMarkdown(rows);
                break;
        }
    }

    /// <summary>One row as a line of JSON, as soon as it is known.</summary>
    internal void PrintLine(BenchmarkRow row)
    {
        Json.Print(terminal, json => json.Object(inner => Fields(inner, row)), indented: false);
        terminal.Flush();
    }

    private void PrintMarkdown(IReadOnlyList<BenchmarkRow> rows)
    {
        MarkdownTable.Print(terminal, s_headings, rows.Select(row => Cells(row, spread: true)));
        terminal.Out.WriteLine();
        terminal.Out.WriteLine($"{model.Description}, {Text.Count(model.ParameterCount)} weights; {Threads} threads, {options.Repetitions} rounds, medians [range]; llama.cpp {LlamaLibrary.Version}");
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

    private void Fields(Utf8JsonWriter json, BenchmarkRow row)
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
        Samples("samples_pp_s", row.PromptSeconds);
        Samples("samples_tg_s", row.GeneratedSeconds);
        Samples("samples_ratio_pp", row.PromptRatios);
        Samples("samples_ratio_tg", row.GeneratedRatios);

        void Samples(string name, IReadOnlyList<double> values)
        {
            json.WriteStartArray(name);
            foreach (var value in values) json.WriteNumberValue(Math.Round(value, 6));
            json.WriteEndArray();
        }
    }

    private int Threads => options.Threads > 0 ? options.Threads : Environment.ProcessorCount;

    private static string Name(BenchmarkMode mode) => mode.ToString().ToLowerInvariant();

    private static string Whole(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Fixed(double value, int digits) => value.ToString("F" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
