using System.CommandLine;
using NativeSteer.Cli.Commands.Countdown;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Cli.Views;
using NativeSteer.Engine;
using NativeSteer.Reports;
using NativeSteer.Search;
using NativeSteer.Studies;

namespace NativeSteer.Cli.Commands.Study;

/// <summary><c>study self-backtracking</c></summary>
internal sealed class SelfBacktrackingCommand : Verb
{
    private const string DefaultFolder = "self-backtracking-study", LogName = "run.jsonl", ReportName = "report.html";
    private static readonly SelfBacktrackingOptions s_defaults = new();

    private readonly ModelSetting _model = new("The model that takes steps back", builtIn: BuiltInModel.Backtracking);
    private readonly TextSetting _plain = new("FILE", "A model trained on solutions alone with the same budget, for the baselines (default: none)", "--sft");
    private readonly CountSetting _puzzles = new("N", "Puzzles of each row", "--count", "-n") { Default = s_defaults.Puzzles, Minimum = 1 };
    private readonly WeightsSetting _numbers = PuzzleSettings.Numbers("4");
    private readonly NumberListSetting _samples = new("Breadths of search", "--samples", "-N") { Default = s_defaults.Samples };
    private readonly CountSetting _backtracks = new("N", "Depth of search: 0 to N rounds of backtracking", "--backtracks", "-b") { Default = s_defaults.Backtracks, Minimum = 0 };
    private readonly SamplingSettings _sampling = new(s_defaults.Sampling with { Seed = s_defaults.Seed }, "Seed of the puzzles, and of sampling; -1 for a random one");
    private readonly CountSetting _threads = CommonSettings.Threads();
    private readonly TextSetting _output = new("DIR", $"The study's folder (default: {DefaultFolder})", "--output", "-o");
    private readonly Flag _resume = new("Go on with what the folder has", "--resume");

    internal SelfBacktrackingCommand() : base("study self-backtracking", "A model that takes wrong steps back, searched with, with a report")
    {
        Details = """
            Asks the model about right and wrong steps, searches puzzles that training never had with all breadths and depths, and
            runs the baselines in the same harness: greedy, beams, best of N, majority, depth-first search. The folder gets the log
            run.jsonl and report.html, with the published numbers beside. 'countdown iterate -o DIR/iterate' adds expert iteration,
            'report DIR' draws the report again. After Yang et al. 2025, arXiv 2502.04404.
            """;
        AddGroup("Models", _model, _plain);
        AddGroup("Puzzles", _puzzles, _numbers);
        AddGroup("Search", [_samples, _backtracks, .. _sampling.All, _threads]);
        AddGroup("Output", _output, _resume);
        AddExample("study self-backtracking", "the built-in model, 500 puzzles a row");
        AddExample("study self-backtracking -n 50 -N 1,8 -b 1", "in about a minute");
        AddExample("study self-backtracking -m tuned.gguf --sft sft.gguf -o tuned", "a model of yours beside its baseline");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var sampling = _sampling.Get(parse);
        var options = s_defaults with
        {
            Model = _model.Given(parse),
            Plain = _plain.Get(parse),
            Puzzles = _puzzles.Get(parse),
            Drawn = s_defaults.Drawn with { Counts = PuzzleSettings.Counts(_numbers, parse), Seed = sampling.Seed },
            Samples = _samples.Get(parse),
            Backtracks = _backtracks.Get(parse),
            Sampling = sampling,
            Seed = sampling.Seed,
            Threads = _threads.Get(parse),
        };
        var folder = _output.Get(parse) ?? DefaultFolder;
        SelfBacktrackingLog log;
        try
        {
            log = Progress.Run(terminal, "Self-backtracking study", report => new SelfBacktrackingStudy(options, System.IO.Path.Combine(folder, LogName))
            {
                Resume = _resume.IsGiven(parse),
                Arguments = [.. parse.Tokens.Select(token => token.Value)],
                Progress = (share, detail) => report.Report(share, detail),
            }.Run(stop));
        }
        catch (OperationCanceledException)
        {
            terminal.Note($"what was finished is in {folder}: --resume goes on with it, 'nativesteer report {folder}' shows it");
            throw;
        }
        Report(log, System.IO.Path.Combine(folder, ReportName), terminal);
        return ExitCode.Done;
    }

    /// <summary>Draws the report and prints what it shows.</summary>
    internal static void Report(SelfBacktrackingLog log, string path, Terminal terminal)
    {
        SelfBacktrackingReport.Write(log, path);
        SelfBacktrackingView.Print(terminal, log);
        terminal.Out.WriteLine($"The report: {path}");
    }
}
