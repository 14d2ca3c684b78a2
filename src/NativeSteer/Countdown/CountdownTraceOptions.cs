namespace NativeSteer.Countdown;

/// <summary>What a trace shows.</summary>
public enum TraceStyle
{
    /// <summary>The steps of a solution.</summary>
    Solution,

    /// <summary>One attempt that fails, and the plain remark that it did. No word of backtracking.</summary>
    Attempts,

    /// <summary>Attempts that fail, are noticed and taken back, and at last one that is right.</summary>
    Thinking,
}

/// <summary>How often a style is written.</summary>
/// <param name="Style">The style.</param>
/// <param name="Weight">Compared with the other styles' weights; they need not add up to 1.</param>
public readonly record struct StyleWeight(TraceStyle Style, double Weight);

/// <summary>What traces say, and which of it is learned.</summary>
public sealed record CountdownTraceOptions
{
    /// <summary>
    /// For a model that is to read backtracking but never to write it: 45 % solutions, 25 % attempts, 30 % thinking. Use it
    /// with <see cref="MaskBacktracking"/>.
    /// </summary>
    public static IReadOnlyList<StyleWeight> BaseMix { get; } =
        [new(TraceStyle.Solution, 0.45), new(TraceStyle.Attempts, 0.25), new(TraceStyle.Thinking, 0.3)];

    /// <summary>The styles.</summary>
    public IReadOnlyList<StyleWeight> Styles { get; init; } = [new(TraceStyle.Solution, 1)];

    /// <summary>Mask the choices of failed steps (<c>45-39=</c>); their results are still learned.</summary>
    public bool MaskErrors { get; init; } = true;

    /// <summary>Mask the sentences of backtracking, for a model that may read them but never say them.</summary>
    public bool MaskBacktracking { get; init; }

    /// <summary>How many attempts fail before the right one while thinking, on average; 0 to 12 do.</summary>
    public double MeanFailures { get; init; } = 1.5;

    /// <summary>Most tokens of prompt, answer and end token together, in <see cref="CountdownVocabulary"/>.</summary>
    public int MaxTokens { get; init; } = 240;

    /// <summary>The most attempts that fail in a trace.</summary>
    public const int MostFailures = 12;

    /// <summary>Throws when a value makes no sense.</summary>
    /// <exception cref="NativeSteerException">A weight is negative, or a number is out of range.</exception>
    public void Validate()
    {
        const int leastTokens = 96; // room for five numbers, the longest opening, one attempt and its remark
        const double mostMean = 8;
        if (Styles.Any(style => !double.IsFinite(style.Weight) || style.Weight < 0) || !(Styles.Sum(style => style.Weight) > 0))
            throw new NativeSteerException("The styles' weights should be 0 or more, and one of them larger than 0.");
        if (!(MeanFailures is >= 0 and <= mostMean))
            throw new NativeSteerException($"The mean number of failed attempts is {MeanFailures}; it should be 0 to {mostMean}, as at most {MostFailures} are written.");
        if (MaxTokens < leastTokens) throw new NativeSteerException($"A trace may have {MaxTokens} tokens; allow at least {leastTokens}.");
    }
}
