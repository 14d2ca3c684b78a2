using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using NativeSteer.Analysis;
using NativeSteer.Cli.Commands.Generate;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Cli.Views;
using NativeSteer.Extraction;
using NativeSteer.Hooks;
using NativeSteer.Studies;

namespace NativeSteer.Cli.Commands.Study;

/// <summary><c>sweep</c></summary>
internal sealed class SweepCommand : Verb
{
    private readonly ModelSettings _model = new();
    private readonly SweepVectors _vectors = new();
    private readonly ListSetting _prompts = new("TEXT", "A prompt; may be given several times", false, "--prompt", "-p");
    private readonly ListSetting _files = new("FILE", "A prompt's file, - for stdin; or .jsonl with a prompt a line", false, "--file", "-f");
    private readonly Flag _chat = new("Put prompts into the model's chat template", "--chat");
    private readonly TextSetting _system = new("TEXT", "System message before each prompt, with --chat", "--system");
    private readonly TextSetting _layers = new("LIST", "The layers, each steered alone, e.g. 10, 8-12 (default: all that a vector has)", "--layers");
    private readonly NumbersSetting _magnitudes = new("Strengths, also negative ones; 0 is always run", "--magnitudes") { Default = [0.5f, 1, 2] };
    private readonly ChoiceSetting _unit = new("Strengths are shares of the vector's mean residual norm at the layer, or absolute", ["rel", "abs"], "--scale-unit");
    private readonly NumberListSetting _seeds = new("Seeds of sampling; every cell runs with each", "--seeds") { Default = [1] };
    private readonly TextSetting _at = new("RANGE", "Steered positions: all, prompt, generated, A:B (default: all)", "--at");
    private readonly TextSetting _words = new("WORD,...", $"The words that are counted (default: {KeywordSet.Default})", "--words");
    private readonly CountSetting _count = new("N", "Most tokens of a completion", "--predict", "-n") { Default = 128, Minimum = 1 };
    private readonly CountSetting _parallel = new("N", "Completions side by side in a batch", "--parallel", "-np")
        { Default = 0, Minimum = 1, Maximum = 256, DefaultMeaning = $"as many as fit, at most {Rollouts.RolloutBlocks.MostParallel}, or {Rollouts.RolloutBlocks.MostParallelUnfused} without flash attention" };
    private readonly ListSetting _stop = new("TEXT", "End a completion before this text; may be given several times", false, "--stop");
    private readonly CountSetting _measured = new("N", "Prompts on which KL and perplexity are measured; 0 for none", "--kl-prompts")
        { Default = int.MaxValue, Minimum = 0, DefaultMeaning = "all" };
    private readonly SamplingSettings _sampling = new(0.7f, seedMeaning: "");
    private readonly ContextSettings _context = new("what the completions need");
    private readonly TextSetting _output = CommonSettings.Output("The log, JSONL: provenance, cells, completions");
    private readonly ShardSetting _shard = new();
    private readonly Flag _resume = new("Go on with the log of -o", "--resume");
    private readonly Flag _json = CommonSettings.Json();

    internal SweepCommand() : base("sweep", "Vectors x layers x strengths x seeds x prompts, with keyword rates")
    {
        Details = """
            Every vector, at every layer alone, at every strength, with every seed, is a cell; every cell runs on all prompts, many in
            a batch. Cells of one seed sample alike, so that they differ in their steering alone. The table gives the share of
            words that are keywords, with a bootstrap interval of 95 % over prompts, what became of the texts, and the KL to the
            unsteered model. An interrupted sweep goes on with --resume.
            """;
        AddGroup("Model", _model.All);
        AddGroup("Vectors", _vectors.All);
        AddGroup("Prompts", _prompts, _files, _chat, _system);
        AddGroup("Grid", _layers, _magnitudes, _unit, _seeds, _at, _shard);
        AddGroup("Completions", [_count, _parallel, _stop, _words, _measured, .. _sampling.WithoutSeed, .. _context.All]);
        AddGroup("Output", _output, _resume, _json);
        AddExample("sweep -m model.gguf --vector happy.gguf --layers 8-14 --magnitudes -1,1 -f p.jsonl --words happy,glad -o s.jsonl",
            "which layer and strength of a vector");
        AddExample("sweep -m model.gguf --traces annotated.jsonl --offsets -13:-8,-8:-3,-1 --layers 10 -f p.jsonl -o s.jsonl --resume",
            "which window of offsets");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        if (_system.IsGiven(parse) && !_chat.IsGiven(parse)) throw new UsageException("--system needs --chat: without a template there is no place for it.");
        var output = _output.Require(parse);
        if (!_prompts.IsGiven(parse) && !_files.IsGiven(parse)) throw new UsageException("there is no prompt; give some with -p or -f.");
        var prompts = StudyPrompts.Of(
            PromptSource.Read(_prompts.Values(parse), _files.Values(parse)), _model.Model.Given(parse), _chat.IsGiven(parse), _system.Get(parse));
        var context = _context.Get(parse) with { Sequences = _parallel.IsGiven(parse) ? _parallel.Get(parse) : 0 };

        using var model = _model.Load(parse, terminal, stop);
        var options = new VectorSweepOptions
        {
            Vectors = _vectors.Get(parse, model, context, terminal, stop),
            Layers = _layers.Get(parse) is { } layers ? LayerList.Parse(layers, model.Shape.Layers) : null,
            Magnitudes = _magnitudes.Get(parse),
            Unit = _unit.Get(parse) is "abs" ? ScaleUnit.Absolute : ScaleUnit.ResidualNorm,
            Seeds = [.. _seeds.Get(parse).Select(seed => (long)seed)],
            Prompts = prompts,
            Words = _words.Get(parse) is { } words ? KeywordSet.Parse(words) : KeywordSet.Default,
            MaxTokens = _count.Get(parse),
            Sampling = _sampling.Get(parse),
            Stop = _stop.Values(parse),
            Positions = _at.Get(parse) is { } at ? PositionRange.Parse(at) : PositionRange.All,
            MeasuredPrompts = _measured.Get(parse),
            Shard = _shard.Get(parse),
            Context = context,
        };
        var clock = Stopwatch.StartNew();
        SweepStatistics statistics;
        try
        {
            statistics = Progress.Run(terminal, "Sweeping", report =>
            {
                var sweep = new VectorSweep(model, options)
                {
                    Arguments = [.. parse.Tokens.Select(token => token.Value)],
                    Progress = (done, total) => report.Report((double)done / Math.Max(1, total), $"{done} of {total} completions"),
                };
                sweep.Run(output, _resume.IsGiven(parse), stop);
                return sweep.Statistics;
            });
        }
        catch (OperationCanceledException)
        {
            Print(parse, output, terminal); // what was finished before Ctrl-C
            throw;
        }
        Print(parse, output, terminal);
        terminal.Note(StudyRun.Counts(statistics, clock.Elapsed));
        return ExitCode.Done;
    }

    private void Print(ParseResult parse, string log, Terminal terminal)
    {
        var view = new SweepView(VectorSweep.Read(log));
        if (_json.IsGiven(parse)) view.PrintJson(terminal);
        else view.Print(terminal);
    }
}
