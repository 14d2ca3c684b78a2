using NativeSteer.Engine;

namespace NativeSteer.Extraction;

/// <summary>Traces that one model wrote, for another model to read.</summary>
public static class TokenMap
{
    /// <summary>
    /// The traces with their token ids where both vocabularies spell these alike, and otherwise without, so that the reader's own
    /// tokenizer takes the text; spans of characters stay where they are.
    /// </summary>
    /// <param name="traces">The traces.</param>
    /// <param name="writer">The vocabulary of the traces' token ids.</param>
    /// <param name="reader">The vocabulary of the model that is to read them.</param>
    /// <returns>The traces, and whether the ids could stay.</returns>
    /// <exception cref="NativeSteerException">The ids must go, and a trace's spans are counted in them.</exception>
    public static (IReadOnlyList<LabelledTrace> Traces, bool SameTokens) Map(IReadOnlyList<LabelledTrace> traces, Vocabulary writer, Vocabulary reader)
    {
        ArgumentNullException.ThrowIfNull(traces);
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(reader);
        if (SpellAlike(traces, writer, reader)) return (traces, true);
        if (traces.FirstOrDefault(trace => trace.Unit == SpanUnit.Tokens) is { } counted)
        {
            throw new NativeSteerException(
                $"{counted.Place}: its spans count tokens, and the two models' vocabularies differ; give spans in characters, with \"text\".");
        }
        return ([.. traces.Select(trace => trace with { Tokens = null })], false);
    }

    /// <summary>
    /// The traces that a model can read, spans and all. One whose ids do not spell its text (text that is no whole UTF-8 was changed in it)
    /// is read by its text; one whose text cannot be followed through its tokens either, or that is too long, is left out.
    /// </summary>
    /// <param name="traces">The traces.</param>
    /// <param name="reader">The vocabulary of the model that is to read them.</param>
    /// <param name="limit">Most tokens of a trace.</param>
    public static IReadOnlyList<LabelledTrace> Readable(IReadOnlyList<LabelledTrace> traces, Vocabulary reader, int limit)
    {
        ArgumentNullException.ThrowIfNull(traces);
        var tokenizer = new TextTokens(reader, limit);
        return [.. traces.Select(trace => IsReadable(trace) ? trace
            : trace.Unit == SpanUnit.CodePoints && trace with { Tokens = null } is var plain && IsReadable(plain) ? plain : null).OfType<LabelledTrace>()];

        bool IsReadable(LabelledTrace trace)
        {
            try
            {
                _ = tokenizer.Trace(trace);
                return true;
            }
            catch (NativeSteerException)
            {
                return false;
            }
        }
    }

    private static bool SpellAlike(IReadOnlyList<LabelledTrace> traces, Vocabulary writer, Vocabulary reader)
    {
        foreach (var token in traces.SelectMany(trace => trace.Tokens ?? []).Distinct())
        {
            if ((uint)token >= (uint)writer.Size || (uint)token >= (uint)reader.Size) return false;
            if (!writer.Piece(token, special: true).AsSpan().SequenceEqual(reader.Piece(token, special: true))) return false;
        }
        return true;
    }
}
