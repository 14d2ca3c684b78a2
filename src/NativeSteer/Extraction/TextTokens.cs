using System.Text;
using NativeSteer.Engine;

namespace NativeSteer.Extraction;

/// <summary>A trace as token ids, with its spans counted in them.</summary>
/// <param name="Tokens">All ids: begin token, prompt, text.</param>
/// <param name="FirstRow">The first row that is no begin token: 0 or 1.</param>
/// <param name="TextRow">The first row of the text.</param>
/// <param name="Spans">Label, first row, and the row after the last.</param>
internal sealed record TokenizedTrace(int[] Tokens, int FirstRow, int TextRow, (string Label, int Start, int End)[] Spans);

/// <summary>Texts and traces to token ids, refused with their place when they are too long or do not fit their tokens.</summary>
/// <param name="vocabulary">The tokenizer.</param>
/// <param name="limit">Most tokens a text may have.</param>
internal sealed class TextTokens(Vocabulary vocabulary, int limit)
{
    /// <summary>A prompt's ids, begin token first where the model wants one.</summary>
    /// <returns>The ids, and the first row that is no begin token.</returns>
    internal (int[] Tokens, int FirstRow) Prompt(string text, string place)
    {
        var tokens = WithBegin(vocabulary.Tokenize(text, addSpecial: false), out var firstRow);
        if (tokens.Length == firstRow) throw new NativeSteerException($"{place}: the prompt is empty; write at least one character.");
        return (Checked(tokens, place), firstRow);
    }

    /// <summary>
    /// A trace's ids and spans. Prompt and text are tokenized in one piece, because a vocabulary may put them together
    /// otherwise than its parts; given ids follow the prompt's own.
    /// </summary>
    internal TokenizedTrace Trace(LabelledTrace trace)
    {
        var own = trace.Tokens is not null;
        int[] ids = own ? Own(trace) : vocabulary.Tokenize(trace.Prompt + trace.Text, addSpecial: false);
        int[] before = own ? vocabulary.Tokenize(trace.Prompt, addSpecial: false) : [];
        var tokens = Checked(WithBegin([.. before, .. ids], out var firstRow), trace.Place);
        var start = tokens.Length - ids.Length; // row of ids[0]
        if (trace.Unit == SpanUnit.Tokens)
        {
            var counted = trace.Spans.Select(span => (span.Label, start + span.From, start + span.To));
            return new TokenizedTrace(tokens, firstRow, Math.Max(start, firstRow), [.. counted]);
        }

        var skip = own ? 0 : Encoding.UTF8.GetByteCount(trace.Prompt);
        var bytes = Encoding.UTF8.GetBytes(own ? trace.Text : trace.Prompt + trace.Text);
        var alignment = TokenAlignment.Find(vocabulary, bytes, ids) ?? throw new NativeSteerException(
            own
                ? $"{trace.Place}: \"tokens\" spell another text than \"text\" with this model's vocabulary; leave them out, or use " +
                    "the model that wrote them."
                : $"{trace.Place}: this vocabulary's tokens cannot be aligned with the text; give \"tokens\" and \"unit\": \"tokens\".");
        var offsets = TokenAlignment.ByteOffsets(trace.Text);
        return new TokenizedTrace(tokens, firstRow, Math.Max(start + alignment.FirstFrom(skip), firstRow), [.. trace.Spans.Select(span =>
        {
            var (from, to) = alignment.Tokens(skip + offsets[span.From], skip + offsets[span.To]);
            return (span.Label, start + from, start + to);
        })]);
    }

    private int[] Own(LabelledTrace trace)
    {
        foreach (var token in trace.Tokens!)
        {
            if ((uint)token >= (uint)vocabulary.Size)
                throw new NativeSteerException(
                    $"{trace.Place}: token {token} is not in the model's vocabulary (0 to {vocabulary.Size - 1}); use the model that " +
                        "wrote the trace.");
        }
        return [.. trace.Tokens];
    }

    private int[] WithBegin(int[] tokens, out int firstRow)
    {
        var begin = vocabulary.BeginOfText;
        var has = begin >= 0 && tokens is [var first, ..] && first == begin;
        var add = !has && vocabulary.AddsBeginOfText && begin >= 0;
        firstRow = has || add ? 1 : 0;
        return add ? [begin, .. tokens] : tokens;
    }

    private int[] Checked(int[] tokens, string place) => tokens.Length <= limit
        ? tokens
        : throw new NativeSteerException(
            $"{place}: the text has {tokens.Length} tokens, the context holds {limit}; shorten it, or give a longer context with -c.");
}
