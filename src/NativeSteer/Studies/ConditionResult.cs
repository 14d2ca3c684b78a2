using NativeSteer.Analysis;

namespace NativeSteer.Studies;

/// <summary>What a condition gave: every number is computed from its rollouts alone, those of all seeds together.</summary>
public sealed record ConditionResult
{
    /// <summary>The largest share of empty and degenerate completions at which a condition's rate still counts.</summary>
    public const double MostBad = 0.10;

    /// <summary>The condition.</summary>
    public required StudyCondition Condition { get; init; }

    /// <summary>The factor of the unit vector, in the residual stream's own units; NaN where it is not stated.</summary>
    public required double Scale { get; init; }

    /// <summary>Completions.</summary>
    public required int Rollouts { get; init; }

    /// <summary>Prompts they are of: what intervals are drawn over.</summary>
    public required int Prompts { get; init; }

    /// <summary>Words and keywords of all completions.</summary>
    public required KeywordRate Keywords { get; init; }

    /// <summary>The keyword rate b, the share of words that are keywords, with a 95 % bootstrap interval over prompts.</summary>
    public required Estimate Rate { get; init; }

    /// <summary>Keywords per completion, with an interval of the same kind.</summary>
    public required Estimate Events { get; init; }

    /// <summary>How many times the unsteered target's rate on the same prompts it is, drawn over the same prompts.</summary>
    public required Estimate Factor { get; init; }

    /// <summary>The keyword rate without degenerate completions; NaN where no words are left.</summary>
    public required double RateWithoutDegenerate { get; init; }

    /// <summary>Completions by class.</summary>
    public required IReadOnlyDictionary<CompletionClass, int> Classes { get; init; }

    /// <summary>Mean KL(steered || unsteered) in nats per generated token; NaN where it was not measured.</summary>
    public required double Divergence { get; init; }

    /// <summary>Perplexity of all completions under the unsteered target; NaN where it was not measured.</summary>
    public required double Perplexity { get; init; }

    /// <summary>The share of completions that are empty or degenerate.</summary>
    public double BadShare => Rollouts == 0 ? double.NaN : (double)(this[CompletionClass.Empty] + this[CompletionClass.Degenerate]) / Rollouts;

    /// <summary>Whether its rate is of real texts: at most <see cref="MostBad"/> are empty or degenerate.</summary>
    public bool IsSound => BadShare <= MostBad;

    /// <summary>How many completions are of a class.</summary>
    public int this[CompletionClass kind] => Classes.GetValueOrDefault(kind);

    /// <summary>Measures a condition.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="scale">Its factor in the residual stream's own units, or null.</param>
    /// <param name="rollouts">Its completions.</param>
    /// <param name="unsteered">Those of the same target without steering, on the same prompts among others.</param>
    internal static ConditionResult Of(
        StudyCondition condition, double? scale, IReadOnlyCollection<StudyRollout> rollouts, IReadOnlyCollection<StudyRollout> unsteered)
    {
        var byPrompt = ByPrompt(rollouts);
        var baseline = ByPrompt(unsteered);
        var paired = byPrompt.Keys.Where(baseline.ContainsKey).ToList();
        var sound = rollouts.Where(rollout => rollout.Class != CompletionClass.Degenerate).ToList();
        return new ConditionResult
        {
            Condition = condition,
            Scale = scale ?? double.NaN,
            Rollouts = rollouts.Count,
            Prompts = byPrompt.Count,
            Keywords = Sum(rollouts),
            Rate = Bootstrap.Ratio([.. byPrompt.Values.Select(prompt => PromptTotal.Of(Sum(prompt)))]),
            Events = Bootstrap.Ratio([.. byPrompt.Values.Select(prompt => new PromptTotal(Sum(prompt).Hits, prompt.Count))]),
            Factor = Bootstrap.Factor(
                [.. paired.Select(prompt => PromptTotal.Of(Sum(byPrompt[prompt])))], [.. paired.Select(prompt => PromptTotal.Of(Sum(baseline[prompt])))]),
            RateWithoutDegenerate = Sum(sound).Rate,
            Classes = rollouts.GroupBy(rollout => rollout.Class).ToDictionary(kind => kind.Key, kind => kind.Count()),
            Divergence = PerToken(rollouts, rollout => rollout.Divergence),
            Perplexity = Math.Exp(PerToken(rollouts, rollout => rollout.Perplexity is { } perplexity ? Math.Log(perplexity) : null)),
        };
    }

    // Prompts in order of their ids, so that what was merged from shards gives the same resamples as one run.
    private static SortedDictionary<string, List<StudyRollout>> ByPrompt(IEnumerable<StudyRollout> rollouts)
    {
        var result = new SortedDictionary<string, List<StudyRollout>>(StringComparer.Ordinal);
        foreach (var rollout in rollouts)
        {
            if (!result.TryGetValue(rollout.PromptId, out var list)) result.Add(rollout.PromptId, list = []);
            list.Add(rollout);
        }
        return result;
    }

    private static KeywordRate Sum(IEnumerable<StudyRollout> rollouts) =>
        rollouts.Aggregate(new KeywordRate(), (sum, rollout) => sum + new KeywordRate(rollout.Words, rollout.Hits));

    /// <summary>The mean over tokens of a number that rollouts state per token; NaN where none does.</summary>
    private static double PerToken(IEnumerable<StudyRollout> rollouts, Func<StudyRollout, double?> number)
    {
        double sum = 0;
        long tokens = 0;
        foreach (var rollout in rollouts)
        {
            if (number(rollout) is not { } value) continue;
            sum += value * rollout.Tokens;
            tokens += rollout.Tokens;
        }
        return tokens == 0 ? double.NaN : sum / tokens;
    }
}
