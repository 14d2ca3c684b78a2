using NativeSteer.Extraction;
using NativeSteer.Rollouts;

namespace NativeSteer.Analysis;

/// <summary>What kind of text a completion is. Rates over texts that are none would say nothing of a vector.</summary>
public enum CompletionClass
{
    /// <summary>A text that came to its end.</summary>
    Ok,

    /// <summary>No words.</summary>
    Empty,

    /// <summary>Ended by the limit of tokens, otherwise like <see cref="Ok"/>.</summary>
    Truncated,

    /// <summary>It repeats itself; see <see cref="CompletionClasses"/>.</summary>
    Degenerate,
}

/// <summary>Sorts completions into classes. The first of empty, degenerate, truncated, ok that holds is a completion's class.</summary>
/// <remarks>
/// A completion is degenerate when one of these holds:
/// <list type="bullet">
/// <item>its last <see cref="CycleTokens"/> tokens are a cycle of at most <see cref="LongestCycle"/>: each is the one a period before it;</item>
/// <item>among the pairs of neighbours in its last <see cref="WindowTokens"/> tokens (all, where it has fewer, but at least
/// <see cref="FewestTokens"/>) less than <see cref="LeastDistinct"/> are distinct.</item>
/// </list>
/// The second finds longer loops and loops with small variations. The window keeps a long text over a small vocabulary, whose
/// pairs must repeat, from being taken for one.
/// </remarks>
public static class CompletionClasses
{
    /// <summary>Tokens that a cycle must fill.</summary>
    public const int CycleTokens = 32;

    /// <summary>The longest period of a cycle, in tokens.</summary>
    public const int LongestCycle = 8;

    /// <summary>Tokens at the end that are looked at for distinct pairs.</summary>
    public const int WindowTokens = 128;

    /// <summary>Below this many tokens pairs are not counted.</summary>
    public const int FewestTokens = 40;

    /// <summary>The share of distinct pairs below which a text repeats itself.</summary>
    public const double LeastDistinct = 0.25;

    /// <summary>The class of a rollout.</summary>
    public static CompletionClass Of(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        return Of(rollout.Text, rollout.Tokens, rollout.Finish);
    }

    /// <summary>The class of a completion.</summary>
    /// <param name="text">What was generated.</param>
    /// <param name="tokens">Its token ids.</param>
    /// <param name="finish">Why it ended.</param>
    public static CompletionClass Of(string text, IReadOnlyList<int> tokens, FinishReason finish)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(tokens);
        if (!KeywordSet.Default.Find(text).Any()) return CompletionClass.Empty;
        if (EndsInCycle(tokens) || DistinctPairs(tokens) < LeastDistinct) return CompletionClass.Degenerate;
        return finish == FinishReason.Length ? CompletionClass.Truncated : CompletionClass.Ok;
    }

    private static bool EndsInCycle(IReadOnlyList<int> tokens)
    {
        if (tokens.Count < CycleTokens) return false;
        for (var period = 1; period <= LongestCycle; period++)
        {
            var at = tokens.Count - 1;
            while (at >= tokens.Count - CycleTokens + period && tokens[at] == tokens[at - period]) at--;
            if (at < tokens.Count - CycleTokens + period) return true;
        }
        return false;
    }

    /// <summary>The share of distinct pairs of neighbours at the end; 1 for a text too short to tell.</summary>
    private static double DistinctPairs(IReadOnlyList<int> tokens)
    {
        if (tokens.Count < FewestTokens) return 1;
        var first = Math.Max(0, tokens.Count - WindowTokens);
        var pairs = new HashSet<(int, int)>();
        for (var i = first + 1; i < tokens.Count; i++) pairs.Add((tokens[i - 1], tokens[i]));
        return (double)pairs.Count / (tokens.Count - first - 1);
    }
}
