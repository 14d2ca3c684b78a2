using System.CommandLine;
using System.Text.Json;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Views;
using NativeSteer.Hooks;

namespace NativeSteer.Cli.Commands;

/// <summary><c>bench kernels</c>: what the GPU's kernels do, against a copy within its memory.</summary>
internal sealed class BenchKernelsCommand : BenchmarkVerb
{
    private readonly CountSetting _rows = new("N", "Rows of the large tensor", "--rows") { Default = 32768, Minimum = 16, Maximum = 1 << 20 };
    private readonly CountSetting _width = new("N", "Width of the rows", "--width") { Default = 4096, Minimum = 1, Maximum = 1 << 16 };
    private readonly CountSetting _rounds = new("N", "Rounds; each runs everything once", "--repetitions", "-r") { Default = 9, Minimum = 1, Maximum = 1000 };

    internal BenchKernelsCommand() : base("bench kernels", "The GPU's kernels against a copy within its memory")
    {
        Details = """
            Sums, norms, additions and dot products of rows in the memory of every NVIDIA GPU. Rates count the bytes that must be read
            and written; the last column is the share of what a copy within the device's memory does in the same rounds. 'naive' is
            the same work written the simplest way. The last row is a step of generation: one kernel, started and waited for.
            """;
        AddGroup("What to measure", _rows, _width, _rounds);
        AddGroup("Output", Printing);
        AddExample("bench kernels", "all GPUs");
        AddExample("bench kernels --width 8192 --json > kernels.json", "as wide as a model of 70 B");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var benchmark = new KernelBenchmark(_rounds.Get(parse), _rows.Get(parse), _width.Get(parse));
        return Measure(parse, terminal, new BenchmarkPart<KernelTiming>(new View(terminal), _ => benchmark.Run(stop)));
    }

    private sealed class View(Terminal terminal) : BenchmarkView<KernelTiming>(terminal)
    {
        private static readonly string[] s_headings = ["kernel", "rows", "width", "us", "GB/s", "of copy"];

        protected override IEnumerable<string> Columns => ["device", .. s_headings];

        protected override IEnumerable<string> Values(KernelTiming row) => [$"\"{row.Device}\"", $"\"{row.Kernel}\"", .. Cells(row)[1..]];

        internal override void PrintMarkdown(IReadOnlyList<KernelTiming> rows)
        {
            foreach (var device in rows.GroupBy(row => row.Device))
            {
                Terminal.Out.WriteLine(device.Key);
                Terminal.Out.WriteLine();
                MarkdownTable.Print(Terminal, s_headings, device.Select(Cells));
            }
        }

        internal override void Fields(Utf8JsonWriter json, KernelTiming row)
        {
            json.WriteString("device", row.Device);
            json.WriteString("kernel", row.Kernel);
            json.WriteNumber("rows", row.Rows);
            json.WriteNumber("width", row.Width);
            json.WriteNumber("bytes", row.Bytes);
            json.Number("gbps", row.Rate / 1e9);
            json.Number("copy_gbps", row.CopyRate / 1e9);
            json.Number("share_copy", row.Share);
            json.WriteStartArray("samples_us");
            foreach (var seconds in row.Seconds) json.WriteNumberValue(Math.Round(seconds * 1e6, 3));
            json.WriteEndArray();
        }

        private static string[] Cells(KernelTiming row) =>
        [
            row.Kernel, $"{row.Rows}", $"{row.Width}", Fixed(row.Bytes / row.Rate * 1e6, 1), Fixed(row.Rate / 1e9, 1), Fixed(row.Share, 3),
        ];
    }
}
