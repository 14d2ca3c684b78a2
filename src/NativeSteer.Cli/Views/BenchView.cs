using System.Globalization;
using System.Text.Json;
using MathNet.Numerics.Statistics;
using NativeSteer.Cli.Output;
using NativeSteer.Cuda;
using NativeSteer.Engine;
using NativeSteer.Rollouts;
using NativeSteer.Tensors;

namespace NativeSteer.Cli.Views;

/// <summary>Speeds of decoding.</summary>
internal sealed class BenchView(LanguageModel model, BenchmarkOptions options, MachineRates? rates, DeviceRate? device, Terminal terminal) : BenchmarkView<BenchmarkRow>(terminal)
{
    private static readonly string[] s_headings =
        ["PP", "TG", "B", "K", "mode", "N_KV", "T_PP s", "S_PP t/s", "T_TG s", "S_TG t/s", "T s", "S t/s", "PP/plain", "TG/plain", "PP of sgemm", "TG of read"];

    private readonly DecodingWork? _work = DecodingWork.Of(model);

    protected override IEnumerable<string> Columns => s_headings;

    protected override IEnumerable<string> Values(BenchmarkRow row) => Cells(row, spread: false);

    internal override void PrintMarkdown(IReadOnlyList<BenchmarkRow> rows)
    {
        MarkdownTable.Print(Terminal, s_headings, rows.Select(row => Cells(row, spread: true)));
        Terminal.Out.WriteLine();
        Terminal.Out.WriteLine($"{model.Description}, {Text.Count(model.ParameterCount)} weights; {Threads} threads, {options.Repetitions} rounds, medians [range]; llama.cpp {LlamaLibrary.Version}");
        if (device is { Copies.Count: > 0 })
            Terminal.Out.WriteLine($"{device.Name}: copies within its memory, {Giga(device.Copy)} GB/s read and written {Range(device.Copies)}; measured in every round");
        if (rates is not { Reads.Count: > 0 }) return;
        foreach (var row in rows.Where(row => row.Mode == BenchmarkMode.Capture))
            Terminal.Out.WriteLine($"sums of every row at every layer, PP {row.PromptLength} B {row.Batch}: {Giga(row.SumRates.Median())} GB/s {Range(row.SumRates)}, {Fixed(SumShare(row), 2)} of read");
        Terminal.Out.WriteLine(
            $"processor: reads {Giga(rates.Read)} GB/s {Range(rates.Reads)}, copies {Giga(rates.Copy)} GB/s {Range(rates.Copies)}, "
            + $"sgemm {Giga(rates.Product)} GFLOP/s {Range(rates.Products)} by {rates.ProductName}; measured in every round");
    }

    private static string Giga(double rate) => Fixed(rate / 1e9, 1);

    private static string Range(IReadOnlyList<double> rates) => $"[{Giga(rates.Min())} {Giga(rates.Max())}]";

    private double PromptShare(BenchmarkRow row) => _work is null || rates is not { Products.Count: > 0 } ? double.NaN : row.PromptSpeed * _work.PromptOperations / rates.Product;

    private double GeneratedShare(BenchmarkRow row) => _work is null ? double.NaN : row.StepSpeed * _work.StepBytes / Reading;

    private double SumShare(BenchmarkRow row) => row.SumRates.Count == 0 ? double.NaN : row.SumRates.Median() / Reading;

    // NaN where it was not measured.
    private double Reading => rates is { Reads.Count: > 0 } ? rates.Read : device is { Copies.Count: > 0 } ? device.Copy : double.NaN;

    private string[] Cells(BenchmarkRow row, bool spread)
    {
        var (prompt, generated) = (row.PromptSeconds.Median(), row.GeneratedSeconds.Median());
        return
        [
            Whole(row.PromptLength), Whole(row.GeneratedLength), Whole(row.Batch), Whole(row.Vectors), Name(row.Mode), Whole(row.CacheCells),
            Fixed(prompt, 3), Fixed(row.PromptSpeed, 1), Fixed(generated, 3), Fixed(row.GeneratedSpeed, 1),
            Fixed(prompt + generated, 3), Fixed(row.CacheCells / (prompt + generated), 1),
            Ratio(row.PromptRatios), Ratio(row.GeneratedRatios), Share(PromptShare(row)), Share(GeneratedShare(row)),
        ];

        static string Share(double share) => double.IsNaN(share) ? "-" : Fixed(share, 3);

        string Ratio(IReadOnlyList<double> ratios) =>
            Fixed(ratios.Median(), 3) + (spread && row.Mode != BenchmarkMode.Plain ? $" [{Fixed(ratios.Min(), 2)} {Fixed(ratios.Max(), 2)}]" : "");
    }

    internal override void Fields(Utf8JsonWriter json, BenchmarkRow row)
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
        json.Number("share_sgemm_pp", PromptShare(row));
        json.Number("share_read_tg", GeneratedShare(row));
        if (row.Mode == BenchmarkMode.Capture) json.Number("share_read_sums", SumShare(row));
        Samples(json, "sums_gbps", row.SumRates.Select(rate => rate / 1e9));
        Samples(json, "machine_read_gbps", (rates?.Reads ?? []).Select(rate => rate / 1e9));
        Samples(json, "machine_copy_gbps", (rates?.Copies ?? device?.Copies ?? []).Select(rate => rate / 1e9));
        Samples(json, "machine_sgemm_gflops", (rates?.Products ?? []).Select(rate => rate / 1e9));
        Samples(json, "samples_pp_s", row.PromptSeconds);
        Samples(json, "samples_tg_s", row.GeneratedSeconds);
        Samples(json, "samples_ratio_pp", row.PromptRatios);
        Samples(json, "samples_ratio_tg", row.GeneratedRatios);
    }

    private int Threads => options.Threads > 0 ? options.Threads : Environment.ProcessorCount;

    private static string Name(BenchmarkMode mode) => mode.ToString().ToLowerInvariant();

    private static string Whole(int value) => value.ToString(CultureInfo.InvariantCulture);
}
