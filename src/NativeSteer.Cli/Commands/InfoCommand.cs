using System.CommandLine;
using System.Text.Json;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Views;
using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Cli.Commands;

/// <summary><c>info</c>: reads headers only; for files llama.cpp is not even loaded.</summary>
internal sealed class InfoCommand : Verb
{
    private readonly Argument<string[]> _files = Positional.Many(
        "FILE", "Models and vectors (GGUF), captures (safetensors), vectors of other tools; none: this machine");
    private readonly Flag _json = CommonSettings.Json();

    internal InfoCommand() : base("info", "What a model, a vector, a capture or this machine is")
    {
        Add(_files);
        AddGroup("Output", _json);
        AddExample("info", "this machine: cores, llama.cpp and the devices it found");
        AddExample("info countdown-reasoning", "a built-in model");
        AddExample("info model.gguf", "a model's layers, width and quantisation");
        AddExample("info --json *.gguf", "the same of many files, for a program");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var paths = Positional.Values(_files, parse).Select(BuiltInModel.Resolve).ToList();
        var json = _json.IsGiven(parse);
        if (paths.Count == 0)
        {
            if (json) Json.PrintObject(terminal, MachineView.Write);
            else MachineView.Print(terminal);
        }
        else if (json)
        {
            if (paths.Count == 1) Json.PrintObject(terminal, writer => Describe(paths[0], null, writer));
            else Json.Print(terminal, writer => WriteArray(paths, writer));
        }
        else
        {
            for (var i = 0; i < paths.Count; i++)
            {
                if (i > 0) terminal.Out.WriteLine();
                Describe(paths[i], terminal, null);
            }
        }
        return Running.ExitCode.Done;
    }

    private static void WriteArray(IReadOnlyList<string> paths, Utf8JsonWriter json)
    {
        json.WriteStartArray();
        foreach (var path in paths) json.Object(inner => Describe(path, null, inner));
        json.WriteEndArray();
    }

    /// <summary>To the terminal, or as JSON.</summary>
    private static void Describe(string path, Terminal? terminal, Utf8JsonWriter? json)
    {
        switch (FileKinds.Of(path))
        {
            case FileKind.Model:
                using (var file = GgufFile.Open(path))
                {
                    var model = ModelSummary.Of(file);
                    if (terminal is not null) ModelView.Print(path, model, terminal);
                    if (json is not null) ModelView.Write(path, model, json);
                }
                break;
            case FileKind.Tensors:
                using (var file = SafetensorsFile.Open(path))
                {
                    if (terminal is not null) TensorsView.Print(file, terminal);
                    if (json is not null) TensorsView.Write(file, json);
                }
                break;
            default:
                var vector = ControlVectorImport.Read(path);
                if (terminal is not null) VectorView.Print(path, vector, terminal);
                if (json is not null) VectorView.Write(path, vector, json);
                break;
        }
    }
}
