using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Engine;
using NativeSteer.Rollouts;

namespace NativeSteer.Cli.Commands.Generate;

/// <summary><c>generate</c></summary>
internal sealed class GenerateCommand : Verb
{
    private const int DefaultParallel = 8;

    private readonly ModelSettings _model = new();
    private readonly ListSetting _prompts = new("TEXT", "A prompt; may be given several times", false, "--prompt", "-p");
    private readonly ListSetting _files =
        new("FILE", "A prompt's file, - for stdin; or .jsonl with a prompt a line (see above)", false, "--file", "-f");
    private readonly Flag _chat = new("Put prompts into the model's chat template", "--chat");
    private readonly TextSetting _system = new("TEXT", "System message before each prompt, with --chat", "--system");
    private readonly CountSetting _count = new("N", "Most tokens of a rollout; -1 up to the model's context", "--predict", "-n")
        { Default = 128, Minimum = -1 };
    private readonly CountSetting _samples = new("N", "Rollouts of each prompt", "--samples") { Default = 1, Minimum = 1 };
    private readonly CountSetting _parallel = new("N", "Rollouts side by side in a batch", "--parallel", "-np")
        { Default = 0, Minimum = 1, Maximum = 256, DefaultMeaning = $"all, at most {DefaultParallel}" };
    private readonly ListSetting _stop = new("TEXT", "End a rollout before this text; may be given several times", false, "--stop");
    private readonly SamplingSettings _sampling = new();
    private readonly SteeringSettings _steering = new();
    private readonly ContextSettings _context = new("what the rollouts need");
    private readonly TextSetting _output = CommonSettings.Output("Write a log of the rollouts, JSONL, instead of printing the text");
    private readonly Flag _resume = new("Go on with the log of -o, leaving out what it has", "--resume");
    private readonly Flag _logProbabilities = new("Log the sum of the picked tokens' log-probabilities", "--logprobs");
    private readonly Flag _json = new("Print the log on stdout", "--json");

    internal GenerateCommand() : base("generate", "Rollouts, steered or not, many at a time")
    {
        Details = """
            A .jsonl file of -f holds one prompt a line, which may be named and steered on its own:
              {"prompt": "...", "id": "a", "steer": [{"vector": "v.gguf", "scale": 8, "layers": "10-12",
               "operation": "add", "at": "generated", "unit": "abs"}]}
            Without prompt, rollouts start at the model's begin-of-text token.
            Operations: add h + s*v; project h - s*(h.u)u; clamp makes h.u = s; add-keep-norm h + s*v at h's length (u is v
            at length 1).
            """;
        AddGroup("Model", _model.All);
        AddGroup("Prompts", _prompts, _files, _chat, _system);
        AddGroup("Rollouts", _count, _samples, _parallel, _stop);
        AddGroup("Steering", _steering.All);
        AddGroup("Sampling", _sampling.All);
        AddGroup("Context", _context.All);
        AddGroup("Output", _output, _resume, _json, _logProbabilities);
        AddExample("generate -m model.gguf -p \"Once upon a time\" -n 64", "the text alone");
        AddExample("generate -m model.gguf --chat -p \"Tell me a joke.\" --control-vector-scaled happy.gguf:8 --layers 10-14",
            "a steered answer");
        AddExample("generate -m model.gguf -f prompts.jsonl --samples 16 -np 32 -o run.jsonl --resume",
            "a log that goes on after an interruption");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var (output, resume, json) = (_output.Get(parse), _resume.IsGiven(parse), _json.IsGiven(parse));
        if (resume && output is null) throw new UsageException("--resume needs the log to go on with; name it with -o.");
        if (json && output is not null) throw new UsageException("--json prints the log and -o writes it; give one of them.");
        if (_system.IsGiven(parse) && !_chat.IsGiven(parse))
            throw new UsageException("--system needs --chat: without a template there is no place for it.");
        var plan = new RunSettings
        {
            Prompts = PromptSource.Read(_prompts.Values(parse), _files.Values(parse)),
            Steer = _steering.Get(parse),
            Sampling = _sampling.Get(parse),
            Samples = _samples.Get(parse),
            MaxTokens = _count.Get(parse),
            Stop = _stop.Values(parse),
            Chat = _chat.IsGiven(parse),
            System = _system.Get(parse),
        };
        var parallel = _parallel.IsGiven(parse) ? _parallel.Get(parse) : Math.Min(DefaultParallel, plan.Prompts.Count * plan.Samples);
        var contextOptions = _context.Get(parse) with { Sequences = parallel };

        using var model = _model.Load(parse, terminal, stop);
        var jobs = new RolloutJobs(plan, model);
        using var context = model.CreateContext(contextOptions with { ContextLength = jobs.ContextLength(contextOptions) });
        jobs.RequireFit(context);
        using var runner = new RolloutRunner(context) { LogProbabilities = _logProbabilities.IsGiven(parse) };

        if (output is null && !json)
        {
            new TextOutput(terminal, jobs).Print(runner, stop);
            return ExitCode.Done;
        }
        using var log = output is not null ? RolloutLog.Open(output, resume, jobs) : RolloutLog.ToTerminal(terminal, jobs);
        var requests = jobs.Requests(log.Finished);
        if (log.Finished.Count > 0) terminal.Note($"{output} has {log.Finished.Count} of {jobs.Count} rollouts; going on with the rest");
        return Progress.Run(terminal, "Generating", report =>
        {
            runner.Stepped = RolloutProgress.Of(report, requests);
            foreach (var rollout in runner.Run(requests, stop)) log.Write(rollout);
            return ExitCode.Done;
        });
    }
}
