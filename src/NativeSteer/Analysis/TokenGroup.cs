namespace NativeSteer.Analysis;

/// <summary>Kinds of tokens, by their text alone: what logit lenses of reasoning vectors are summed up by (Sinii et al., arXiv 2505.18706).</summary>
public static class TokenGroup
{
    /// <summary>The groups, in the order of tables.</summary>
    public static IReadOnlyList<string> Names { get; } = ["numbers", "operators", "line ends", "connectors", "words", "signs", "other"];

    // Words that tie steps of an argument together.
    private static readonly HashSet<string> s_connectors = new(
        ["because", "therefore", "however", "so", "thus", "hence", "since", "then", "but", "if", "also", "now", "next", "first", "finally", "wait", "hmm"],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>The group of a token's text.</summary>
    public static string Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var bare = text.Trim();
        if (bare.Length == 0) return text.Contains('\n', StringComparison.Ordinal) ? "line ends" : "other";
        if (bare.All(char.IsAsciiDigit)) return "numbers";
        if (bare.All(c => "+-*/=<>^%×÷".Contains(c, StringComparison.Ordinal))) return "operators";
        if (s_connectors.Contains(bare)) return "connectors";
        if (bare.All(c => char.IsLetter(c) || c is '\'')) return "words";
        return bare.All(c => char.IsPunctuation(c) || char.IsSymbol(c)) ? "signs" : "other";
    }
}
