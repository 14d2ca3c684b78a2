using NativeSteer.Analysis;
using NativeSteer.Extraction;

namespace NativeSteer.Studies;

/// <summary>
/// The numbers of the backtracking study (Ward, Lin, Venhoff and Nanda 2025, arXiv 2507.12638), computed from its run log alone:
/// the keyword rate of every condition with its interval, the cell chosen on one half of the prompts and reported on the other,
/// and what each vector does at equal KL.
/// </summary>
public sealed class BacktrackingResults
{
    private readonly Dictionary<StudyCondition, List<StudyCell>> _cells = [];
    private readonly Dictionary<StudyCondition, List<StudyRollout>> _rollouts = [];
    private readonly Dictionary<string, List<StudyRollout>> _unsteered = new(StringComparer.Ordinal);

    private BacktrackingResults(BacktrackingLog log)
    {
        Log = log;
        foreach (var cell in log.Cells.OrderBy(cell => cell.Key, StringComparer.Ordinal))
        {
            if (!_cells.TryGetValue(cell.Condition, out var cells)) _cells.Add(cell.Condition, cells = []);
            cells.Add(cell);
        }
        foreach (var rollout in log.Rollouts.OrderBy(rollout => rollout.Cell, StringComparer.Ordinal).ThenBy(rollout => rollout.PromptId, StringComparer.Ordinal))
        {
            var condition = log.Cell(rollout.Cell).Condition;
            Add(_rollouts, condition, rollout);
            if (condition.IsUnsteered) Add(_unsteered, condition.Target, rollout);
        }
        Conditions = [.. _rollouts.Keys.Where(condition => !condition.IsUnsteered).Select(condition => Measure(condition)!)];
        Choice = BacktrackingChoice.Of(this);

        static void Add<TKey>(Dictionary<TKey, List<StudyRollout>> lists, TKey key, StudyRollout rollout) where TKey : notnull
        {
            if (!lists.TryGetValue(key, out var list)) lists.Add(key, list = []);
            list.Add(rollout);
        }
    }

    /// <summary>The log.</summary>
    public BacktrackingLog Log { get; }

    /// <summary>What was run on what.</summary>
    public StudyProvenance Provenance => Log.Provenance;

    /// <summary>Every steered condition that has rollouts, measured on all prompts.</summary>
    public IReadOnlyList<ConditionResult> Conditions { get; }

    /// <summary>The chosen cell, or null where none can be chosen.</summary>
    public BacktrackingChoice? Choice { get; }

    /// <summary>Completions that the grid asks for.</summary>
    public int Expected => Log.Cells.Count * Provenance.Prompts;

    /// <summary>Computes all numbers of a log.</summary>
    public static BacktrackingResults Of(BacktrackingLog log)
    {
        ArgumentNullException.ThrowIfNull(log);
        return new BacktrackingResults(log);
    }

    /// <summary>The conditions of a figure, measured on all prompts.</summary>
    /// <param name="figure"><c>offsets</c>, <c>layers</c>, <c>pairs</c> or <c>baselines</c>.</param>
    public IEnumerable<ConditionResult> Figure(string figure) =>
        Conditions.Where(result => _cells[result.Condition].Any(cell => cell.Figures.Contains(figure, StringComparer.Ordinal)));

    /// <summary>A target without steering, or null where it has no rollouts.</summary>
    /// <param name="target"><c>reasoning</c> or <c>base</c>.</param>
    /// <param name="half">The prompts; all where none is given.</param>
    public ConditionResult? Unsteered(string target, StudyHalf? half = null)
    {
        if (!_unsteered.TryGetValue(target, out var all) || Of(all, half) is not { Count: > 0 } rollouts) return null;
        var condition = new StudyCondition(target, new StudyVector(StudyVector.None, null, null, null), null, 0, Provenance.Unit);
        return ConditionResult.Of(condition, 0, rollouts, rollouts);
    }

    /// <summary>A condition on a half of the prompts, or null where it has no rollouts there.</summary>
    public ConditionResult? Measure(StudyCondition condition, StudyHalf? half = null)
    {
        ArgumentNullException.ThrowIfNull(condition);
        if (!_rollouts.TryGetValue(condition, out var all) || Of(all, half) is not { Count: > 0 } rollouts) return null;
        return ConditionResult.Of(condition, Scale(condition), rollouts, Of(_unsteered.GetValueOrDefault(condition.Target, []), half));
    }

    /// <summary>How many times another condition's keyword rate a condition has, over the prompts that both were run on.</summary>
    internal Estimate Factor(StudyCondition condition, StudyCondition other, StudyHalf half) =>
        ConditionResult.Of(condition, null, Of(_rollouts[condition], half), Of(_rollouts[other], half)).Factor;

    /// <summary>A condition on the prompts that KL was measured on, so that rate and KL are of the same completions; null where there are none.</summary>
    /// <param name="condition">The condition; null for the reasoning model without steering.</param>
    public ConditionResult? MeasureWhereKnown(StudyCondition? condition)
    {
        var unsteered = _unsteered.GetValueOrDefault(condition?.Target ?? StudyCondition.OnReasoning, []).Where(rollout => rollout.Divergence is not null).ToList();
        if (condition is null)
        {
            return unsteered.Count == 0 ? null
                : ConditionResult.Of(new StudyCondition(StudyCondition.OnReasoning, new StudyVector(StudyVector.None, null, null, null), null, 0, Provenance.Unit), 0, unsteered, unsteered);
        }
        var known = _rollouts.GetValueOrDefault(condition, []).Where(rollout => rollout.Divergence is not null).ToList();
        return known.Count == 0 ? null : ConditionResult.Of(condition, Scale(condition), known, unsteered);
    }

    /// <summary>The completions of a condition by prompt, those of the first seed; for looking at.</summary>
    public IReadOnlyList<StudyRollout> Rollouts(StudyCondition condition)
    {
        ArgumentNullException.ThrowIfNull(condition);
        return FirstSeed(_rollouts.GetValueOrDefault(condition, []));
    }

    /// <summary>The completions of a target without steering by prompt, those of the first seed.</summary>
    public IReadOnlyList<StudyRollout> UnsteeredRollouts(string target) => FirstSeed(_unsteered.GetValueOrDefault(target, []));

    /// <summary>Whether a vector is the one that is studied: the label's difference of means, of either source.</summary>
    public bool IsStudied(StudyVector vector)
    {
        ArgumentNullException.ThrowIfNull(vector);
        return vector.Kind == StudyVector.DifferenceOfMeans && string.Equals(vector.Label, Provenance.Label, StringComparison.Ordinal);
    }

    private static List<StudyRollout> Of(IEnumerable<StudyRollout> rollouts, StudyHalf? half) =>
        [.. rollouts.Where(rollout => half is null || rollout.Half == half)];

    private List<StudyRollout> FirstSeed(IEnumerable<StudyRollout> rollouts) =>
        [.. rollouts.GroupBy(rollout => rollout.PromptId, StringComparer.Ordinal).Select(prompt => prompt.MinBy(rollout => Log.Cell(rollout.Cell).Seed)!)];

    private double? Scale(StudyCondition condition) =>
        _cells[condition].Select(cell => cell.Scale).OfType<double>().ToList() is { Count: > 0 } scales ? scales.Average() : null;
}
