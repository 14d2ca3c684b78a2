using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Cli.Views;
using NativeSteer.Vectors;

namespace NativeSteer.Cli.Commands.Vector;

/// <summary><c>vector import</c></summary>
internal sealed class ImportCommand : Verb
{
    private readonly Argument<string[]> _file = Positional.One("FILE", "A GGUF control vector of any writer, safetensors, or .npy");
    private readonly TextSetting _output = CommonSettings.Output("Where to write the GGUF control vector");
    private readonly ModelSetting _model = new("The model it is for: settles the numbering, checks the width", optional: true);
    private readonly OptionalCountSetting _offset =
        new("N", "Block = number in the file + N; -1 for tools that number one late", "--layer-offset");
    private readonly TextSetting _tensor = new("NAME", "The matrix to take from a safetensors file that holds several", "--tensor");
    private readonly Flag _json = CommonSettings.Json();

    internal ImportCommand() : base("vector import", "Turn another tool's vector file into block numbering")
    {
        Details = """
            Tools disagree on which block direction.N belongs to. The writer is recognised by its key-values where it can be,
            and named in the result; --layer-offset overrides.
            """;
        Add(_file);
        AddGroup("Import", _model, _offset, _tensor);
        AddGroup("Output", _output, _json);
        AddExample("vector import control_vector.gguf -o happy.gguf", "a file of llama-cvector-generator, which numbers one late");
        AddExample("vector import vectors.npy -m model.gguf -o happy.gguf", "a matrix [layers, width]");
        AddExample("vector import other.gguf --layer-offset -1 -o happy.gguf", "a file whose numbering you know");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var path = Positional.Values(_file, parse)[0];
        var output = _output.Require(parse);
        var options = new ImportOptions
        {
            LayerOffset = _offset.Get(parse),
            Model = ShapeOf(_model.Get(parse)),
            Tensor = _tensor.Get(parse),
        };
        var imported = ControlVectorImport.Read(path, options);
        VectorFiles.Write(output, imported.Vector, terminal);
        if (_json.IsGiven(parse)) Json.PrintObject(terminal, json => VectorView.Write(output, imported, json));
        else VectorView.Print(output, imported, terminal);
        return ExitCode.Done;
    }

    private static ModelShape? ShapeOf(string? model)
    {
        if (model is null) return null;
        using var file = GgufFile.Open(model);
        return ModelShape.Of(file);
    }
}
