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
            yield return $"The log is not complete: {found:#,0} of {expected:#,0} completions are there. What is missing is missing in the figures too, "
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
            foreach (var group in results.Conditions.Where(result => result.Condition.Target == target && !result.IsSound)
                .GroupBy(result => StudyWords.Name(result.Condition.Vector, results.Provenance.Label), StringComparer.Ordinal))
            {
                var all = results.Conditions.Count(result =>
                    result.Condition.Target == target && StudyWords.Name(result.Condition.Vector, results.Provenance.Label) == group.Key);
                var worst = group.MaxBy(result => result.BadShare)!;
                var only = worst.BadShare == 1 ? $"nothing but {Bad(worst)}" : $"{StudyWords.Percent(worst.BadShare)} {Bad(worst)}";
                yield return $"{name} under {group.Key}: {group.Count()} of {all} conditions have more than 10 % empty or repeating completions, from a magnitude of "
                    + $"{StudyWords.Number(group.Min(result => Math.Abs(result.Condition.Magnitude)))} on; {only} at {Place(worst)}. They are hatched or hollow in the figures and never chosen.";
            }
        }
    }

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

    private static string Place(ConditionResult result)
    {
        var condition = result.Condition;
        var layer = condition.Layer is { } number ? $"layer {number}, " : "";
        var window = condition.Vector.Offsets is { } offsets ? $"window {StudyWords.Window(offsets)}, " : "";
        return $"{layer}{window}magnitude {StudyWords.Number(condition.Magnitude)}";
    }
}
