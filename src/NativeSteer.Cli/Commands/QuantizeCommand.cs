using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Cli.Views;
using NativeSteer.Engine;
using NativeSteer.Vectors;

namespace NativeSteer.Cli.Commands;

/// <summary><c>quantize</c></summary>
internal sealed class QuantizeCommand : Verb
{
    private readonly Argument<string[]> _type = Positional.One("TYPE", "The number format, e.g. Q8_0 or Q4_K_M");
    private readonly ModelSetting _model = new("The model to copy: a GGUF file, or a built-in model's name");
    private readonly TextSetting _output = CommonSettings.Output("Where to write the copy");
    private readonly TextSetting _importance = new("FILE", "Importance matrix, a GGUF file of llama-imatrix; the smallest types need one", "--imatrix");
    private readonly Flag _requantize = new("Also matrices that are quantised already; what they lost stays lost", "--allow-requantize");
    private readonly Flag _pure = new("Every matrix in the type's own format, none in a finer one", "--pure");
    private readonly Flag _keepOutput = new("Leave the output matrix as it is", "--leave-output-tensor");
    private readonly CountSetting _threads = CommonSettings.Threads();
    private readonly Flag _json = CommonSettings.Json();

    internal QuantizeCommand() : base("quantize", "Write a copy of a model with smaller numbers")
    {
        Details = $"""
            llama.cpp's own quantiser. Matrices whose rows are no whole blocks of a format get one with smaller blocks, which is said.
            Types, from the largest: {Names(0, 12)},
            {Names(12, 12)},
            {Names(24, 12)}.
            """;
        Add(_type);
        AddGroup("Quantisation", _model, _importance, _requantize, _pure, _keepOutput, _threads);
        AddGroup("Output", _output, _json);
        AddExample("quantize Q4_K_M -m model-f16.gguf -o model-q4_k_m.gguf", "about 4.8 bits a weight");
        AddExample("quantize IQ2_XS -m model-f16.gguf --imatrix imatrix.gguf -o model-iq2_xs.gguf", "with an importance matrix");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var type = QuantizationType.Parse(Positional.Values(_type, parse)[0]);
        var output = _output.Require(parse);
        var options = new QuantizationOptions
        {
            Type = type,
            Importance = _importance.Get(parse) is { } path ? ImportanceMatrix.Read(path) : null,
            AllowRequantize = _requantize.IsGiven(parse),
            Pure = _pure.IsGiven(parse),
            KeepOutput = _keepOutput.IsGiven(parse),
            Threads = _threads.Get(parse),
        };
        var model = _model.Path(parse);
        var fallbacks = Progress.Run(terminal, $"Quantising to {type}", report => ModelQuantizer.Write(model, output, options, share =>
        {
            stop.ThrowIfCancellationRequested();
            report.Report(share);
        }));
        if (fallbacks > 0) terminal.Note($"{fallbacks} matrices have rows that are no whole blocks of {type}'s formats and got formats with smaller blocks; the table says which");
        using var file = GgufFile.Open(output);
        if (_json.IsGiven(parse)) Json.PrintObject(terminal, json => ModelView.Write(output, ModelSummary.Of(file), json));
        else ModelView.Print(output, ModelSummary.Of(file), terminal);
        return ExitCode.Done;
    }

    private static string Names(int first, int count) => string.Join(", ", QuantizationType.All.Skip(first).Take(count).Select(type => type.Name));
}
