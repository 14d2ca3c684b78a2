using System.CommandLine;
using System.Globalization;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Judges;

namespace NativeSteer.Cli.Commands.Annotate;

/// <summary>Who judges: keywords, a model behind an endpoint, a GGUF, or annotations that exist already.</summary>
internal sealed class JudgeSettings
{
    private const string DefaultKey = "OPENAI_API_KEY";
    private static readonly EndpointOptions s_endpoint = new("model", "key");
    private static readonly LocalJudgeOptions s_local = new();

    private readonly TextSetting _words = new("WORD,...", $"The words that tell of backtracking (default: {KeywordSet.Default})", "--words");
    private readonly TextSetting _model = new("NAME", "A model behind an OpenAI-compatible endpoint", "--judge-model");
    private readonly TextSetting _gguf = new("FILE", "A model on this machine, best one trained to chat", "--judge-gguf");
    private readonly TextSetting _url = new("URL", "The endpoint, up to and with /v1 (default: OpenAI's)", "--base-url");
    private readonly TextSetting _keyVariable = new("NAME", $"The environment variable that holds the key (default: {DefaultKey})", "--key-env");
    private readonly CountSetting _concurrency = new("N", "Requests at a time", "--concurrency") { Default = s_endpoint.Concurrency, Minimum = 1, Maximum = 1000 };
    private readonly CountSetting _retries = new("N", "Tries after the first, with pauses that double", "--retries") { Default = s_endpoint.Retries, Minimum = 0, Maximum = 100 };
    private readonly NumberSetting _timeout = new("SECONDS", "The longest one try may take", "--timeout") { Default = (float)s_endpoint.Timeout.TotalSeconds };
    private readonly TextSetting _temperature = new("N", "Temperature; 'none' leaves it to the endpoint (default: 0)", "--temp");
    private readonly TextSetting _price = new("IN,OUT", "What a million tokens cost, to say what the run does", "--price");
    private readonly TextSetting _cache = new("FILE", "Where answers are kept (default: -o with .answers.jsonl after it)", "--cache");
    private readonly Flag _yes = new("Send without asking; a terminal is asked first, unless the endpoint is on this machine", "--yes", "-y");
    private readonly CountSetting _gpuLayers = new("N", "Layers kept on the GPU", "--gpu-layers", "-ngl") { Default = -1, Minimum = -1, DefaultMeaning = "all" };
    private readonly CountSetting _parallel = new("N", "Pieces of traces side by side in a batch", "--parallel", "-np") { Default = s_local.Parallel, Minimum = 1, Maximum = 256 };
    private readonly CountSetting _sentences = new("N", "Sentences it is asked about at once", "--sentences") { Default = s_local.SentencesAtOnce, Minimum = 1 };
    private readonly ContextSettings _context = new("what the pieces need");

    internal Flag FromAnnotations { get; } = new("The lines have an \"annotation\" in the bracketed form; find its segments in the text", "--from-annotations");

    internal Setting[] Which => [_words, _model, _gguf];

    internal Setting[] Endpoint => [_url, _keyVariable, _concurrency, _retries, _timeout, _temperature, _price, _cache, _yes];

    internal Setting[] Local => [_gpuLayers, _parallel, _sentences, .. _context.All];

    /// <summary>Throws for settings of judges that are not asked, and for those that contradict one another.</summary>
    internal void Check(ParseResult parse, string? output)
    {
        Setting[] judges = [_words, _model, _gguf, FromAnnotations];
        if (judges.Where(setting => setting.IsGiven(parse)).ToArray() is [var first, var second, ..])
            throw new UsageException($"{first.Spelling} and {second.Spelling} name two judges; give one of them.");
        Refuse(parse, Endpoint, _model);
        Refuse(parse, Local, _gguf);
        if (_model.IsGiven(parse) && output is null && !_cache.IsGiven(parse))
            throw new UsageException("answers that cost something are kept in a file; give -o, or --cache.");
        _ = Prices(parse);
    }

    /// <summary>Makes the judge and reads the traces.</summary>
    internal OpenJudge Open(ParseResult parse, string path, string? output, Terminal terminal, CancellationToken stop)
    {
        if (FromAnnotations.IsGiven(parse)) return OpenJudge.OfAnnotations(TraceFiles.ReadAnnotations(path), terminal);
        var words = _words.Get(parse) is { } given ? KeywordSet.Parse(given) : null;
        var traces = TraceFiles.Read(path);
        if (_model.Get(parse) is { } name)
        {
            var options = EndpointFor(parse, name, output);
            return OpenJudge.OfEndpoint(traces, new EndpointJudge(options), Prices(parse), asks: !_yes.IsGiven(parse) && options.BaseUrl is not { IsLoopback: true }, terminal);
        }
        if (_gguf.Get(parse) is { } file)
        {
            var options = new LocalJudgeOptions { Parallel = _parallel.Get(parse), SentencesAtOnce = _sentences.Get(parse), Context = _context.Get(parse) };
            return OpenJudge.OfModel(traces, ModelSettings.Load(BuiltInModel.Resolve(file), _gpuLayers.Get(parse), terminal, stop), options, terminal);
        }
        return OpenJudge.OfKeywords(traces, new KeywordJudge(words), terminal);
    }

    private EndpointOptions EndpointFor(ParseResult parse, string name, string? output)
    {
        var url = _url.Get(parse) is not { } text ? null
            : Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" ? address
            : throw new UsageException($"--base-url is '{text}'; give an address such as http://localhost:8080/v1.");
        return new EndpointOptions(name, Key(parse, url))
        {
            BaseUrl = url,
            Concurrency = _concurrency.Get(parse),
            Retries = _retries.Get(parse),
            Timeout = TimeSpan.FromSeconds(Math.Clamp(_timeout.Get(parse), 0.001, 86_400)),
            Temperature = Temperature(parse),
            Cache = _cache.Get(parse) ?? $"{output}.answers.jsonl",
        };
    }

    private string Key(ParseResult parse, Uri? url)
    {
        var variable = _keyVariable.Get(parse) ?? DefaultKey;
        if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } key) return key;
        if (url is { IsLoopback: true } && !_keyVariable.IsGiven(parse)) return "none";
        throw new NativeSteerException($"The environment variable {variable} holds no key; set it, or name another with --key-env (any text where the endpoint wants none).");
    }

    private float? Temperature(ParseResult parse) => _temperature.Get(parse) switch
    {
        null => s_endpoint.Temperature,
        "none" => null,
        var text => NumberSetting.TryParse(text, out var number) && number is >= 0 and <= 2
            ? number : throw new UsageException($"--temp is '{text}'; give a number from 0 to 2, or none."),
    };

    private (double In, double Out)? Prices(ParseResult parse)
    {
        if (_price.Get(parse) is not { } text) return null;
        var parts = text.Split(',');
        return parts.Length == 2 && Price(parts[0]) is { } tokensIn && Price(parts[1]) is { } tokensOut
            ? (tokensIn, tokensOut) : throw new UsageException($"--price is '{text}'; give the price of a million tokens read and written, such as 2.5,10.");

        static double? Price(string part) =>
            double.TryParse(part, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var price) ? price : null;
    }

    private static void Refuse(ParseResult parse, Setting[] settings, Setting judge)
    {
        if (!judge.IsGiven(parse) && settings.FirstOrDefault(setting => setting.IsGiven(parse)) is { } wrong)
            throw new UsageException($"{wrong.Spelling} has no meaning without {judge.Spelling}; leave it away.");
    }
}
