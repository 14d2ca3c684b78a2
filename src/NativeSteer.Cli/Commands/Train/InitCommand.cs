using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Countdown;
using NativeSteer.Engine;
using NativeSteer.Training;

namespace NativeSteer.Cli.Commands.Train;

/// <summary><c>train init</c></summary>
internal sealed class InitCommand : Verb
{
    private static readonly ModelInitializerOptions s_defaults = new();

    private readonly TextSetting _vocabulary = new("FILE", "A GGUF whose tokenizer the model gets, or countdown for the built-in models' own", "--vocab-from");
    private readonly ChoiceSetting _architecture = new("llama, or qwen2 with biases on queries, keys and values", ["llama", "qwen2"], "--arch");
    private readonly CountSetting _width = new("N", "Length of a residual row", "--width") { Default = s_defaults.Width, Minimum = 1 };
    private readonly CountSetting _layers = new("N", "Transformer blocks", "--layers") { Default = s_defaults.Layers, Minimum = 1 };
    private readonly CountSetting _heads = new("N", "Attention heads", "--heads") { Default = s_defaults.Heads, Minimum = 1 };
    private readonly CountSetting _keyValueHeads = new("N", "Key and value heads", "--kv-heads")
        { Default = 0, Minimum = 1, DefaultMeaning = "as many as heads" };
    private readonly CountSetting _feedForward = new("N", "Length of the feed-forward network's middle row", "--ff")
        { Default = 0, Minimum = 1, DefaultMeaning = "8/3 of the width" };
    private readonly CountSetting _context = new("N", "Tokens of context", "--context") { Default = s_defaults.Context, Minimum = 2 };
    private readonly Flag _untied = new("A head of its own instead of the embedding's matrix", "--untied");
    private readonly CountSetting _seed = new("N", "Decides the weights", "--seed", "-s") { Default = (int)s_defaults.Seed, Minimum = 0 };
    private readonly TextSetting _output = CommonSettings.Output("Where to write the model, F32");

    internal InitCommand() : base("train init", "Write a random model to train from nothing")
    {
        AddGroup("Model", _vocabulary, _architecture, _width, _layers, _heads, _keyValueHeads, _feedForward, _context, _untied, _seed);
        AddGroup("Output", _output);
        AddExample("train init --vocab-from model.gguf --width 256 --layers 6 --heads 8 --kv-heads 4 -o start.gguf",
            "a small model that speaks another one's tokens");
        AddExample("train init --vocab-from countdown --width 256 --layers 4 -o start.gguf", "the start of the built-in models");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var (output, vocabulary) = (_output.Require(parse), _vocabulary.Require(parse));
        var options = new ModelInitializerOptions
        {
            Architecture = _architecture.Get(parse),
            Width = _width.Get(parse),
            Layers = _layers.Get(parse),
            Heads = _heads.Get(parse),
            KeyValueHeads = _keyValueHeads.Get(parse),
            FeedForward = _feedForward.Get(parse),
            Context = _context.Get(parse),
            Untied = _untied.IsGiven(parse),
            Seed = (ulong)_seed.Get(parse),
            Name = System.IO.Path.GetFileNameWithoutExtension(output),
        };
        if (vocabulary == CountdownVocabulary.Name) ModelInitializer.Write(output, options, CountdownVocabulary.Size, CountdownVocabulary.AddTo);
        else ModelInitializer.Write(output, options, vocabulary);
        using var model = LanguageModel.Load(output); // as every other verb will
        terminal.Out.WriteLine($"{output}: {options.Architecture}, {Text.Count(model.ParameterCount)} weights, {model.Vocabulary.Size} tokens");
        return ExitCode.Done;
    }
}
