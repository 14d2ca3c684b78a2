using System.CommandLine;
using NativeSteer.Cli.Commands.Generate;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Running;
using NativeSteer.Countdown;
using NativeSteer.Extraction;
using NativeSteer.Judges;
using NativeSteer.Studies;

namespace NativeSteer.Cli.Commands.Study;

/// <summary>What studies of a reasoning model's traces have alike: models, prompts, traces and their judge, completions.</summary>
internal sealed class StudySettings
{
    private const int DefaultTraces = 300, DefaultPrompts = 20;
    private const string NoBase = "none";

    private readonly ModelSettings _model = new();
    private readonly TextSetting _base =
        new("FILE", $"The model that it was made from, or '{NoBase}' (default: {CountdownStudy.Base} for the built-in model)", "--base");
    private readonly ListSetting _files = new("FILE", "Prompts, JSONL: {\"id\", \"prompt\"}; number puzzles for the built-in model", false, "--file", "-f");
    private readonly Flag _chat = new("Put prompts into the reasoning model's chat template", "--chat");
    private readonly TextSetting _system = new("TEXT", "System message before each prompt, with --chat", "--system");
    private readonly CountSetting _prompts = new("N", "Prompts that every cell runs on: half of them choose, half report", "--prompts")
        { Default = DefaultPrompts, Minimum = 2, DefaultMeaning = $"{DefaultPrompts}; built-in pair: {CountdownStudy.Prompts}" };
    private readonly CountSetting _traces = new("N", "Most traces; prompts that are not steered on are for these", "--traces")
        { Default = DefaultTraces, Minimum = 1, DefaultMeaning = $"{DefaultTraces}; built-in pair: {CountdownStudy.Traces}" };
    private readonly CountSetting _traceTokens = new("N", "Most tokens of a trace", "--trace-tokens")
        { Default = 500, Minimum = 1, DefaultMeaning = $"500; built-in pair: {CountdownStudy.Options(1, 2).TraceTokens}" };
    private readonly TextSetting _annotations = new("FILE", "Labelled traces, e.g. of 'annotate', instead of writing and judging some", "--annotations");
    private readonly TextSetting _judge = new("NAME", "What labels traces: keyword, or countdown for number puzzles (default: keyword; built-in pair: countdown)", "--judge");
    private readonly TextSetting _words = new("WORD,...", $"The keywords (default: {KeywordSet.Default})", "--words");
    private readonly TextSetting _label = new("NAME", $"The label whose vector is studied (default: {Behaviours.Backtracking})", "--label");
    private readonly CountSetting _count = new("N", "Most tokens of a steered completion", "--predict", "-n")
        { Default = 128, Minimum = 1, DefaultMeaning = $"128; built-in pair: {CountdownStudy.Options(1, 2).MaxTokens}" };
    private readonly NumberSetting _temperature = new("N", "Temperature of traces and completions", "--temp") { Default = 0.7f };
    private readonly CountSetting _parallel = new("N", "Completions side by side in a batch", "--parallel", "-np")
        { Default = 0, Minimum = 1, Maximum = 256, DefaultMeaning = $"as many as fit, at most {Rollouts.RolloutBlocks.MostParallel}, or {Rollouts.RolloutBlocks.MostParallelUnfused} without flash attention" };
    private readonly ContextSettings _context = new("what the completions need");

    internal Setting[] Models => [_model.Model, _base, _model.GpuLayers];

    internal Setting[] Texts => [_files, _chat, _system, _prompts, _traces, _traceTokens, _annotations, _judge, _words, _label];

    internal Setting[] Completions => [_count, _temperature, _parallel, .. _context.All];

    /// <summary>The options with what was given.</summary>
    internal BacktrackingOptions Read(ParseResult parse)
    {
        if (_system.IsGiven(parse) && !_chat.IsGiven(parse)) throw new UsageException("--system needs --chat: without a template there is no place for it.");
        var options = _model.Model.Given(parse) == CountdownStudy.Reasoning && !_files.IsGiven(parse) ? BuiltIn(parse) : OfUser(parse);
        if (_words.Get(parse) is { } words) options = options with { Words = KeywordSet.Parse(words) };
        if (_label.Get(parse) is { } label) options = options with { Label = label };
        if (_count.IsGiven(parse)) options = options with { MaxTokens = _count.Get(parse) };
        if (_traceTokens.IsGiven(parse)) options = options with { TraceTokens = _traceTokens.Get(parse) };
        return options with
        {
            Annotations = _annotations.Get(parse),
            Judge = Judge(_judge.Get(parse) ?? (options.Judge is CountdownJudge ? "countdown" : "keyword"), options.Words),
            Sampling = options.Sampling with { Temperature = _temperature.Get(parse) },
            Context = _context.Get(parse) with { Sequences = _parallel.IsGiven(parse) ? _parallel.Get(parse) : 0 },
            GpuLayers = _model.GpuLayers.Get(parse),
        };
    }

    private BacktrackingOptions BuiltIn(ParseResult parse)
    {
        var options = CountdownStudy.Options(
            _traces.IsGiven(parse) ? _traces.Get(parse) : CountdownStudy.Traces, _prompts.IsGiven(parse) ? _prompts.Get(parse) : CountdownStudy.Prompts);
        return options with { Base = Base(parse, CountdownStudy.Base) };
    }

    private BacktrackingOptions OfUser(ParseResult parse)
    {
        var reasoning = _model.Model.Given(parse);
        if (!_files.IsGiven(parse)) throw new UsageException("-m names a model of yours, so its prompts are needed: give them with -f.");
        var builtIn = reasoning == CountdownStudy.Reasoning;
        if (!builtIn && !_base.IsGiven(parse)) throw new UsageException($"--base is missing: the model that {reasoning} was made from, or '{NoBase}'.");
        var given = PromptSource.Read([], _files.Values(parse)).DistinctBy(prompt => prompt.Text, StringComparer.Ordinal).ToList(); // one text is in one half
        var steered = _prompts.Get(parse);
        var annotated = _annotations.IsGiven(parse);
        if (given.Count < steered + (annotated ? 0 : 1))
            throw new UsageException($"the files of -f have {given.Count} prompts, {steered} are steered on and others needed for traces; give more, or a smaller --prompts.");
        var prompts = StudyPrompts.Of(given, reasoning, _chat.IsGiven(parse), _system.Get(parse));
        var (traces, cells) = StudyPrompts.Split(prompts, steered, _traces.Get(parse));
        return new BacktrackingOptions
        {
            Reasoning = reasoning,
            Base = Base(parse, builtIn ? CountdownStudy.Base : null),
            TracePrompts = traces,
            Prompts = cells,
            Judge = new KeywordJudge(),
        };
    }

    private string? Base(ParseResult parse, string? otherwise) => _base.Get(parse) switch
    {
        null => otherwise,
        NoBase => null,
        var given => given,
    };

    private static IJudge Judge(string name, KeywordSet words) => name switch
    {
        "keyword" => new KeywordJudge(words),
        "countdown" => new CountdownJudge(words),
        _ => throw new UsageException($"--judge is '{name}'; give keyword or countdown. Traces that a model has judged ('annotate') come with --annotations."),
    };
}
