using NativeSteer.Hooks;
using NativeSteer.Rollouts;

namespace NativeSteer.Analysis;

/// <summary>One text, its unsteered run and the steered ones, which go through the model side by side.</summary>
internal sealed class DivergenceGroup(IReadOnlyList<int> prompt, IReadOnlyList<int> tokens)
{
    private readonly List<PromptCache.Lease> _leases = []; // unsteered first, then as Runs
    private readonly Dictionary<SteeringPlan, double> _divergences = new(ReferenceEqualityComparer.Instance);
    private double _logProbability;

    internal IReadOnlyList<int> Prompt { get; } = prompt;

    internal IReadOnlyList<int> Tokens { get; } = tokens;

    /// <summary>The plans of the steered runs.</summary>
    internal List<SteeringPlan> Plans { get; } = [];

    /// <summary>The sequences that it has, unsteered first.</summary>
    internal IReadOnlyList<PromptCache.Lease> Leases => _leases;

    /// <summary>Sequences that it needs.</summary>
    internal int Width => Plans.Count + 1;

    /// <summary>Tokens of the completion that are scored.</summary>
    internal int Done { get; private set; }

    internal bool IsFinished => Done == Tokens.Count;

    internal SteeringPlan PlanOf(int sequence) => sequence == 0 ? SteeringPlan.None : Plans[sequence - 1];

    /// <summary>Takes the sequences it still lacks; false while there is no room for one.</summary>
    internal bool TryBegin(PromptCache cache, Action<PromptCache.Lease, SteeringPlan> begun)
    {
        while (_leases.Count < Width)
        {
            var plan = PlanOf(_leases.Count);
            // Room for every row but those of the prompt before its last token, which the cache counts itself.
            if (cache.Acquire(new RolloutRequest(Prompt) { Plan = plan }, Tokens.Count - 1) is not { } lease) return false;
            _leases.Add(lease);
            begun(lease, plan);
        }
        return true;
    }

    /// <summary>The token of a row; the first is the prompt's last one, which the completion's first follows.</summary>
    internal int InputAt(int row) => row == 0 ? Prompt[^1] : Tokens[row - 1];

    /// <summary>Adds what the rows after the last ones gave.</summary>
    /// <param name="rows">How many.</param>
    /// <param name="logits">(sequence, row of these) to logits.</param>
    internal void Add(int rows, LogitsOf logits)
    {
        for (var row = 0; row < rows; row++)
        {
            var plain = logits(0, row);
            var plainSum = LogProbabilities.LogSum(plain);
            _logProbability += plain[Tokens[Done + row]] - plainSum;
            for (var i = 0; i < Plans.Count; i++)
            {
                var steered = logits(i + 1, row);
                var divergence = LogProbabilities.Divergence(steered, LogProbabilities.LogSum(steered), plain, plainSum);
                _divergences[Plans[i]] = _divergences.GetValueOrDefault(Plans[i]) + divergence;
            }
        }
        Done += rows;
    }

    /// <summary>The score of one of the plans.</summary>
    internal DivergenceScore Score(SteeringPlan plan)
    {
        var divergence = plan.Steps.Count == 0 ? 0 : _divergences.GetValueOrDefault(plan);
        return new DivergenceScore(divergence / Tokens.Count, _logProbability, Tokens.Count);
    }

    internal delegate ReadOnlySpan<float> LogitsOf(int sequence, int row);
}

/// <summary>Texts are one group where their tokens are the same.</summary>
internal sealed class SameText : IEqualityComparer<ScoredText>
{
    public bool Equals(ScoredText? x, ScoredText? y) =>
        ReferenceEquals(x, y) || (x is not null && y is not null && x.Prompt.SequenceEqual(y.Prompt) && x.Tokens.SequenceEqual(y.Tokens));

    public int GetHashCode(ScoredText obj)
    {
        var hash = new HashCode();
        foreach (var token in obj.Prompt) hash.Add(token);
        foreach (var token in obj.Tokens) hash.Add(token);
        return hash.ToHashCode();
    }
}
