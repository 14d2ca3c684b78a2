using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Cli.Views;
using NativeSteer.Vectors;

namespace NativeSteer.Cli.Commands.Vector;

/// <summary><c>vector show</c></summary>
internal sealed class ShowCommand : Verb
{
    private readonly Argument<string[]> _file = Positional.One("FILE", "A vector: GGUF of any writer, safetensors or .npy");
    private readonly Flag _json = CommonSettings.Json();

    internal ShowCommand() : base("vector show", "A vector's layers, norms and provenance")
    {
        Details = """
            The ratio is the vector's norm as a share of the mean residual norm that was measured at the layer: a scale of
            1 / ratio makes the steering as long as the residual itself. Layers are counted from 0, in llama.cpp's numbering of
            direction.N; files that number otherwise are shown as they will be imported.
            """;
        Add(_file);
        AddGroup("Output", _json);
        AddExample("vector show happy.gguf", "where it acts and how strong it is");
        AddExample("vector show happy.gguf --json", "the same for a program");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var path = Positional.Values(_file, parse)[0];
        var vector = ControlVectorImport.Read(path);
        if (_json.IsGiven(parse)) Json.PrintObject(terminal, json => VectorView.Write(path, vector, json));
        else VectorView.Print(path, vector, terminal);
        return ExitCode.Done;
    }
}
