using System.CommandLine;
using NativeSteer.Cli.Commands.Generate;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Files;
using NativeSteer.Hooks;

namespace NativeSteer.Cli.Commands;

/// <summary><c>capture</c>: raw activations of prompts to safetensors.</summary>
internal sealed class CaptureCommand : Verb
{
    private readonly ModelSettings _model = new();
    private readonly ListSetting _prompts = new("TEXT", "A prompt; may be given several times", false, "--prompt", "-p");
    private readonly ListSetting _files =
        new("FILE", "A prompt's file, - for stdin; or .jsonl, a {\"prompt\": \"...\"} a line", false, "--file", "-f");
    private readonly TextSetting _layers = new("LIST", "The layers, e.g. 10, 8-12 or 0,4,8-12 (default: all)", "--layers");
    private readonly ChoiceSetting _site =
        new("Where in a layer: the residual stream after it, or what a part adds to it", ["l_out", "attn_out", "ffn_out"], "--site");
    private readonly Flag _half = new("16-bit floats, half the size", "--half");
    private readonly ContextSettings _context = new("the longest prompt");
    private readonly TextSetting _output = CommonSettings.Output("Where to write; of several prompts out-0001.safetensors and so on");
    private readonly Flag _json = CommonSettings.Json();

    internal CaptureCommand() : base("capture", "Activations of prompts as safetensors files")
    {
        Details = """
            A file holds hidden_states [tokens, layers, width] and token_ids [tokens] of one prompt, as vLLM writes them. For
            means over many texts 'vector extract' is the way: it reduces while it runs and writes no activations.
            """;
        AddGroup("Model", _model.All);
        AddGroup("Prompts", _prompts, _files);
        AddGroup("Capture", _layers, _site, _half);
        AddGroup("Context", _context.All);
        AddGroup("Output", _output, _json);
        AddExample("capture -m model.gguf -p \"The capital of France is\" -o france.safetensors", "the residual stream of every layer");
        AddExample("capture -m model.gguf -f prompts.jsonl --layers 10,20 --half -o out.safetensors", "two layers of many prompts");
    }

    private const int MostTogether = 64; // sequences: enough to fill a batch of 512 with prompts of 8 tokens

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var output = _output.Require(parse);
        if (!_prompts.IsGiven(parse) && !_files.IsGiven(parse)) throw new UsageException("a prompt is missing; give one with -p or -f.");
        string[] prompts = [.. PromptSource.Read(_prompts.Values(parse), _files.Values(parse)).Select(prompt => prompt.Text)];
        var site = _site.Get(parse) switch { "l_out" => HookSite.Residual, "attn_out" => HookSite.Attention, _ => HookSite.FeedForward };
        var contextOptions = _context.Get(parse);

        using var model = _model.Load(parse, terminal, stop);
        var layers = _layers.Get(parse) is { } list ? LayerList.Parse(list, model.Shape.Layers) : null;
        using var context = model.CreateContext(contextOptions with
        {
            ContextLength = Length(contextOptions, model, prompts),
            Sequences = Math.Min(MostTogether, prompts.Length),
        });
        var options = new DumpOptions { Layers = layers, Site = site, Half = _half.IsGiven(parse) };
        var files = Progress.Run(
            terminal, "Capturing", report => ActivationDump.Write(context, prompts, output, options, new CaptureReport(report), stop));
        Print(files, terminal, _json.IsGiven(parse));
        return ExitCode.Done;
    }

    // Room for the longest prompt, and for a batch of prompts where there are several.
    private static int Length(ContextOptions options, LanguageModel model, string[] prompts)
    {
        if (options.ContextLength > 0) return options.ContextLength;
        var longest = prompts.Max(prompt => model.Vocabulary.Tokenize(prompt).Length);
        return prompts.Length == 1 ? Math.Max(1, longest) : Math.Max(longest, options.BatchLength);
    }

    private static void Print(IReadOnlyList<string> paths, Terminal terminal, bool json)
    {
        if (json)
        {
            Json.PrintObject(terminal, writer => writer.Objects("files", paths, (inner, path) =>
            {
                using var file = SafetensorsFile.Open(path);
                inner.WriteString("path", path);
                inner.WriteStartArray("shape");
                foreach (var size in ShapeOf(file)) inner.WriteNumberValue(size);
                inner.WriteEndArray();
            }));
            return;
        }
        var table = new Table("file", Column.OfNumbers("tokens"), Column.OfNumbers("layers"), Column.OfNumbers("width"));
        foreach (var path in paths)
        {
            using var file = SafetensorsFile.Open(path);
            var shape = ShapeOf(file);
            table.Add(path, $"{shape[0]}", $"{shape[1]}", $"{shape[2]}");
        }
        table.Print(terminal);
    }

    private static IReadOnlyList<long> ShapeOf(SafetensorsFile file) => file.Find("hidden_states")!.Shape;
}
