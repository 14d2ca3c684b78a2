using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Cli.Views;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Cli.Commands.Vector;

/// <summary><c>vector extract</c></summary>
internal sealed class ExtractCommand : Verb
{
    private readonly ModelSettings _model = new();
    private readonly TextSetting _positive = new("FILE", "Prompts that show it, one a line; \\n stands for a line end", "--positive-file");
    private readonly TextSetting _negative = new("FILE", "As many prompts that do not", "--negative-file");
    private readonly TextSetting _pairs = new("FILE", "Pairs as JSONL: {\"positive\": \"...\", \"negative\": \"...\"}", "--pairs");
    private readonly ChoiceSetting _method =
        new("Difference of means, or the first principal component of the pairs' differences", ["mean", "pca"], "--method");
    private readonly ChoiceSetting _position = new("The prompt's last token, or the mean over its tokens", ["last", "mean"], "--position");
    private readonly TextSetting _traces = new("FILE", "Labelled traces, JSONL (see above)", "--traces");
    private readonly TextSetting _label = new("NAME", "The label whose vector is wanted; with pairs, the vector's name", "--label");
    private readonly TextSetting _offsets =
        new("A:B", $"Tokens counted from a span's first one, or 'span' for its own (default: {OffsetRange.Paper})", "--offsets");
    private readonly TextSetting _against = new("WHAT", "Compare with: all, other, tokens, or a label (default: all)", "--against");
    private readonly TextSetting _layers = new("LIST", "The layers, e.g. 10, 8-12 or 0,4,8-12 (default: all)", "--layers");
    private readonly ContextSettings _context = new("what the model was trained with");
    private readonly TextSetting _output = CommonSettings.Output("Where to write the control vector");
    private readonly Flag _json = CommonSettings.Json();

    internal ExtractCommand() : base("vector extract", "Make a vector of labelled texts, in one pass")
    {
        Details = """
            From pairs of prompts (--positive-file and --negative-file as llama-cvector-generator takes them, or --pairs), or
            from spans in traces (--traces with --label), a trace a line; from and to count characters:
              {"prompt": "...", "text": "...", "spans": [{"label": "backtracking", "from": 120, "to": 161}]}
            The mean residual norms are stored with the vector, for --scale-unit rel.
            """;
        AddGroup("Model", _model.All);
        AddGroup("Pairs of prompts", _positive, _negative, _pairs, _method, _position);
        AddGroup("Labelled traces", _traces, _label, _offsets, _against);
        AddGroup("Extraction", [_layers, .. _context.All]);
        AddGroup("Output", _output, _json);
        AddExample("vector extract -m model.gguf --positive-file happy.txt --negative-file sad.txt -o happy.gguf",
            "a vector of two lists of prompts");
        AddExample("vector extract -m model.gguf --traces traces.jsonl --label backtracking --offsets -13:-8 -o wait.gguf",
            "what precedes a behaviour");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var output = _output.Require(parse);
        var context = _context.Get(parse);
        var extract = _traces.IsGiven(parse) ? OfTraces(parse, context) : OfPairs(parse, context);

        using var model = _model.Load(parse, terminal, stop);
        var layers = _layers.Get(parse) is { } list ? LayerList.Parse(list, model.Shape.Layers) : null;
        var result = Progress.Run(terminal, "Extracting", report => extract(model, layers, new CaptureReport(report), stop));
        VectorFiles.Write(output, result.Vector, terminal);
        var summary = result.Summary;
        var reused = summary.ReusedTokens > 0 ? $" ({summary.ReusedTokens} shared with earlier texts)" : "";
        terminal.Note($"{summary.Texts} texts, {summary.Tokens} tokens{reused} in {summary.Elapsed.TotalSeconds:0.00} s; "
            + $"{summary.Rows.Positive} rows against {summary.Rows.Negative}"
            + (summary.SkippedRows > 0 ? $"; {summary.SkippedRows} rows lie outside their trace and were left out" : ""));
        var written = ControlVectorImport.Read(output);
        if (_json.IsGiven(parse)) Json.PrintObject(terminal, json => VectorView.Write(output, written, json));
        else VectorView.Print(output, written, terminal);
        return ExitCode.Done;
    }

    private delegate ExtractedVector Extraction(
        LanguageModel model, IReadOnlyList<int>? layers, IProgress<CaptureProgress> progress, CancellationToken stop);

    private Extraction OfTraces(ParseResult parse, ContextOptions context)
    {
        Refuse(parse, "--traces", _positive, _negative, _pairs, _method, _position);
        var path = _traces.Require(parse);
        var options = new TraceExtraction(_label.Require(parse))
        {
            Context = context,
            Offsets = _offsets.Get(parse) is { } offsets ? OffsetRange.Parse(offsets) : OffsetRange.Paper,
            Against = _against.Get(parse) is { } against ? Against.Parse(against) : Against.All,
        };
        return (model, layers, progress, stop) =>
            VectorExtraction.FromTraces(model, path, options with { Layers = layers }, progress, stop);
    }

    private Extraction OfPairs(ParseResult parse, ContextOptions context)
    {
        Refuse(parse, "pairs of prompts", _offsets, _against);
        var (positive, negative, both) = (_positive.Get(parse), _negative.Get(parse), _pairs.Get(parse));
        if (both is null ? positive is null || negative is null : positive is not null || negative is not null)
        {
            throw new UsageException("give --positive-file and --negative-file, or --pairs, or --traces with --label.");
        }
        var options = new PairExtraction
        {
            Context = context,
            Method = _method.Get(parse) is "pca" ? PairMethod.PrincipalComponent : PairMethod.MeanDifference,
            Position = _position.Get(parse) is "mean" ? PairPosition.Mean : PairPosition.Last,
            Label = _label.Get(parse) ?? System.IO.Path.GetFileNameWithoutExtension(both ?? positive!),
        };
        var pairs = both is not null ? PromptPairs.FromJsonLines(both) : PromptPairs.FromTextFiles(positive!, negative!);
        return (model, layers, progress, stop) =>
            VectorExtraction.FromPairs(model, pairs, options with { Layers = layers }, progress, stop);
    }

    private static void Refuse(ParseResult parse, string source, params Setting[] settings)
    {
        if (settings.FirstOrDefault(setting => setting.IsGiven(parse)) is { } wrong)
            throw new UsageException($"{wrong.Spelling} has no meaning with {source}; leave it away.");
    }
}
