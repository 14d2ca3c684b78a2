namespace NativeSteer.Hooks;

/// <summary>Which sequence of a context is steered by which plan. Sequences that are not in it run unsteered.</summary>
public sealed class SequencePlans
{
    private readonly Dictionary<int, (SteeringPlan Plan, int PromptLength)> _plans = [];

    /// <summary>The same plan for sequences 0 to count - 1.</summary>
    public static SequencePlans Same(SteeringPlan plan, int count, int promptLength = int.MaxValue)
    {
        var plans = new SequencePlans();
        for (var sequence = 0; sequence < count; sequence++) plans.Set(sequence, plan, promptLength);
        return plans;
    }

    /// <summary>Steers a sequence from the next decode on.</summary>
    /// <param name="sequence">Sequence id.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="promptLength">Tokens of the prompt, which tells prompt from generated positions.</param>
    public void Set(int sequence, SteeringPlan plan, int promptLength = int.MaxValue)
    {
        if (plan.Steps.Count == 0) _plans.Remove(sequence);
        else _plans[sequence] = (plan, promptLength);
    }

    /// <summary>Stops steering a sequence.</summary>
    public void Remove(int sequence) => _plans.Remove(sequence);

    /// <summary>Whether any sequence is steered.</summary>
    public bool Any => _plans.Count > 0;

    internal bool TryGet(int sequence, out (SteeringPlan Plan, int PromptLength) found) => _plans.TryGetValue(sequence, out found);

    internal IEnumerable<SteeringPlan> Plans => _plans.Values.Select(p => p.Plan).Distinct();
}
