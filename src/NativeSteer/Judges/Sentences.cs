using NativeSteer.Extraction;

namespace NativeSteer.Judges;

/// <summary>A sentence of a text.</summary>
/// <param name="Text">The sentence, without white space around it.</param>
/// <param name="From">Its first code point in the text.</param>
/// <param name="To">The first code point after it.</param>
public readonly record struct Sentence(string Text, int From, int To)
{
    /// <summary>As a labelled stretch.</summary>
    public TraceSpan Labelled(string label) => new(label, From, To);
}

/// <summary>
/// Cuts a text into sentences. A line is at least one: a calculation on a line of its own is a sentence. Within a line a
/// sentence ends after <c>.</c> <c>!</c> <c>?</c> or <c>…</c> (with the quotes and brackets that follow) before white space; not after
/// dots that a small letter follows ("Hmm... so"), the number that opens a list's line ("1. Let"), and common abbreviations.
/// Chinese and Japanese full stops need no white space.
/// </summary>
public static class Sentences
{
    private const string Ends = ".!?…。！？", Closing = "\"'”’)]}»*";
    private static readonly string[] s_abbreviations = ["e.g", "i.e", "etc", "vs", "cf", "approx", "mr", "mrs", "ms", "dr", "prof", "fig", "eq", "no", "st"];

    /// <summary>The sentences in order. Together they hold everything but white space, each character once.</summary>
    public static IReadOnlyList<Sentence> Split(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var before = CodePoints.Before(text);
        var sentences = new List<Sentence>();
        var lineStart = 0;
        while (lineStart < text.Length)
        {
            var length = text.AsSpan(lineStart).IndexOfAny('\n', '\r');
            var lineEnd = length < 0 ? text.Length : lineStart + length;
            for (var start = lineStart; start < lineEnd;)
            {
                var end = EndOfSentence(text, lineStart, start, lineEnd);
                Add(start, end);
                start = end;
            }
            lineStart = lineEnd + 1;
        }
        return sentences;

        void Add(int from, int to)
        {
            while (from < to && char.IsWhiteSpace(text[from])) from++;
            while (to > from && char.IsWhiteSpace(text[to - 1])) to--;
            if (to > from) sentences.Add(new Sentence(text[from..to], before[from], before[to]));
        }
    }

    private static int EndOfSentence(string text, int lineStart, int start, int lineEnd)
    {
        for (var at = start; at < lineEnd; at++)
        {
            if (!Ends.Contains(text[at])) continue;
            var first = at;
            while (at + 1 < lineEnd && (Ends.Contains(text[at + 1]) || Closing.Contains(text[at + 1]))) at++;
            var end = at + 1;
            if (end == lineEnd || (Separates(text, first, end, lineEnd) && !IsAbbreviated(text, lineStart, start, first, end))) return end;
        }
        return lineEnd;
    }

    // Whether what follows the marks first..end begins another sentence.
    private static bool Separates(string text, int first, int end, int lineEnd)
    {
        if (text[first] is '。' or '！' or '？') return true;
        if (!char.IsWhiteSpace(text[end])) return false;
        var next = end;
        while (next < lineEnd && char.IsWhiteSpace(text[next])) next++;
        var isEllipsis = text[first] == '…' || (text[first] == '.' && first + 1 < end && text[first + 1] == '.');
        return !(isEllipsis && next < lineEnd && char.IsLower(text[next]));
    }

    private static bool IsAbbreviated(string text, int lineStart, int start, int first, int end)
    {
        if (text[first] != '.' || end != first + 1) return false;
        var wordStart = first;
        while (wordStart > start && !char.IsWhiteSpace(text[wordStart - 1])) wordStart--;
        var word = text.AsSpan(wordStart, first - wordStart).TrimStart("([\"'“‘*");
        var opensLine = text.AsSpan(lineStart, wordStart - lineStart).IsWhiteSpace();
        if (opensLine && word is not "" && word.Length <= 3 && !word.ContainsAnyExceptInRange('0', '9')) return true;
        foreach (var abbreviation in s_abbreviations)
        {
            if (word.Equals(abbreviation, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }
}
