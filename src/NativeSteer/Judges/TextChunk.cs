using NativeSteer.Extraction;

namespace NativeSteer.Judges;

/// <summary>A piece of a trace that is judged at once: whole sentences, with the white space between them.</summary>
/// <param name="Text">The piece.</param>
/// <param name="From">Its first code point in the trace.</param>
/// <param name="Sentences">Its sentences; positions count in the trace.</param>
internal sealed record TextChunk(string Text, int From, IReadOnlyList<Sentence> Sentences)
{
    /// <summary>The pieces of a trace, in order: as many sentences each as fit, and at least one.</summary>
    internal static List<TextChunk> Split(LabelledTrace trace, int mostCodePoints, int mostSentences)
    {
        var sentences = Judges.Sentences.Split(trace.Text);
        var starts = CodePoints.Starts(trace.Text);
        var chunks = new List<TextChunk>();
        for (var first = 0; first < sentences.Count;)
        {
            var from = sentences[first].From;
            var next = first + 1;
            while (next < sentences.Count && next - first < mostSentences && sentences[next].To - from <= mostCodePoints) next++;
            var to = sentences[next - 1].To;
            chunks.Add(new TextChunk(trace.Text[starts[from]..starts[to]], from, [.. sentences.Skip(first).Take(next - first)]));
            first = next;
        }
        return chunks;
    }
}
