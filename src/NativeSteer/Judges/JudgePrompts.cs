using System.Text;
using NativeSteer.Extraction;

namespace NativeSteer.Judges;

/// <summary>What judging models are asked.</summary>
internal static class JudgePrompts
{
    /// <summary>Raised when the wording changes, so that files made with another one are told apart.</summary>
    internal const int Version = 1;

    private const int LongestTask = 2000, LongestSentence = 600;

    private const string Labels = """
        - initializing: says again what is asked, or how it will be gone about, before work on it begins.
        - deduction: draws a conclusion from what is given or was found: a calculation, an inference, a step of a proof, a result.
        - adding-knowledge: brings in a fact, a definition, a formula or a rule that the task does not state.
        - example-testing: tries a certain case, number or scenario, or checks a possible answer by one.
        - uncertainty-estimation: says that the author is unsure or confused, or how sure the author is, and stays on the same way.
        - backtracking: drops a way or a claim the author was following, and goes back or turns to another one.
        """;

    /// <summary>For the bracketed form: the judge copies the text, so it can cut sentences.</summary>
    internal static string Bracketed { get; } = $"""
        You will read a text in which someone thinks aloud about a task. Mark what the author does, sentence by sentence, with these labels:
        {Labels}
        Write the text again as segments in this form, one after the other:
        ["label"] the words of the segment ["{BracketedAnnotation.End}"]
        A segment is one sentence. Where one sentence does two of these things, cut it in two segments. Copy the words exactly and in order, without
        leaving any out, adding any or correcting any. A beginning of a sentence at the very end of the text may be left out. Write nothing
        besides the segments.
        """;

    /// <summary>For numbered sentences: the judge names a label for each and copies nothing.</summary>
    internal static string Numbered { get; } = $"""
        You will read a text in which someone thinks aloud about a task. Its sentences are numbered. Say for each sentence what the author does in it,
        with one of these labels:
        {Labels}
        Answer with one line for each sentence, its number and its label, such as "3: deduction". Write nothing else.
        """;

    /// <summary>A piece of a trace as the judge sees it.</summary>
    internal static string Text(LabelledTrace trace, TextChunk chunk) => $"{Task(trace)}The text:\n{chunk.Text}";

    /// <summary>Numbered from 1.</summary>
    internal static string Sentences(LabelledTrace trace, TextChunk chunk)
    {
        var lines = new StringBuilder(Task(trace)).Append("The text:\n");
        for (var i = 0; i < chunk.Sentences.Count; i++) lines.Append(i + 1).Append(": ").Append(Shortened(chunk.Sentences[i].Text, LongestSentence)).Append('\n');
        return lines.ToString();
    }

    private static string Task(LabelledTrace trace) =>
        string.IsNullOrWhiteSpace(trace.Prompt) ? "" : $"The task:\n{Shortened(trace.Prompt.Trim(), LongestTask)}\n\n";

    // What tells most stands at the ends; half a surrogate pair at the cut becomes a replacement character.
    private static string Shortened(string text, int most) =>
        text.Length <= most ? text : $"{text.AsSpan(0, most * 2 / 3)} ... {text.AsSpan(text.Length - most / 3)}";
}
