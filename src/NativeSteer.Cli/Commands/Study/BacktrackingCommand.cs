using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Studies;

namespace NativeSteer.Cli.Commands.Study;

/// <summary><c>study backtracking</c></summary>
internal sealed class BacktrackingCommand : Verb
{
    internal const string DefaultFolder = "backtracking-study";

    private readonly StudySettings _study = new();
    private readonly GridSettings _grid = new();
    private readonly CountSetting _measured = new("N", "Prompts on which KL and perplexity are measured, about half of the work; 0 for none", "--kl-prompts")
        { Default = int.MaxValue, Minimum = 0, DefaultMeaning = $"all; built-in pair: {CountdownStudy.Options(1, 2).MeasuredPrompts}" };
    private readonly TextSetting _output = new("DIR", $"The study's folder (default: {DefaultFolder})", "--output", "-o");
    private readonly ShardSetting _shard = new();
    private readonly Flag _resume = new("Go on with what the folder has", "--resume");

    internal BacktrackingCommand() : base("study backtracking", "Directions that trigger backtracking, found and tried, with a report")
    {
        Details = """
            The reasoning model writes traces; a judge labels where it backtracks; both models read the traces, and the mean
            residual before backtracking, minus that before any sentence, is a direction of each. The cells of a grid (offsets,
            layers, sources, targets, baselines, strengths) then steer the models; wait and hmm are counted. Half of the prompts
            choose a cell, the other half report it. After Ward, Lin, Venhoff and Nanda, arXiv 2507.12638.
            """;
        AddGroup("Models", _study.Models);
        AddGroup("Prompts and traces", _study.Texts);
        AddGroup("Grid", _grid.All);
        AddGroup("Completions", [.. _study.Completions, _measured]);
        AddGroup("Output", _output, _shard, _resume);
        AddExample("study backtracking", "the built-in pair, in about a minute");
        AddExample("study backtracking -m r1-distill-llama-8b.gguf --base llama-3.1-8b.gguf -f prompts.jsonl --chat -o llama",
            "a pair of yours, with the paper's settings");
        AddExample("study backtracking -m r1.gguf --base llama.gguf -f prompts.jsonl --chat -o part2 --shard 2/8 --resume",
            "the second of eight jobs; 'report part*' puts them together");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var options = Read(parse);
        return StudyRun.Run(options, _output.Get(parse) ?? DefaultFolder, _resume.IsGiven(parse), [.. parse.Tokens.Select(token => token.Value)], terminal, stop);
    }

    private BacktrackingOptions Read(ParseResult parse)
    {
        var options = _study.Read(parse) with { Shard = _shard.Get(parse) };
        if (_measured.IsGiven(parse)) options = options with { MeasuredPrompts = _measured.Get(parse) };
        return _grid.Apply(parse, options);
    }
}
