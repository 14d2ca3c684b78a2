using System.CommandLine;
using System.Diagnostics;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Reports;
using NativeSteer.Studies;

namespace NativeSteer.Cli.Commands.Study;

/// <summary><c>study quantization</c></summary>
internal sealed class QuantizationCommand : Verb
{
    private const string DefaultFolder = "quantization-study";
    private const float DefaultMagnitude = 0.5f;

    private static readonly string s_types = string.Join(',', QuantizationStudyOptions.DefaultTypes.Select(type => type.Name));

    private readonly StudySettings _study = new();
    private readonly TextSetting _types = new("TYPE,...", $"Types of the copies, the first being what the others are compared with (default: {s_types})", "--types");
    private readonly TextSetting _importance = new("FILE", "Importance matrix of the model, a GGUF file of llama-imatrix", "--imatrix");
    private readonly TextSetting _baseImportance = new("FILE", "The same of the base model", "--base-imatrix");
    private readonly CountSetting _layer = new("N", "The steered layer", "--layer")
        { Default = -1, Minimum = 0, DefaultMeaning = $"at 10/32 of the depth; built-in pair: {CountdownStudy.Options(1, 2).Layer}" };
    private readonly TextSetting _offsets = new("A:B", $"The window of the vectors, in tokens from the sentence's first (default: {OffsetRange.Paper}; built-in pair: -6:-1)", "--offsets");
    private readonly NumberSetting _magnitude = new("N", "Strength, as a share of the mean residual norm at the layer", "--magnitude") { Default = DefaultMagnitude };
    private readonly CountSetting _rounds = new("N", "Rounds of measuring speed", "--repetitions", "-r") { Default = 5, Minimum = 1, Maximum = 1000 };
    private readonly Flag _keep = new("Keep the copies of the models, in the study's folder", "--keep-models");
    private readonly TextSetting _output = new("DIR", $"The study's folder (default: {DefaultFolder})", "--output", "-o");
    private readonly Flag _resume = new("Go on with what the folder has", "--resume");

    internal QuantizationCommand() : base("study quantization", "What quantisation does to steering vectors, with a report")
    {
        Details = """
            Copies of the model in several types read the same labelled traces. Each gives a vector, which is compared with that of
            the first type layer by layer; then every vector steers every copy, at one length, and keywords are counted. Size, speed
            and perplexity of the copies stand beside it. With --base the base model's copies give vectors too.
            """;
        AddGroup("Models", [.. _study.Models, _types, _importance, _baseImportance]);
        AddGroup("Prompts and traces", _study.Texts);
        AddGroup("Steering", _layer, _offsets, _magnitude);
        AddGroup("Completions", [.. _study.Completions, _rounds]);
        AddGroup("Output", _output, _keep, _resume);
        AddExample("study quantization", "the built-in pair, in some minutes");
        AddExample("study quantization -m model-f16.gguf --base none -f prompts.jsonl --types F16,Q8_0,Q4_K_M -o q", "a model of yours, three types");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var options = Read(parse);
        var folder = new StudyFolder(_output.Get(parse) ?? DefaultFolder);
        var clock = Stopwatch.StartNew();
        try
        {
            var statistics = Progress.Run(terminal, "Quantisation study", report =>
            {
                var study = new QuantizationStudy(options, folder)
                {
                    Resume = _resume.IsGiven(parse),
                    Arguments = [.. parse.Tokens.Select(token => token.Value)],
                    Progress = at => report.Report(at.Share, at.Detail),
                    Note = terminal.Note,
                };
                study.Run(stop);
                return study.Statistics;
            });
            Report(folder.Log, folder.Report, terminal);
            terminal.Out.WriteLine($"The report: {folder.Report}");
            terminal.Note(StudyRun.Counts(statistics, clock.Elapsed));
            return ExitCode.Done;
        }
        catch (OperationCanceledException)
        {
            terminal.Note($"what was finished is in {folder.Path}: --resume goes on with it, 'nativesteer report {folder.Path}' shows it");
            throw;
        }
    }

    /// <summary>Draws the report of a log and prints its sentences.</summary>
    internal static void Report(string log, string output, Terminal terminal)
    {
        var results = QuantizationResults.Read(log);
        QuantizationReport.Write(results, output);
        foreach (var sentence in QuantizationSummary.Of(results)) terminal.Out.WriteLine(sentence);
    }

    private QuantizationStudyOptions Read(ParseResult parse)
    {
        var traces = _study.Read(parse) with { Magnitudes = [_magnitude.Get(parse)], MeasuredPrompts = 0 };
        if (_layer.IsGiven(parse)) traces = traces with { Layer = _layer.Get(parse) };
        if (_offsets.Get(parse) is { } offsets) traces = traces with { Offsets = OffsetRange.Parse(offsets) };
        var options = new QuantizationStudyOptions(traces) { Importance = _importance.Get(parse), BaseImportance = _baseImportance.Get(parse), Rounds = _rounds.Get(parse), KeepModels = _keep.IsGiven(parse) };
        return _types.Get(parse) is { } types ? options with { Types = [.. types.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(QuantizationType.Parse)] } : options;
    }
}
