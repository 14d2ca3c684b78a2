namespace NativeSteer.Reinforcement;

/// <summary>What a reward is compared with (Sinii et al., arXiv 2505.18706).</summary>
public enum AdvantageKind
{
    /// <summary>The reward less the mean of the others of its prompt (leave one out; Kool et al. 2019).</summary>
    Rloo,

    /// <summary>The reward less the mean of its prompt, over the standard deviation (Shao et al. 2024).</summary>
    Grpo,

    /// <summary>The reward less the mean of its prompt.</summary>
    GrpoNoStd,
}

/// <summary>How much better than the others of its prompt each answer is.</summary>
public static class Advantage
{
    /// <summary>The kinds as people write them.</summary>
    public static IReadOnlyList<string> Names { get; } = ["rloo", "grpo", "grpo-no-std"];

    /// <summary>The kind of a name.</summary>
    /// <exception cref="NativeSteerException">There is none.</exception>
    public static AdvantageKind Parse(string name) => name switch
    {
        "rloo" => AdvantageKind.Rloo,
        "grpo" => AdvantageKind.Grpo,
        "grpo-no-std" => AdvantageKind.GrpoNoStd,
        _ => throw new NativeSteerException($"There is no advantage '{name}'; give {string.Join(", ", Names)}."),
    };

    /// <summary>The advantages of the answers to one prompt; all zero where all rewards are equal.</summary>
    /// <param name="kind">Which.</param>
    /// <param name="rewards">At least one; one alone has no advantage.</param>
    public static double[] Of(AdvantageKind kind, IReadOnlyList<double> rewards)
    {
        ArgumentNullException.ThrowIfNull(rewards);
        var count = rewards.Count;
        if (count < 2 || rewards.All(reward => reward == rewards[0])) return new double[count];
        var sum = rewards.Sum();
        var mean = sum / count;
        if (kind == AdvantageKind.Rloo) return [.. rewards.Select(reward => reward - (sum - reward) / (count - 1))];
        var scale = kind == AdvantageKind.Grpo ? Math.Sqrt(rewards.Sum(reward => (reward - mean) * (reward - mean)) / (count - 1)) : 1;
        return [.. rewards.Select(reward => (reward - mean) / scale)];
    }
}
