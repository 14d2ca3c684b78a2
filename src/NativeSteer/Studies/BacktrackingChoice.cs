using NativeSteer.Analysis;

namespace NativeSteer.Studies;

/// <summary>
/// The cell that was chosen on one half of the prompts, and what it gives on the other. Choosing among many cells on the prompts
/// that are reported would make noise look like an effect.
/// </summary>
public sealed record BacktrackingChoice
{
    /// <summary>The rule, for people.</summary>
    public static string Rule(BacktrackingResults results)
    {
        ArgumentNullException.ThrowIfNull(results);
        var run = results.Provenance;
        var bound = IsBounded(results) ? $" and KL to the unsteered model is at most {StudyWords.Number(run.MostDivergence)} nats a token" : "";
        return "Among the reasoning-derived vectors on the reasoning model, the layer, window and magnitude with the highest keyword rate "
            + $"on the prompts of the choosing half, where at most 10 % of the completions are empty or degenerate{bound}; of equals the smaller magnitude.";
    }

    /// <summary>The chosen condition on the prompts it was chosen on.</summary>
    public required ConditionResult Chosen { get; init; }

    /// <summary>How many conditions it was chosen from.</summary>
    public required int CandidateCount { get; init; }

    /// <summary>It on the other prompts.</summary>
    public required ConditionResult Steered { get; init; }

    /// <summary>The same model unsteered, on the same prompts.</summary>
    public required ConditionResult Unsteered { get; init; }

    /// <summary>Noise of the same length at the same layer, or null where it was not run.</summary>
    public ConditionResult? Noise { get; init; }

    /// <summary>How many times noise's keyword rate the chosen vector has, drawn over the same prompts; null where noise was not run.</summary>
    public Estimate? OverNoise { get; init; }

    /// <summary>The base-derived vector at the same layer and magnitude, or null.</summary>
    public ConditionResult? BaseDerived { get; init; }

    /// <summary>The condition.</summary>
    public StudyCondition Condition => Chosen.Condition;

    /// <summary>Whether a bound on KL was given and can be kept: KL was measured.</summary>
    internal static bool IsBounded(BacktrackingResults results) =>
        double.IsFinite(results.Provenance.MostDivergence) && results.Conditions.Any(result => !double.IsNaN(result.Divergence));

    /// <summary>The conditions that can be chosen, measured on the choosing half.</summary>
    internal static IReadOnlyList<ConditionResult> Candidates(BacktrackingResults results) =>
    [
        .. results.Conditions.Select(result => result.Condition)
            .Where(condition => condition.Target == StudyCondition.OnReasoning && condition.Vector.Source == StudyCondition.OnReasoning && results.IsStudied(condition.Vector))
            .Select(condition => results.Measure(condition, StudyHalf.Choose)).OfType<ConditionResult>(),
    ];

    internal static BacktrackingChoice? Of(BacktrackingResults results)
    {
        var candidates = Candidates(results);
        var chosen = candidates.Where(result => result.IsSound && (!IsBounded(results) || result.Divergence <= results.Provenance.MostDivergence) && !double.IsNaN(result.Rate.Value))
            .OrderByDescending(result => result.Rate.Value).ThenBy(result => Math.Abs(result.Condition.Magnitude)).FirstOrDefault();
        if (chosen is null
            || results.Measure(chosen.Condition, StudyHalf.Report) is not { } steered
            || results.Unsteered(StudyCondition.OnReasoning, StudyHalf.Report) is not { } unsteered)
        {
            return null;
        }
        var noise = Beside(results, chosen.Condition, vector => vector.Kind == StudyVector.Noise);
        return new BacktrackingChoice
        {
            Chosen = chosen,
            CandidateCount = candidates.Count,
            Steered = steered,
            Unsteered = unsteered,
            Noise = noise,
            OverNoise = noise is null ? null : results.Factor(chosen.Condition, noise.Condition, StudyHalf.Report),
            BaseDerived = Beside(results, chosen.Condition, vector => vector == chosen.Condition.Vector with { Source = StudyCondition.OnBase })
                ?? Beside(results, chosen.Condition, vector => vector.Source == StudyCondition.OnBase && results.IsStudied(vector)),
        };
    }

    /// <summary>Another vector on the same target, at the same layer and magnitude, on the reported prompts.</summary>
    private static ConditionResult? Beside(BacktrackingResults results, StudyCondition chosen, Func<StudyVector, bool> isWanted) => results.Conditions
        .Select(result => result.Condition)
        .Where(condition => isWanted(condition.Vector) && chosen == condition with { Vector = chosen.Vector })
        .Select(condition => results.Measure(condition, StudyHalf.Report))
        .FirstOrDefault(result => result is not null);
}
