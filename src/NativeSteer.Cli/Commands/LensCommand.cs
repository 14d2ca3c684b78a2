using System.CommandLine;
using NativeSteer.Analysis;
using NativeSteer.Cli.Commands.Vector;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Cli.Views;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Cli.Commands;

/// <summary><c>lens</c>: the logit lens on vectors and on positions of a text.</summary>
internal sealed class LensCommand : Verb
{
    private readonly Argument<string[]> _vector = Positional.Optional("VECTOR", "A vector's file");
    private readonly ModelSettings _model = new();
    private readonly TextSetting _prompt = new("TEXT", "Look at the positions of this text instead of a vector", "--prompt", "-p");
    private readonly TextSetting _words = new("WORD,...", $"The words of the score (default: {KeywordSet.Default})", "--words");
    private readonly Flag _norm = new("Multiply directions with the final norm's weights first", "--norm");
    private readonly CountSetting _top = new("N", "Tokens to name at each layer", "--top") { Default = new LensOptions().Top, Minimum = 1, Maximum = 1000 };
    private readonly TextSetting _layers = new("LIST", "The layers, e.g. 10, 8-12 or 0,4,8-12 (default: all)", "--layers");
    private readonly CountSetting _threads = CommonSettings.Threads();
    private readonly Flag _json = CommonSettings.Json();

    internal LensCommand() : base("lens", "Which tokens a vector, or the inside of a model at a text, speaks for")
    {
        Details = """
            Of a vector, taken at length 1 at each layer: the tokens whose rows of the unembedding have the largest dot product and
            cosine with it, and the score, the mean dot product over all tokens that contain one of the words. Of a text, the
            likeliest next token if the model ended after a layer, with its probability; a table of more than 8 layers is thinned.
            """;
        Add(_vector);
        AddGroup("Model", _model.All);
        AddGroup("Lens", _prompt, _words, _norm, _top, _layers, _threads);
        AddGroup("Output", _json);
        AddExample("lens wait.gguf -m model.gguf", "what a vector means to the model's vocabulary");
        AddExample("lens wait.gguf -m base.gguf --words wait,but --layers 8-12 --top 5", "through another model, with the paper's words");
        AddExample("lens -p \"Make 24 of 3, 8, 8.\"", "how the next token forms, layer by layer, in the built-in model");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var files = Positional.Values(_vector, parse);
        var prompt = _prompt.Get(parse);
        if (files.Count == 0 && prompt is null) throw new UsageException("give a vector's file, or a text with -p.");
        if (files.Count == 1 && prompt is not null) throw new UsageException("a vector and a text with -p were given; look at one of them.");
        if (prompt is not null && new Setting[] { _words, _norm }.FirstOrDefault(setting => setting.IsGiven(parse)) is { } wrong)
            throw new UsageException($"{wrong.Spelling} has no meaning with -p; leave it away.");
        var options = new LensOptions
        {
            Keywords = _words.Get(parse) is { } words ? KeywordSet.Parse(words) : KeywordSet.Default,
            Top = _top.Get(parse),
            ApplyNorm = _norm.IsGiven(parse),
            Threads = _threads.Get(parse),
        };
        if (prompt is null) OfVector(parse, files[0], options, terminal, stop);
        else OfText(parse, prompt, options, terminal, stop);
        return ExitCode.Done;
    }

    private void OfVector(ParseResult parse, string file, LensOptions options, Terminal terminal, CancellationToken stop)
    {
        var vector = VectorFiles.Read(file);
        var path = _model.Model.Path(parse);
        using var model = LanguageModel.Load(path, new() { VocabularyOnly = true });
        RequireFit(file, vector, model);
        if (_layers.Get(parse) is { } layers) vector = vector.OnLayers(LayerList.Parse(layers, ModelShape.Of(model.File).Layers));
        using var lens = new LogitLens(model, options);
        if (lens.WordTokens.Count == 0)
        {
            var problem = $"no token of {path} contains any of {options.Keywords}";
            if (_words.IsGiven(parse)) throw new NativeSteerException($"{problem}, so there is no score; give other words with --words.");
            terminal.Note($"{problem}, so there is no score; --words takes others");
        }
        var view = new LensView(file, path, options.Keywords, lens.WordTokens.Count, lens.Look(vector, stop));
        if (_json.IsGiven(parse)) Json.PrintObject(terminal, view.Write);
        else view.Print(terminal);
    }

    private void OfText(ParseResult parse, string prompt, LensOptions options, Terminal terminal, CancellationToken stop)
    {
        const int longestBatch = 512;
        using var model = _model.Load(parse, terminal, stop);
        var layers = _layers.Get(parse) is { } list ? LayerList.Parse(list, model.Shape.Layers) : [.. Enumerable.Range(0, model.Shape.Layers)];
        var json = _json.IsGiven(parse);
        if (!json && !_layers.IsGiven(parse)) layers = PositionLensView.Thinned(layers);
        var tokens = model.Vocabulary.TokenizePrompt(prompt);
        using var context = model.CreateContext(new()
        {
            ContextLength = tokens.Length,
            BatchLength = Math.Min(tokens.Length, longestBatch),
            Threads = _threads.Get(parse),
        });
        var view = new PositionLensView(model, tokens, PositionLens.Look(context, tokens, layers, options, stop));
        if (json) Json.PrintObject(terminal, view.Write);
        else view.Print(terminal);
    }

    // The built-in model is only meant where it fits.
    private void RequireFit(string file, SteeringVector vector, LanguageModel model)
    {
        var shape = ModelShape.Of(model.File);
        if (vector.Shape.Width == shape.Width) return;
        throw new NativeSteerException(
            $"{file} was made for {vector.Shape}, {model.Path} is {shape}: through it nothing can be seen of the vector; give the vector's model with {_model.Model.Spelling}.");
    }
}
