using NativeSteer.Analysis;

namespace NativeSteer.Studies;

/// <summary>What a reader must know before trusting a number of the study, said plainly: one sentence each.</summary>
public static class StudyCaveats
{
    private const int FewPrompts = 8;

    /// <summary>The caveats of these results; empty where there is none.</summary>
    public static IReadOnlyList<string> Of(BacktrackingResults results)
    {
        ArgumentNullException.ThrowIfNull(results);
        return [.. Progress(results), .. Traces(results), .. Unsound(results), .. Silent(results), .. Measures(results)];
    }

    private static IEnumerable<string> Progress(BacktrackingResults results)
    {
        var (found, expected) = (results.Log.Rollouts.Count, results.Expected);
        if (found < expected)
        {
            yield return $"The log is not complete: {found} of {StudyWords.Count(expected, "completion")} are there. What is missing is missing in the figures too, "
                + "not zero; go on with --resume, or give the logs of all shards.";
        }
        foreach (var target in Targets(results))
        {
            if (results.Unsteered(target) is null && results.Conditions.Any(result => result.Condition.Target == target))
                yield return $"{results.Provenance.Model(target).Name} has no unsteered completions in the log, so nothing can be compared with it as it is.";
        }
    }

    private static IEnumerable<string> Traces(BacktrackingResults results)
    {
        if (results.Log.Traces is not { } traces) yield break;
        var label = results.Provenance.Label;
        if (traces.Spans.GetValueOrDefault(label) == 0)
            yield return $"The judge ({traces.Judge}) found no {label} in {StudyWords.Count(traces.Count, "trace")}: the vectors stand for nothing.";
        if (traces.Skipped > 0)
            yield return $"{StudyWords.Count(traces.Skipped, "trace")} of {traces.Count + traces.Skipped} could not be used and were left out.";
    }

    private static IEnumerable<string> Unsound(BacktrackingResults results)
    {
        foreach (var target in Targets(results))
        {
            var name = results.Provenance.Model(target).Name;
            if (results.Unsteered(target) is { IsSound: false } plain)
            {
                yield return $"{name} writes {Bad(plain)} even unsteered ({StudyWords.Percent(plain.BadShare)} of {StudyWords.Count(plain.Rollouts, "completion")}): "
                    + "its rates say little.";
            }
            var steered = results.Conditions.Where(result => result.Condition.Target == target).ToList();
            var unsound = steered.Where(result => !result.IsSound).ToList();
            if (unsound.Count == 0) continue;
            var vectors = unsound.GroupBy(result => StudyWords.Name(result.Condition.Vector, results.Provenance.Label), StringComparer.Ordinal)
                .Select(group => $"{group.Key} from magnitude {StudyWords.Number(group.Min(result => Math.Abs(result.Condition.Magnitude)))}");
            yield return $"{name}: {unsound.Count} of {StudyWords.Count(steered.Count, "steered condition")} have more than 10 % empty or repeating completions "
                + $"({string.Join(", ", vectors)}). They are hatched or hollow in the figures and never chosen.";
            foreach (var (magnitude, only) in OnlyBad(steered))
                yield return $"{name} at magnitude {StudyWords.Number(magnitude)} writes nothing but {only}, whatever the vector: the rates there are no rates of texts.";
        }
    }

    /// <summary>The magnitudes at which every completion of every vector is bad.</summary>
    private static IEnumerable<(double Magnitude, string Only)> OnlyBad(IEnumerable<ConditionResult> steered) => steered
        .GroupBy(result => result.Condition.Magnitude).Where(group => group.All(result => result.BadShare == 1)).OrderBy(group => group.Key)
        .Select(group => (group.Key, string.Join(" and ", group.Select(Bad).Distinct(StringComparer.Ordinal))));

    // A count of zero is a finding where there were words, and must not look like a missing number.
    private static IEnumerable<string> Silent(BacktrackingResults results)
    {
        foreach (var target in Targets(results))
        {
            var conditions = results.Conditions.Where(result => result.Condition.Target == target).Append(results.Unsteered(target)).OfType<ConditionResult>().ToList();
            if (conditions.Count == 0 || conditions.Any(result => result.Keywords.Hits > 0)) continue;
            yield return $"{results.Provenance.Model(target).Name} says none of the keywords in {StudyWords.Count(conditions.Sum(result => (long)result.Keywords.Words), "word")} "
                + $"of {StudyWords.Count(conditions.Sum(result => (long)result.Rollouts), "completion")}, steered or not: its zeros are counts, and no interval can be drawn from them.";
        }
    }

    private static IEnumerable<string> Measures(BacktrackingResults results)
    {
        if (results.Choice is { Steered.Prompts: < FewPrompts and var prompts })
            yield return $"The reported half has {StudyWords.Count(prompts, "prompt")}: bootstrap intervals over so few are too narrow.";
        var measured = results.Log.Rollouts.Where(rollout => rollout.Divergence is not null).Select(rollout => rollout.PromptId).Distinct(StringComparer.Ordinal).Count();
        if (measured > 0 && measured < results.Provenance.Prompts)
            yield return $"KL and perplexity were measured on {measured} of {results.Provenance.Prompts} prompts.";
        if (results.Conditions.Count > 0 && results.Conditions.All(result => double.IsNaN(result.Divergence)))
            yield return "KL to the unsteered model was not measured, so vectors cannot be compared at equal KL.";
        var cut = results.Choice is { Steered: var steered } ? (double)steered[CompletionClass.Truncated] / steered.Rollouts : 0;
        if (cut > 0.5)
            yield return $"{StudyWords.Percent(cut)} of the reported completions were cut at {results.Provenance.MaxTokens} tokens: rates are of their beginnings.";
    }

    private static string[] Targets(BacktrackingResults results) =>
        results.Provenance.Base is null ? [StudyCondition.OnReasoning] : [StudyCondition.OnReasoning, StudyCondition.OnBase];

    private static string Bad(ConditionResult result) =>
        result[CompletionClass.Empty] >= result[CompletionClass.Degenerate] ? "empty completions" : "repeating text";
}
