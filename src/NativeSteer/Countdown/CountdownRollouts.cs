using System.Globalization;
using NativeSteer.Engine;
using NativeSteer.Hooks;
using NativeSteer.Rollouts;

namespace NativeSteer.Countdown;

/// <summary>How puzzles are put to a model.</summary>
public sealed record CountdownRolloutOptions
{
    /// <summary>Most tokens of an answer.</summary>
    public int MaxTokens { get; init; } = 480;

    /// <summary>How tokens are picked; each next puzzle's seed is one more.</summary>
    public SamplerOptions Sampling { get; init; } = SamplerOptions.Greedy;

    /// <summary>How answers are steered.</summary>
    public SteeringPlan Plan { get; init; } = SteeringPlan.None;
}

/// <summary>Puts puzzles to a model, in the text form of <see cref="Puzzle.Prompt"/>, which any vocabulary can write.</summary>
public static class CountdownRollouts
{
    /// <summary>What is to be generated for some puzzles; the id of each is its index.</summary>
    public static IReadOnlyList<RolloutRequest> Requests(Vocabulary vocabulary, IReadOnlyList<Puzzle> puzzles, CountdownRolloutOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        ArgumentNullException.ThrowIfNull(puzzles);
        options ??= new CountdownRolloutOptions();
        return [.. puzzles.Select((puzzle, i) => new RolloutRequest(vocabulary.TokenizePrompt(puzzle.Prompt))
        {
            Id = i.ToString(CultureInfo.InvariantCulture),
            MaxTokens = options.MaxTokens,
            Plan = options.Plan,
            Sampling = options.Sampling with { Seed = unchecked(options.Sampling.Seed + (uint)i) },
        })];
    }

    /// <summary>The index of the puzzle that a rollout answers.</summary>
    public static int IndexOf(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        return int.Parse(rollout.Request.Id, NumberStyles.None, CultureInfo.InvariantCulture);
    }
}
