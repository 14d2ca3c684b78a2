using NativeSteer.Hooks;
using NativeSteer.Rollouts;

namespace NativeSteer.Analysis;

/// <summary>A finished completion to be scored.</summary>
/// <param name="Prompt">Token ids of the prompt, at least one.</param>
/// <param name="Tokens">Token ids of the completion, without an end-of-generation token.</param>
public sealed record ScoredText(IReadOnlyList<int> Prompt, IReadOnlyList<int> Tokens)
{
    /// <summary>How it was steered.</summary>
    public SteeringPlan Plan { get; init; } = SteeringPlan.None;

    /// <summary>A rollout, as it was run.</summary>
    public static ScoredText Of(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        return new ScoredText(rollout.Request.Prompt, rollout.Tokens) { Plan = rollout.Request.Plan };
    }
}

/// <summary>How far steering moved a model on a completion, and how likely the completion is without it.</summary>
/// <param name="Divergence">
/// KL(steered||unsteered) of the next token's distribution in nats, the mean over the completion's tokens: both models read the
/// same tokens before. 0 without steering; NaN for an empty completion, or where a model's logits are not numbers.
/// </param>
/// <param name="LogProbability">The natural log of the completion's probability under the unsteered model, its tokens' logs summed.</param>
/// <param name="Tokens">The completion's tokens.</param>
public readonly record struct DivergenceScore(double Divergence, double LogProbability, int Tokens)
{
    /// <summary>The completion's perplexity under the unsteered model; NaN for an empty one.</summary>
    public double Perplexity => Tokens == 0 ? double.NaN : Math.Exp(-LogProbability / Tokens);
}

/// <summary>What scoring computed and what it saved.</summary>
public sealed record DivergenceStatistics
{
    /// <summary>Tokens that went through the model, steered and unsteered.</summary>
    public long DecodedTokens { get; internal set; }

    /// <summary>Tokens of prompts that were taken from another text's cache, and of unsteered texts that were already being run.</summary>
    public long ReusedTokens { get; internal set; }
}
