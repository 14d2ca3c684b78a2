using System.CommandLine;
using System.Diagnostics;
using NativeSteer.Cli.Commands.Generate;
using NativeSteer.Cli.Commands.Vector;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Cli.Views;
using NativeSteer.Countdown;
using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Hooks;
using NativeSteer.Rollouts;

namespace NativeSteer.Cli.Commands.Countdown;

/// <summary><c>countdown evaluate</c></summary>
internal sealed class CountdownEvaluateCommand : Verb
{
    private const int DefaultCount = 1000, DefaultParallel = 32;

    private readonly ModelSettings _model = new();
    private readonly CountSetting _count = new("N", "How many puzzles", "--count", "-n")
        { Default = 0, Minimum = 1, DefaultMeaning = $"{DefaultCount}, or all of -f" };
    private readonly TextSetting _file = new("FILE", "Puzzles as JSONL instead of drawn ones (see above)", "--file", "-f");
    private readonly PuzzleSettings _puzzles = new("validation");
    private readonly CountSetting _tokens = new("N", "Most tokens of an answer", "--predict") { Default = new CountdownRolloutOptions().MaxTokens, Minimum = 1 };
    private readonly CountSetting _parallel = new("N", "Puzzles side by side in a batch", "--parallel", "-np")
        { Default = 0, Minimum = 1, Maximum = 256, DefaultMeaning = $"all, at most {DefaultParallel}" };
    private readonly Flag _lax = new("Numbers may be left over, as in the paper's own check", "--lax");
    private readonly SamplingSettings _sampling = new(0, "Seed of the puzzles, and of sampling; -1 for a random one");
    private readonly SteeringSettings _steering = new();
    private readonly ContextSettings _context = new("what the answers need");
    private readonly TextSetting _output = CommonSettings.Output("Write the answers with their verdicts, JSONL");
    private readonly Flag _json = CommonSettings.Json();

    internal CountdownEvaluateCommand() : base("countdown evaluate", "How many puzzles a model solves")
    {
        Details = """
            Puts puzzles to the model ("###Question: numbers [2, 39, 45]->target 62"), checks the final attempt of every answer
            exactly, and counts what went wrong. A line of -f is {"nums": [2, 39, 45], "target": 62}, as 'countdown generate'
            writes it, or {"input": "2,39,45", "output": "62"}. Accuracies have Wilson's interval of 95 %.
            """;
        AddGroup("Model", _model.All);
        AddGroup("Puzzles", [_count, _file, .. _puzzles.All]);
        AddGroup("Answers", _tokens, _parallel, _lax);
        AddGroup("Steering", _steering.All);
        AddGroup("Sampling", _sampling.All);
        AddGroup("Context", _context.All);
        AddGroup("Output", _output, _json);
        AddExample("countdown evaluate -n 500", "how good the built-in model is");
        AddExample("countdown evaluate -m model.gguf -n 1000", "greedy answers to puzzles that training has not");
        AddExample("countdown evaluate -m model.gguf --split new-targets --json", "targets that training never had");
        AddExample("countdown evaluate -m model.gguf -f data/new.jsonl --control-vector-scaled wait.gguf:4 -o answers.jsonl", "steered, every answer kept");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var sampling = _sampling.Get(parse);
        OutputCheck.Distinct([_output.Get(parse)], _file.Get(parse));
        var puzzles = _puzzles.Puzzles(parse, _count, _file, DefaultCount, sampling.Seed);
        var steer = _steering.Get(parse);
        var parallel = _parallel.IsGiven(parse) ? _parallel.Get(parse) : Math.Min(DefaultParallel, puzzles.Count);
        var contextOptions = _context.Get(parse) with { Sequences = parallel };
        var verifier = new VerifierOptions { RequireAllNumbers = !_lax.IsGiven(parse) };
        var (maxTokens, output) = (_tokens.Get(parse), _output.Get(parse));

        using var model = _model.Load(parse, terminal, stop);
        var options = new CountdownRolloutOptions { MaxTokens = maxTokens, Sampling = sampling, Plan = SteeringSettings.Plan(steer, model) };
        var requests = CountdownRollouts.Requests(model.Vocabulary, puzzles, options);
        using var context = model.CreateContext(contextOptions with { ContextLength = ContextLength(contextOptions, requests) });
        using var runner = new RolloutRunner(context);
        using var log = output is null ? null : CountdownLog.Create(output, model, puzzles.Count, options, steer);

        var figures = new CountdownFigures();
        var clock = Stopwatch.StartNew();
        try
        {
            Progress.Run(terminal, "Answering", report =>
            {
                runner.Stepped = RolloutProgress.Of(report, requests);
                foreach (var rollout in runner.Run(requests, stop))
                {
                    var puzzle = puzzles[CountdownRollouts.IndexOf(rollout)];
                    var verdict = figures.Add(puzzle, rollout, verifier);
                    log?.Write(puzzle, rollout, verdict);
                }
                return figures;
            });
        }
        catch (OperationCanceledException) when (figures.Puzzles > 0)
        {
            terminal.Note($"the figures are over {figures.Puzzles} of {puzzles.Count} puzzles; short answers end first");
            Print();
            throw;
        }
        Print();
        return ExitCode.Done;

        void Print()
        {
            var view = new CountdownView(figures, puzzles.Count, clock.Elapsed);
            if (_json.IsGiven(parse)) Json.PrintObject(terminal, view.Write);
            else view.Print(terminal);
        }
    }

    // Room for all sequences with the longest prompt.
    private static int ContextLength(ContextOptions options, IReadOnlyList<RolloutRequest> requests)
    {
        const int granularity = 256; // llama.cpp rounds the cache up to this
        if (options.ContextLength > 0) return options.ContextLength;
        var each = requests.Max(request => request.Prompt.Count + (long)request.MaxTokens + 1);
        return (int)Math.Min((each * options.Sequences + granularity - 1) / granularity * granularity, int.MaxValue / 2);
    }
}
