namespace NativeSteer.Search;

/// <summary>How a searched text is read: lines are steps, one mark claims the goal, another takes the last step back.</summary>
/// <remarks>The text is what the model wrote, without its prompt. Nothing here knows whether a step is right: that is the model's to say.</remarks>
public sealed record SearchFormat
{
    /// <summary>What claims that the goal is reached, and ends a text.</summary>
    public string Claim { get; init; } = "Goal Reached!";

    /// <summary>What takes the last step back, and ends a text.</summary>
    public string Backtrack { get; init; } = "<backtrack>";

    /// <summary>Whether a text claims the goal.</summary>
    public bool IsClaimed(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Contains(Claim, StringComparison.Ordinal);
    }

    /// <summary>Whether a text takes its last step back.</summary>
    public bool IsTakenBack(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Contains(Backtrack, StringComparison.Ordinal);
    }

    /// <summary>Whether nothing that matters can follow: the text has one of the marks.</summary>
    public bool IsEnded(string text) => IsClaimed(text) || IsTakenBack(text);

    /// <summary>
    /// Where the text before the step that is taken back ends, in characters: after the line end before the last line above the
    /// mark, and never before the beginning.
    /// </summary>
    public int StepBack(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var mark = text.IndexOf(Backtrack, StringComparison.Ordinal);
        var end = mark >= 0 ? mark : text.Length;
        while (end > 0 && text[end - 1] == '\n') end--;
        return end == 0 ? 0 : text.LastIndexOf('\n', end - 1) + 1;
    }
}
