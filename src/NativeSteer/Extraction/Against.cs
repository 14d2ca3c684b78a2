namespace NativeSteer.Extraction;

/// <summary>What the mean of a label is compared with.</summary>
public enum AgainstKind
{
    /// <summary>The windows of all labels, its own included: D of the paper (Ward et al., arXiv 2507.12638, appendix A, eq. 3).</summary>
    All,

    /// <summary>The windows of all other labels.</summary>
    Other,

    /// <summary>All tokens of the texts, the prompts' left out.</summary>
    Tokens,

    /// <summary>The windows of one other label.</summary>
    Label,
}

/// <summary>The negative side of a difference of means over labels.</summary>
public readonly record struct Against
{
    private const string LabelPrefix = "label:";

    private Against(AgainstKind kind, string? label = null)
    {
        Kind = kind;
        Name = label;
    }

    /// <summary>The windows of all labels; the default.</summary>
    public static Against All => default;

    /// <summary>The windows of all other labels.</summary>
    public static Against Other => new(AgainstKind.Other);

    /// <summary>All tokens of the texts.</summary>
    public static Against Tokens => new(AgainstKind.Tokens);

    /// <summary>Which of them.</summary>
    public AgainstKind Kind { get; }

    /// <summary>The label for <see cref="AgainstKind.Label"/>, otherwise null.</summary>
    public string? Name { get; }

    /// <summary>The windows of this label.</summary>
    public static Against Label(string label)
    {
        ArgumentException.ThrowIfNullOrEmpty(label);
        return new(AgainstKind.Label, label);
    }

    /// <summary>Reads <c>all</c>, <c>other</c>, <c>tokens</c>, or a label; <c>label:all</c> is the label of that name.</summary>
    /// <exception cref="NativeSteerException">The text is empty.</exception>
    public static Against Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var label = text.StartsWith(LabelPrefix, StringComparison.Ordinal) ? text[LabelPrefix.Length..] : text;
        if (label.Length == 0) throw new NativeSteerException("An empty baseline was given; write all, other, tokens, or a label.");
        return text switch
        {
            "all" => All,
            "other" => Other,
            "tokens" => Tokens,
            _ => Label(label),
        };
    }

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public override string ToString() => Kind switch
    {
        AgainstKind.All => "all",
        AgainstKind.Other => "other",
        AgainstKind.Tokens => "tokens",
        _ => Name is "all" or "other" or "tokens" || Name!.StartsWith(LabelPrefix, StringComparison.Ordinal) ? LabelPrefix + Name : Name,
    };
}
