namespace NativeSteer.Tasks;

/// <summary>Finds the answer in a text that ends with one. Every method takes time in proportion to the text's length.</summary>
public static class AnswerText
{
    private const string Hashes = "####", OpenTag = "<answer>", CloseTag = "</answer>";

    /// <summary>What stands in the last <c>\boxed{...}</c> (or <c>\fbox{...}</c>, or <c>\boxed 5</c>), braces nested to any depth.</summary>
    /// <returns>Null where there is none, or where its braces do not close.</returns>
    public static string? Boxed(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        const string box = "\\boxed", frame = "\\fbox";
        var (boxed, framed) = (text.LastIndexOf(box, StringComparison.Ordinal), text.LastIndexOf(frame, StringComparison.Ordinal));
        if (boxed < 0 && framed < 0) return null;
        var rest = text.AsSpan(boxed > framed ? boxed + box.Length : framed + frame.Length).TrimStart();
        if (rest is not ['{', ..]) return Bare(rest);
        var depth = 0;
        for (var i = 0; i < rest.Length; i++)
        {
            if (rest[i] == '\\') i++; // \{ and \} are no braces of a group
            else if (rest[i] == '{') depth++;
            else if (rest[i] == '}' && --depth == 0) return rest[1..i].Trim().ToString();
        }
        return null;
    }

    /// <summary>What follows the last <c>####</c>, up to the end of its line: GSM8K's form.</summary>
    /// <returns>Null where there is none, or nothing after it.</returns>
    public static string? AfterHashes(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.LastIndexOf(Hashes, StringComparison.Ordinal);
        if (at < 0) return null;
        var rest = text.AsSpan(at + Hashes.Length);
        var end = rest.IndexOf('\n');
        rest = (end < 0 ? rest : rest[..end]).Trim();
        return rest.IsEmpty ? null : rest.ToString();
    }

    /// <summary>What stands in the last <c>&lt;answer&gt;...&lt;/answer&gt;</c>: the form of <see cref="PromptTemplate.Reasoning"/>.</summary>
    /// <returns>Null where there is none, or where it does not close.</returns>
    public static string? Tagged(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var end = text.LastIndexOf(CloseTag, StringComparison.Ordinal);
        if (end < 0) return null;
        var start = text.AsSpan(0, end).LastIndexOf(OpenTag, StringComparison.Ordinal);
        return start < 0 ? null : text[(start + OpenTag.Length)..end].Trim();
    }

    // \boxed 5 and \boxed\frac12: TeX would take one token, people mean what stands up to the next space or dollar sign.
    private static string? Bare(ReadOnlySpan<char> rest)
    {
        var end = rest.IndexOfAny(" $\n\r\t");
        var word = end < 0 ? rest : rest[..end];
        return word.IsEmpty ? null : word.ToString();
    }
}
