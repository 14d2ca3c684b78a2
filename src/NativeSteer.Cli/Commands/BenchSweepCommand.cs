using System.CommandLine;
using System.Globalization;
using MathNet.Numerics.Statistics;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Engine;
using NativeSteer.Rollouts;
using NativeSteer.Studies;

namespace NativeSteer.Cli.Commands;

/// <summary><c>bench sweep</c></summary>
internal sealed class BenchSweepCommand : Verb
{
    private static readonly string[] s_headings = ["mode", "np", "s", "decoded", "reused", "decoded/s", "x cell by cell", "x one by one"];

    private readonly ModelSettings _model = new();
    private readonly CountSetting _vectors = new("N", "Vectors", "--vectors", "-K") { Default = 8, Minimum = 1, Maximum = 256 };
    private readonly CountSetting _magnitudes = new("N", "Strengths of each", "--magnitudes") { Default = 8, Minimum = 1, Maximum = 256 };
    private readonly CountSetting _prompts = new("N", "Prompts of each", "--prompts") { Default = 16, Minimum = 1, Maximum = 256 };
    private readonly CountSetting _length = new("N", "Tokens of a prompt", "-npp") { Default = 128, Minimum = 1 };
    private readonly CountSetting _generated = new("N", "Tokens generated of each completion", "-ntg") { Default = 32, Minimum = 1 };
    private readonly CountSetting _parallel = new("N", "Completions side by side in our batch", "--parallel", "-np")
        { Default = 0, Minimum = 1, Maximum = 256, DefaultMeaning = $"as many as fit, at most {RolloutBlocks.MostParallel}, or {RolloutBlocks.MostParallelUnfused} without flash attention" };
    private readonly CountSetting _layer = new("N", "The steered layer", "--layer") { Default = -1, Minimum = 1, DefaultMeaning = "the middle one" };
    private readonly CountSetting _rounds = new("N", "Rounds; each runs every mode once", "--repetitions", "-r") { Default = 3, Minimum = 1, Maximum = 1000 };
    private readonly CountSetting _threads = CommonSettings.Threads();
    private readonly Flag _json = CommonSettings.Json();

    internal BenchSweepCommand() : base("bench sweep", "A sweep as one batch against its cells one after another")
    {
        Details = """
            Runs vectors x strengths x prompts four ways: as sequences of one batch, steered everywhere or from the first generated
            token on (then prompts are computed once); cell after cell with llama.cpp's own control vector, of which a context has
            one, a cell's prompts as a batch; and completion after completion. Prompts are rows of number puzzles, decoding is greedy
            and goes on after the end, so that all do the same work. The last columns are medians over rounds, with their range.
            """;
        AddGroup("Model", [.. _model.All, _threads]);
        AddGroup("What to measure", _vectors, _magnitudes, _prompts, _length, _generated, _parallel, _layer, _rounds);
        AddGroup("Output", _json);
        AddExample("bench sweep -m model.gguf", "8 vectors x 8 strengths x 16 prompts");
        AddExample("bench sweep -m model.gguf -K 4 --magnitudes 4 -ntg 64 -r 5", "a smaller one");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var (vectors, magnitudes, prompts) = (_vectors.Get(parse), _magnitudes.Get(parse), _prompts.Get(parse));
        using var model = _model.Load(parse, terminal, stop);
        var options = new SweepBenchmarkOptions
        {
            Vectors = vectors,
            Magnitudes = magnitudes,
            Prompts = Prompts(model.Vocabulary, prompts, _length.Get(parse)),
            Generated = _generated.Get(parse),
            Layer = _layer.Get(parse),
            Repetitions = _rounds.Get(parse),
            Context = new ContextOptions { Sequences = _parallel.IsGiven(parse) ? _parallel.Get(parse) : 0, Threads = _threads.Get(parse) },
        };
        var rows = Progress.Run(terminal, "Measuring", report =>
            new SweepBenchmark(model, options) { Progress = (done, of, what) => report.Report((double)done / of, what) }.Run(stop));
        if (_json.IsGiven(parse)) PrintJson(rows, terminal);
        else Print(rows, model, options, terminal);
        return ExitCode.Done;
    }

    /// <summary>Prompts of a length: puzzles one after another, cut.</summary>
    private static List<int[]> Prompts(Vocabulary vocabulary, int count, int length)
    {
        var puzzles = CountdownStudy.Puzzles(count * 4).Select(puzzle => vocabulary.TokenizePrompt(puzzle.Text)).Where(tokens => tokens.Length > 0).ToList();
        return [.. Enumerable.Range(0, count).Select(first => Enumerable.Range(0, int.MaxValue).SelectMany(i => puzzles[(first + i * count) % puzzles.Count]).Take(length).ToArray())];
    }

    private static void Print(IReadOnlyList<SweepBenchmarkRow> rows, LanguageModel model, SweepBenchmarkOptions options, Terminal terminal)
    {
        MarkdownTable.Print(terminal, s_headings, rows.Select(row => (string[])
        [
            Named(row.Mode), $"{row.Parallel}", Fixed(row.Median, 2), $"{row.DecodedTokens}", $"{row.ReusedTokens}", Fixed(row.DecodedTokens / row.Median, 0),
            Range(row.ToCellByCell), Range(row.ToOneByOne),
        ]));
        terminal.Out.WriteLine();
        terminal.Out.WriteLine(
            $"{options.Vectors} vectors x {options.Magnitudes} strengths x {options.Prompts.Count} prompts of {options.Prompts[0].Count} tokens, {options.Generated} generated; layer {(options.Layer >= 0 ? options.Layer : model.Shape.Layers / 2)}; {model.Description}; "
            + $"{(options.Context.Threads > 0 ? options.Context.Threads : Environment.ProcessorCount)} threads, {options.Repetitions} rounds, medians [range]; llama.cpp {LlamaLibrary.Version}");
    }

    private static void PrintJson(IReadOnlyList<SweepBenchmarkRow> rows, Terminal terminal) => Json.Print(terminal, json =>
    {
        json.WriteStartArray();
        foreach (var row in rows)
        {
            json.Object(inner =>
            {
                inner.WriteString("mode", Named(row.Mode));
                inner.WriteNumber("parallel", row.Parallel);
                inner.WriteNumber("decoded_tokens", row.DecodedTokens);
                inner.WriteNumber("reused_tokens", row.ReusedTokens);
                inner.Number("times_cell_by_cell", row.ToCellByCell.Median());
                inner.Number("times_one_by_one", row.ToOneByOne.Median());
                inner.WriteStartArray("samples_s");
                foreach (var seconds in row.Seconds) inner.WriteNumberValue(Math.Round(seconds, 6));
                inner.WriteEndArray();
            });
        }
        json.WriteEndArray();
    });

    private static string Named(SweepMode mode) => mode switch
    {
        SweepMode.Batch => "one batch",
        SweepMode.BatchGenerated => "one batch, generated tokens steered",
        SweepMode.CellByCell => "cell by cell",
        _ => "one by one",
    };

    private static string Range(IReadOnlyList<double> ratios) => $"{Fixed(ratios.Median(), 1)} [{Fixed(ratios.Min(), 1)} {Fixed(ratios.Max(), 1)}]";

    private static string Fixed(double value, int digits) => value.ToString("F" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
