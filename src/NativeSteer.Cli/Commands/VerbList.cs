using NativeSteer.Cli.Commands.Annotate;
using NativeSteer.Cli.Commands.Countdown;
using NativeSteer.Cli.Commands.Generate;
using NativeSteer.Cli.Commands.Study;
using NativeSteer.Cli.Commands.Train;
using NativeSteer.Cli.Commands.Vector;
using NativeSteer.Cli.Help;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;

namespace NativeSteer.Cli.Commands;

/// <summary>A verb's name and purpose, and how to run it. The verb itself is made only when it is wanted.</summary>
internal sealed record VerbEntry(string Name, string Purpose, Func<string[], Terminal, int> Run);

/// <summary>Verbs to choose from: all of the program's, or those below one of them, such as <c>vector</c>.</summary>
/// <param name="path">What precedes the verb: empty, <c>annotate</c>, <c>vector</c>, <c>train</c>, <c>countdown</c> or <c>bench</c>.</param>
/// <param name="verbs">The verbs in the order of the help.</param>
internal sealed class VerbList(string path, params VerbEntry[] verbs)
{
    internal static VerbList Annotates { get; } = new("annotate",
        new VerbEntry("agreement", "How two judges agree: precision, recall, F1 and Cohen's kappa", (args, terminal) => new AgreementCommand().Run(args, terminal)))
    {
        Alone = (args, terminal) => new AnnotateCommand().Run(args, terminal),
    };

    internal static VerbList Vectors { get; } = new("vector",
        new("extract", "Make a vector of labelled texts, in one pass", (args, terminal) => new ExtractCommand().Run(args, terminal)),
        new("show", "A vector's layers, norms and provenance", (args, terminal) => new ShowCommand().Run(args, terminal)),
        new("compare", "Cosines and norms of two vectors, layer by layer", (args, terminal) => new CompareCommand().Run(args, terminal)),
        new("combine", "Add, subtract and scale vectors", (args, terminal) => new CombineCommand().Run(args, terminal)),
        new("import", "Turn another tool's vector file into block numbering", (args, terminal) => new ImportCommand().Run(args, terminal)));

    internal static VerbList Trains { get; } = new("train",
        new("sft", "Fine-tune a model on texts: all weights, norms, vectors or token rows", (args, terminal) => new SftCommand().Run(args, terminal)),
        new("bias", "Train one vector per layer, the model itself frozen", (args, terminal) => new BiasCommand().Run(args, terminal)),
        new("rl", "Train vectors, adapters or weights by rewards", (args, terminal) => new RlCommand().Run(args, terminal)),
        new("init", "Write a random model to train from nothing", (args, terminal) => new InitCommand().Run(args, terminal)));

    internal static VerbList Countdown { get; } = new("countdown",
        new("generate", "Puzzles with answers to learn from, as JSONL", (args, terminal) => new CountdownGenerateCommand().Run(args, terminal)),
        new("evaluate", "How many puzzles a model solves", (args, terminal) => new CountdownEvaluateCommand().Run(args, terminal)),
        new("search", "Answer puzzles by searching with a model that takes steps back", (args, terminal) => new CountdownSearchCommand().Run(args, terminal)),
        new("iterate", "Distil search into a fast model: search, keep what is right, train, again", (args, terminal) => new CountdownIterateCommand().Run(args, terminal)));

    internal static VerbList Studies { get; } = new("study",
        new VerbEntry("backtracking", "Directions that trigger backtracking, found and tried, with a report", (args, terminal) => new BacktrackingCommand().Run(args, terminal)),
        new VerbEntry("self-backtracking", "A model that takes wrong steps back, searched with, with a report", (args, terminal) => new SelfBacktrackingCommand().Run(args, terminal)),
        new VerbEntry("quantization", "What quantisation does to steering vectors, with a report", (args, terminal) => new QuantizationCommand().Run(args, terminal)),
        new VerbEntry("bias", "Bias-only adaptation: vectors trained by rewards, with a report", (args, terminal) => new BiasStudyCommand().Run(args, terminal)));

    internal static VerbList Benches { get; } = new("bench",
        new VerbEntry("sweep", "A sweep as one batch against its cells one after another", (args, terminal) => new BenchSweepCommand().Run(args, terminal)),
        new VerbEntry("search", "Forked search of many puzzles against simpler ways", (args, terminal) => new BenchSearchCommand().Run(args, terminal)),
        new VerbEntry("train", "Training steps against ggml's autodiff", (args, terminal) => new BenchTrainCommand().Run(args, terminal)),
        new VerbEntry("kernels", "The GPU's kernels against a copy within its memory", (args, terminal) => new BenchKernelsCommand().Run(args, terminal)))
    {
        Alone = (args, terminal) => new BenchCommand().Run(args, terminal),
    };

    internal static VerbList Root { get; } = new("",
        new("demo", "The backtracking study on the built-in models, in about a minute", (args, terminal) => new DemoCommand().Run(args, terminal)),
        new("info", "What a model, a vector, a capture or this machine is", (args, terminal) => new InfoCommand().Run(args, terminal)),
        new("doctor", "Prove that steering works on a model", (args, terminal) => new DoctorCommand().Run(args, terminal)),
        new("generate", "Rollouts, steered or not, many at a time", (args, terminal) => new GenerateCommand().Run(args, terminal)),
        new("annotate", "Label what traces do, by keywords or by a judging model", (args, terminal) => Annotates.Run(args, terminal)),
        new("capture", "Activations of prompts as safetensors files", (args, terminal) => new CaptureCommand().Run(args, terminal)),
        new("vector", "Extract, show, compare, combine and import steering vectors", (args, terminal) => Vectors.Run(args, terminal)),
        new("lens", "Which tokens a vector, or the inside of a model at a text, speaks for", (args, terminal) => new LensCommand().Run(args, terminal)),
        new("train", "Fine-tune models, train vectors, start new models", (args, terminal) => Trains.Run(args, terminal)),
        new("countdown", "Puzzles to learn backtracking on: make data, judge a model", (args, terminal) => Countdown.Run(args, terminal)),
        new("sweep", "Vectors x layers x strengths x seeds x prompts, with keyword rates", (args, terminal) => new SweepCommand().Run(args, terminal)),
        new("study", "A paper's experiment end to end, with its report", (args, terminal) => Studies.Run(args, terminal)),
        new("report", "Draw the report of a study from its run logs", (args, terminal) => new ReportCommand().Run(args, terminal)),
        new("quantize", "Write a copy of a model with smaller numbers", (args, terminal) => new QuantizeCommand().Run(args, terminal)),
        new("bench", "Speeds: plain, idle, steered, capturing, sweeps, searches, training", (args, terminal) => Benches.Run(args, terminal)));

    internal string Path => path;

    internal IReadOnlyList<VerbEntry> Verbs => verbs;

    /// <summary>What runs where options follow instead of a verb; null where a verb must be given.</summary>
    internal Func<string[], Terminal, int>? Alone { get; init; }

    /// <summary>Runs the verb that the first argument names.</summary>
    internal int Run(string[] args, Terminal terminal)
    {
        var program = path.Length == 0 ? "nativesteer" : $"nativesteer {path}";
        if (Alone is not null && (args.Length == 0 || args[0].StartsWith('-'))) return Alone(args, terminal);
        if (args is [] or ["--help" or "-h" or "-?"])
        {
            ListHelp.Write(this, args.Length == 0 ? terminal.Error : terminal.Out);
            return args.Length == 0 ? ExitCode.Usage : ExitCode.Done;
        }
        foreach (var verb in verbs)
        {
            if (string.Equals(verb.Name, args[0], StringComparison.Ordinal)) return verb.Run(args[1..], terminal);
        }
        var meant = verbs.Select(verb => verb.Name).FirstOrDefault(name => IsNear(name, args[0]));
        throw new UsageException(
            $"there is no verb '{args[0]}'" + (meant is null ? "" : $", perhaps '{meant}'") + $"; '{program} --help' lists them.");
    }

    // One letter off, left out or added, or two swapped.
    private static bool IsNear(string name, string typed)
    {
        if (Math.Abs(name.Length - typed.Length) > 1) return false;
        var start = 0;
        while (start < name.Length && start < typed.Length && name[start] == typed[start]) start++;
        var end = 0;
        while (end < name.Length - start && end < typed.Length - start && name[^(end + 1)] == typed[^(end + 1)]) end++;
        var (left, right) = (name[start..^end], typed[start..^end]);
        return (left.Length <= 1 && right.Length <= 1)
            || (left.Length == 2 && right.Length == 2 && left[0] == right[1] && left[1] == right[0]);
    }
}
