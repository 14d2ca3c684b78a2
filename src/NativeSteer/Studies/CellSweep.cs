using System.Text.Json;
using NativeSteer.Analysis;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Files;
using NativeSteer.Hooks;
using NativeSteer.Rollouts;

namespace NativeSteer.Studies;

/// <summary>How cells are run.</summary>
internal sealed record CellSweepOptions
{
    internal required KeywordSet Words { get; init; }

    internal required int MaxTokens { get; init; }

    internal required SamplerOptions Sampling { get; init; }

    internal IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Sequences set: they are part of what the rollouts depend on.</summary>
    internal required ContextOptions Context { get; init; }

    /// <summary>KL and perplexity are measured for completions of this many prompts, the first ones.</summary>
    internal required int MeasuredPrompts { get; init; }

    internal (int Index, int Count)? Shard { get; init; }
}

/// <summary>A completion of a cell, measured.</summary>
internal sealed record CellRollout(StudyCell Cell, StudyPrompt Prompt, int PromptIndex, Rollout Rollout, KeywordRate Rate, CompletionClass Class, DivergenceScore? Score)
{
    internal void Write(Utf8JsonWriter json)
    {
        json.WriteString("type", "rollout");
        json.WriteString("cell", Cell.Key);
        json.WriteString("prompt_id", Prompt.Id);
        json.WriteString("half", StudyPrompt.Half(PromptIndex) == StudyHalf.Choose ? "choose" : "report");
        json.WriteString("prompt", Prompt.Text);
        RolloutLine.WriteCompletion(json, Rollout);
        json.WriteNumber("words", Rate.Words);
        json.WriteNumber("hits", Rate.Hits);
        json.WriteString("class", Class.ToString().ToLowerInvariant());
        Number("kl", Score?.Divergence);
        Number("perplexity", Score?.Perplexity);

        void Number(string name, double? value)
        {
            if (value is { } number && double.IsFinite(number)) json.WriteNumber(name, number);
            else json.WriteNull(name);
        }
    }
}

/// <summary>What a sweep computed and what it saved.</summary>
public sealed record SweepStatistics
{
    /// <summary>Rollouts run.</summary>
    public int Rollouts { get; internal set; }

    /// <summary>Tokens that went through the model to generate them, prompts and generated ones.</summary>
    public long DecodedTokens { get; internal set; }

    /// <summary>Tokens of prompts that were taken from another rollout's cache instead.</summary>
    public long ReusedTokens { get; internal set; }

    /// <summary>Tokens generated.</summary>
    public long GeneratedTokens { get; internal set; }

    /// <summary>Tokens that went through the model to measure KL and perplexity.</summary>
    public long ScoredTokens { get; internal set; }

    /// <summary>Tokens of those that were taken from another text's cache.</summary>
    public long ReusedScoredTokens { get; internal set; }
}

/// <summary>
/// Runs cells of one model on all prompts, block by block (<see cref="RolloutBlocks"/>), measures the completions, and writes them
/// as the next lines of a log. Blocks that the log has are passed over.
/// </summary>
internal sealed class CellSweep(LanguageModel model, IReadOnlyList<StudyPrompt> prompts, CellSweepOptions options)
{
    /// <summary>Counts over all runs.</summary>
    internal SweepStatistics Statistics { get; init; } = new();

    /// <summary>Told how many rollouts are behind, of those of this sweep.</summary>
    internal Action<int, int>? Progress { get; init; }

    /// <summary>Runs the cells.</summary>
    /// <param name="cells">All cells of the model, also of other shards.</param>
    /// <param name="plan">How a cell is steered on the prompt of an index.</param>
    /// <param name="log">Where to.</param>
    /// <param name="cancellation">Stops it; blocks that were finished stand in the log.</param>
    internal void Run(IReadOnlyList<StudyCell> cells, Func<StudyCell, int, SteeringPlan> plan, SequentialLog log, CancellationToken cancellation)
    {
        var blocks = Blocks(cells);
        var (done, total) = (0, blocks.Sum(block => block.Length * prompts.Count));
        InferenceContext? context = null;
        try
        {
            foreach (var block in blocks)
            {
                if (!log.TryPass(block.Length * prompts.Count))
                {
                    context ??= model.CreateContext(options.Context);
                    var before = done;
                    var rollouts = Run(context, block, plan, finished => Progress?.Invoke(before + finished, total), cancellation);
                    foreach (var rollout in rollouts) log.Write(rollout.Write);
                }
                done += block.Length * prompts.Count;
                Progress?.Invoke(done, total);
            }
        }
        finally
        {
            context?.Dispose();
        }
    }

    /// <summary>Cells that run together; the same ones in every sharding, so that shards repeat what a whole run does.</summary>
    private List<StudyCell[]> Blocks(IReadOnlyList<StudyCell> cells)
    {
        var size = Math.Max(1, (RolloutBlocks.Turns * options.Context.Sequences + prompts.Count - 1) / prompts.Count);
        return [.. cells.Chunk(size).Where((_, i) => options.Shard is not var (index, count) || i % count == index)];
    }

    private List<CellRollout> Run(InferenceContext context, StudyCell[] block, Func<StudyCell, int, SteeringPlan> plan, Action<int> finished, CancellationToken cancellation)
    {
        // Prompt by prompt: where steering begins after the prompt, its cells meet in the cache.
        var jobs = (from prompt in Enumerable.Range(0, prompts.Count) from cell in block select (Cell: cell, Plan: plan(cell, prompt), Prompt: prompt)).ToList();
        var tokens = prompts.Select(prompt => model.Vocabulary.TokenizePrompt(prompt.Text)).ToList();
        List<RolloutRequest> requests =
        [
            .. jobs.Select(job => new RolloutRequest(tokens[job.Prompt])
            {
                Id = prompts[job.Prompt].Id,
                Plan = job.Plan,
                MaxTokens = options.MaxTokens,
                Stop = options.Stop,
                Sampling = options.Sampling with { Seed = StudyPrompt.SamplingSeed(job.Cell.Seed, job.Prompt) },
            }),
        ];
        var rollouts = Generate(context, requests, finished, cancellation);
        var measured = jobs.Count(job => job.Prompt < options.MeasuredPrompts); // jobs go prompt by prompt
        IReadOnlyList<DivergenceScore> scores = measured > 0 ? Score(context, rollouts.Take(measured), cancellation) : [];
        var results = rollouts.Select((rollout, i) => new CellRollout(
            jobs[i].Cell, prompts[jobs[i].Prompt], jobs[i].Prompt, rollout, KeywordRate.Of(rollout.Text, options.Words),
            CompletionClasses.Of(rollout), i < measured ? scores[i] : null));
        return [.. results.OrderBy(result => Array.IndexOf(block, result.Cell))]; // the log goes cell by cell; OrderBy is stable
    }

    private IReadOnlyList<Rollout> Generate(InferenceContext context, List<RolloutRequest> requests, Action<int> finished, CancellationToken cancellation)
    {
        using var runner = new RolloutRunner(context) { Stepped = statistics => finished(statistics.Finished) };
        var rollouts = RolloutBlocks.Run(runner, requests, cancellation);
        Statistics.Rollouts += rollouts.Count;
        Statistics.DecodedTokens += runner.Statistics.PromptTokens + runner.Statistics.GeneratedTokens - rollouts.Count; // a rollout's last token is not run
        Statistics.ReusedTokens += runner.Statistics.ReusedPromptTokens;
        Statistics.GeneratedTokens += runner.Statistics.GeneratedTokens;
        return rollouts;
    }

    private IReadOnlyList<DivergenceScore> Score(InferenceContext context, IEnumerable<Rollout> rollouts, CancellationToken cancellation)
    {
        using var scorer = new DivergenceScorer(context);
        var scores = scorer.Score([.. rollouts.Select(ScoredText.Of)], cancellation: cancellation);
        Statistics.ScoredTokens += scorer.Statistics.DecodedTokens;
        Statistics.ReusedScoredTokens += scorer.Statistics.ReusedTokens;
        return scores;
    }
}
