using NativeSteer.Analysis;

namespace NativeSteer.Studies;

/// <summary>The study in three sentences: what was found, how strong it is, and where. They open the report and answer in the terminal.</summary>
/// <param name="Found">What the vector does, beside noise of the same length.</param>
/// <param name="Strength">The keyword rates with their intervals.</param>
/// <param name="Place">Layer, window and magnitude, and what the base model has of it.</param>
public sealed record BacktrackingSummary(string Found, string Strength, string Place)
{
    /// <summary>The sentences in order.</summary>
    public IReadOnlyList<string> Sentences => [Found, Strength, Place];

    /// <summary>States what the results say, whatever that is.</summary>
    public static BacktrackingSummary Of(BacktrackingResults results)
    {
        ArgumentNullException.ThrowIfNull(results);
        return results.Choice is { } choice ? Of(results, choice) : Without(results);
    }

    private static BacktrackingSummary Of(BacktrackingResults results, BacktrackingChoice choice)
    {
        var run = results.Provenance;
        var words = StudyWords.Or(run.Words.Words);
        var (steered, unsteered) = (choice.Steered, choice.Unsteered);
        var found = $"The direction that precedes {run.Reasoning.Name}'s own {run.Label}, added back, {Effect(steered, words)}; {NoiseEffect(choice)}.";
        var divergence = double.IsNaN(steered.Divergence) ? "" : $" and KL to the unsteered model {StudyWords.Digits(steered.Divergence)} nats a token";
        var strength =
            $"The share of keywords goes from {Rate(unsteered)} to {Rate(steered)} of the words, on {StudyWords.Count(steered.Prompts, "prompt")} that had no part "
            + $"in choosing; a completion holds {StudyWords.Digits(steered.Events.Value)} of them instead of {StudyWords.Digits(unsteered.Events.Value)}{divergence}.";
        var condition = choice.Condition;
        var window = condition.Vector.Offsets is { } offsets ? $"the window {StudyWords.Window(offsets)} tokens from the sentence's start" : "no window";
        var place =
            $"This is after block {condition.Layer} of 0 to {run.Reasoning.Layers - 1}, with {window}, at a magnitude of {StudyWords.Magnitude(condition.Magnitude, condition.Unit)}; "
            + $"{BaseEffect(choice)}, and {BaseModel(results)}.";
        return new BacktrackingSummary(found, strength, place);
    }

    private static BacktrackingSummary Without(BacktrackingResults results)
    {
        var run = results.Provenance;
        var unsteered = results.Unsteered(StudyCondition.OnReasoning);
        return new BacktrackingSummary(
            $"No layer, window and magnitude could be chosen for the {run.Label} direction of {run.Reasoning.Name}.",
            unsteered is null
                ? "The log has no unsteered completions to compare with yet."
                : $"Unsteered, {Rate(unsteered)} of its words are {StudyWords.Or(run.Words.Words)}.",
            results.Log.Rollouts.Count < results.Expected
                ? $"The log holds {results.Log.Rollouts.Count} of {results.Expected} completions: go on with --resume, or give the other shards."
                : WhyNot(results));
    }

    private static string WhyNot(BacktrackingResults results)
    {
        var candidates = BacktrackingChoice.Candidates(results);
        if (candidates.Count == 0) return "No cell steers the reasoning model with its own vector: leave the figures offsets, layers or pairs in.";
        var sound = candidates.Count(result => result.IsSound);
        return sound == 0
            ? "At every magnitude more than 10 % of the completions are empty or repeat themselves: try smaller ones with --magnitudes."
            : $"{StudyWords.Count(candidates.Count - sound, "cell")} of {candidates.Count} give more than 10 % empty or repeating completions, and of the others "
                + $"KL to the unsteered model is above {StudyWords.Number(results.Provenance.MostDivergence)} nats a token: try smaller magnitudes, or a higher --max-kl.";
    }

    private static string Effect(ConditionResult steered, string words) => steered.Factor switch
    {
        { Value: 0 } => $"makes it say {words} not once",
        { Value: double.NaN } when steered.Keywords.Hits == 0 => $"does not make it say {words}, which it says not once unsteered either",
        { Value: double.PositiveInfinity or double.NaN } => $"makes it say {words}, which it says not once unsteered",
        { Low: > 1 } factor => $"makes it say {words} {Times(factor)} as often",
        { High: < 1 } factor => $"makes it say {words} less, {Times(factor)} as often",
        var factor => $"does not clearly change how often it says {words}, {Times(factor)} as often",
    };

    private static string NoiseEffect(BacktrackingChoice choice) => choice.Noise switch
    {
        null => "noise of the same length was not run at this layer and magnitude",
        { IsSound: false } noise => $"under noise of the same length {StudyWords.Percent(noise.BadShare)} of the completions are empty or repeat themselves",
        { Factor: { Low: > 1, Value: < double.PositiveInfinity } factor } => $"noise of the same length does so {Times(factor)} as often{Over(choice)}",
        { Factor: { Value: < double.PositiveInfinity } factor } => $"noise of the same length does not clearly do so, {Times(factor)} as often{Over(choice)}",
        var noise => $"under noise of the same length the share is {Rate(noise)}",
    };

    private static string Over(BacktrackingChoice choice) =>
        choice.OverNoise is { Value: > 0 and < double.PositiveInfinity } factor ? $", and the direction {Times(factor)} as often as noise" : "";

    private static string BaseEffect(BacktrackingChoice choice) => choice.BaseDerived is { } derived
        ? $"the base-derived direction gives {Rate(derived)} there"
        : "the base-derived direction was not run there";

    private static string BaseModel(BacktrackingResults results)
    {
        if (results.Provenance.Base?.Name is not { } name) return "there is no base model";
        var steered = results.Conditions.Where(result => result.Condition.Target == StudyCondition.OnBase && results.IsStudied(result.Condition.Vector)).ToList();
        if (steered.Count == 0) return $"{name} was not steered";
        if (steered.All(result => result.Keywords.Hits == 0))
            return $"{name} never says them under either ({StudyWords.Count(steered.Sum(result => (long)result.Keywords.Words), "word")})";
        var sound = steered.Where(result => result.IsSound).MaxBy(result => result.Rate.Value);
        return sound is null or { Keywords.Hits: 0 }
            ? $"{name} says them only where more than 10 % of its completions are empty or repeat themselves"
            : $"{name} reaches {Rate(sound)} at most";
    }

    private static string Times(Estimate factor)
    {
        var interval = StudyWords.Interval(factor);
        return $"{StudyWords.Digits(factor.Value)} times" + (interval.Length == 0 ? "" : $" (95 % interval {interval})");
    }

    private static string Rate(ConditionResult result)
    {
        var interval = StudyWords.PercentInterval(result.Rate);
        return StudyWords.Percent(result.Rate.Value) + (interval.Length == 0 || result.Rate.Low == result.Rate.High ? "" : $" ({interval})");
    }
}
