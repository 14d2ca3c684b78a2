using System.Globalization;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Rollouts;

namespace NativeSteer.Judges;

/// <summary>How a model on this machine judges.</summary>
public sealed record LocalJudgeOptions
{
    /// <summary>Pieces of traces in a batch.</summary>
    public int Parallel { get; init; } = 8;

    /// <summary>Most sentences in a piece: fewer are easier to count, more leave the judge more to understand them by.</summary>
    public int SentencesAtOnce { get; init; } = 20;

    /// <summary>The context; its length is what the pieces need where it is 0, its number of sequences is set.</summary>
    public ContextOptions Context { get; init; } = new();

    internal void Validate()
    {
        if (Parallel is < 1 or > 256) throw new NativeSteerException($"{Parallel} pieces side by side cannot be run; give 1 to 256.");
        if (SentencesAtOnce < 1) throw new NativeSteerException($"{SentencesAtOnce} sentences at once cannot be judged; give at least 1.");
    }
}

/// <summary>
/// A GGUF model that names a label for each numbered sentence, many traces in a batch. A grammar lets it write nothing but the lines
/// <c>1: label</c>, one for each sentence, so that models too small to copy a text can judge too.
/// </summary>
/// <param name="model">The judging model.</param>
/// <param name="options">How it judges.</param>
public sealed class LocalJudge(LanguageModel model, LocalJudgeOptions? options = null) : IJudge
{
    private const int MostCodePoints = int.MaxValue, Granularity = 256; // llama.cpp rounds the cache up to this

    private readonly LocalJudgeOptions _options = options ?? new LocalJudgeOptions();

    /// <inheritdoc/>
    public string Name => Path.GetFileName(model.Path);

    /// <inheritdoc/>
    public string Settings => $"numbered sentences, prompt {JudgePrompts.Version}, {_options.SentencesAtOnce} at once";

    /// <summary>What the last run computed.</summary>
    public RolloutStatistics Statistics { get; private set; } = new();

    /// <inheritdoc/>
    public IEnumerable<Annotation> Annotate(
        IReadOnlyList<LabelledTrace> traces, IProgress<JudgeProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(traces);
        _options.Validate();
        return Judged(traces, progress, cancellation);
    }

    /// <summary>The grammar of the answer about some sentences: their numbers from 1, each with one of the labels.</summary>
    internal static string Grammar(int sentences, IEnumerable<string> labels)
    {
        var lines = Enumerable.Range(1, sentences).Select(i => string.Create(CultureInfo.InvariantCulture, $"\"{i}: \" label \"\\n\""));
        return $"root ::= {string.Join(' ', lines)}\nlabel ::= {string.Join(" | ", labels.Select(label => $"\"{label}\""))}\n";
    }

    /// <summary>The labels of an answer, in order; null when it is not of that form.</summary>
    internal static string[]? Labels(string answer, int sentences)
    {
        var lines = answer.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length != sentences) return null;
        var labels = new string[sentences];
        for (var i = 0; i < sentences; i++)
        {
            var parts = lines[i].Split(": ");
            if (parts.Length != 2 || !string.Equals(parts[0], (i + 1).ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)) return null;
            if (!Behaviours.All.Contains(parts[1], StringComparer.Ordinal)) return null;
            labels[i] = parts[1];
        }
        return labels;
    }

    private IEnumerable<Annotation> Judged(IReadOnlyList<LabelledTrace> traces, IProgress<JudgeProgress>? progress, CancellationToken cancellation)
    {
        var pieces = traces.Select(trace => TextChunk.Split(trace, MostCodePoints, _options.SentencesAtOnce)).ToList();
        for (var i = 0; i < traces.Count; i++)
        {
            if (pieces[i].Count == 0) yield return Annotation.Failed(traces[i], Annotation.NoText);
        }
        var requests = Requests(traces, pieces);
        if (requests.Count == 0) yield break;
        using var context = model.CreateContext(ContextFor(requests));
        using var runner = new RolloutRunner(context);
        Statistics = runner.Statistics;
        var answers = pieces.ConvertAll(list => new string[]?[list.Count]);
        var missing = pieces.ConvertAll(list => list.Count);
        foreach (var rollout in runner.Run(requests, cancellation))
        {
            var (trace, piece) = Source(rollout.Request.Id);
            answers[trace][piece] = Labels(rollout.Text, pieces[trace][piece].Sentences.Count);
            progress?.Report(new JudgeProgress(runner.Statistics.Finished, requests.Count));
            if (--missing[trace] == 0) yield return Labelled(traces[trace], pieces[trace], answers[trace]);
        }
    }

    private static Annotation Labelled(LabelledTrace trace, List<TextChunk> pieces, string[]?[] answers)
    {
        if (Array.Exists(answers, labels => labels is null)) return Annotation.Failed(trace, "the judge's answer was cut off");
        var spans = pieces.Zip(answers, (piece, labels) => piece.Sentences.Zip(labels!, (sentence, label) => sentence.Labelled(label)));
        return new Annotation(Annotation.Judged(trace, [.. spans.SelectMany(part => part)]));
    }

    private List<RolloutRequest> Requests(IReadOnlyList<LabelledTrace> traces, List<List<TextChunk>> pieces)
    {
        var (before, after) = Frame();
        var (first, last) = (model.Vocabulary.Tokenize(before), model.Vocabulary.Tokenize(after, addSpecial: false));
        var grammars = new Dictionary<int, string>();
        var requests = new List<RolloutRequest>();
        for (var trace = 0; trace < traces.Count; trace++)
        {
            for (var piece = 0; piece < pieces[trace].Count; piece++)
            {
                var chunk = pieces[trace][piece];
                var count = chunk.Sentences.Count;
                if (!grammars.TryGetValue(count, out var grammar)) grammars.Add(count, grammar = Grammar(count, Behaviours.All));
                // Text of a trace that spells a special token is text here.
                var question = model.Vocabulary.Tokenize(JudgePrompts.Sentences(traces[trace], chunk), addSpecial: false, parseSpecial: false);
                requests.Add(new RolloutRequest([.. first, .. question, .. last])
                {
                    Id = string.Create(CultureInfo.InvariantCulture, $"{trace}/{piece}"),
                    Sampling = SamplerOptions.Greedy with { Grammar = grammar },
                    MaxTokens = LongestAnswer(count),
                });
            }
        }
        return requests;
    }

    // What stands before and after the numbered sentences: a user's turn where the model has a chat template.
    private (string Before, string After) Frame()
    {
        const string mark = "\u241E"; // stands for the sentences while the template is applied
        var content = $"{JudgePrompts.Numbered}\n{mark}";
        var whole = model.ChatTemplate is null ? $"{content}\nThe labels:\n" : ChatTemplate.Apply(model, [new ChatMessage("user", content)]);
        var at = whole.IndexOf(mark, StringComparison.Ordinal);
        return at < 0 ? throw new NativeSteerException($"{model.Path}: the chat template leaves the user's text out; give a model with another one.")
            : (whole[..at], whole[(at + mark.Length)..]);
    }

    // In bytes, which is in tokens at most; and the end token.
    private static int LongestAnswer(int sentences)
    {
        var label = Behaviours.All.Max(name => name.Length);
        return Enumerable.Range(1, sentences).Sum(i => i.ToString(CultureInfo.InvariantCulture).Length + ": \n".Length + label) + 1;
    }

    private ContextOptions ContextFor(List<RolloutRequest> requests)
    {
        var parallel = Math.Min(_options.Parallel, requests.Count);
        var sized = _options.Context with { Sequences = parallel, Hook = false };
        if (sized.ContextLength > 0) return sized;
        var each = requests.Max(request => request.Prompt.Count + request.MaxTokens + 1L);
        var length = (each * parallel + Granularity - 1) / Granularity * Granularity;
        if (length > int.MaxValue / 2) throw new NativeSteerException("The pieces of the traces are too long together; judge fewer side by side.");
        return sized with { ContextLength = (int)length };
    }

    private static (int Trace, int Piece) Source(string id)
    {
        var parts = id.Split('/');
        return (int.Parse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture), int.Parse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture));
    }
}
