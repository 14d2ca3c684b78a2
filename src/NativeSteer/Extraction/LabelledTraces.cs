using System.Text.Json;
using NativeSteer.Files;

namespace NativeSteer.Extraction;

/// <summary>
/// Reads labelled traces from JSONL, one object per line: <c>{"text": ..., "spans": [{"label": ..., "from": 12, "to": 40}, ...]}</c>,
/// or with a single span <c>{"text": ..., "label": ..., "span": [12, 40]}</c>.
/// </summary>
/// <remarks>
/// Positions are Unicode code points of the text, half open. The text may also be called <c>"completion"</c>, as in files that
/// training reads. Optional: <c>"id"</c>, a name; <c>"prompt"</c>, the text before; <c>"tokens"</c>, the trace's token ids; <c>"unit": "tokens"</c>,
/// positions are indices into these. Fields of other names are ignored.
/// </remarks>
public static class LabelledTraces
{
    /// <summary>Reads the traces while they are enumerated; memory is bounded by the longest line.</summary>
    /// <exception cref="NativeSteerException">
    /// While enumerating: the file cannot be read, a line is malformed, or a span is empty or leaves the text (with file and line).
    /// </exception>
    public static IEnumerable<LabelledTrace> Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return JsonLines.Read(path).Select(line => Parse(line, $"{FileErrors.Shown(path)}:{line.Number}"));
    }

    internal static LabelledTrace Parse(JsonLine line, string place)
    {
        var tokens = line.OptionalIntegers("tokens");
        var unit = line.OptionalString("unit") switch
        {
            null or "chars" => SpanUnit.CodePoints,
            "tokens" => SpanUnit.Tokens,
            var other => throw line.Error($"\"unit\" is \"{FileErrors.Printable(other)}\"; it should be \"chars\" or \"tokens\"."),
        };
        if (unit == SpanUnit.Tokens && tokens is null)
            throw line.Error("\"unit\" is \"tokens\", so the field \"tokens\" is needed; give the token ids.");
        var text = unit == SpanUnit.Tokens ? line.OptionalString("text") ?? "" : line.OptionalString("text") ?? line.OptionalString("completion") ?? line.RequiredString("text");
        var spans = Spans(line);
        var (length, what) = unit == SpanUnit.Tokens ? (tokens!.Length, "tokens") : (text.EnumerateRunes().Count(), "code points");
        for (var i = 0; i < spans.Count; i++)
        {
            var (label, from, to) = spans[i];
            var shown = $"span {i + 1} (\"{FileErrors.Printable(label)}\", {from} to {to})";
            if (label.Length == 0) throw line.Error($"{shown} has an empty label; name the behaviour.");
            if (from < 0) throw line.Error($"{shown} starts before the text; positions count from 0.");
            if (from >= to) throw line.Error($"{shown} is empty; \"to\" is the first position after the span.");
            if (to > length) throw line.Error($"{shown} ends after the text, which has {length} {what}.");
        }
        return new LabelledTrace(text, spans)
        {
            Id = line.OptionalName("id") ?? "",
            Prompt = line.OptionalString("prompt") ?? "",
            Tokens = tokens,
            Unit = unit,
            Place = place,
        };
    }

    private static List<TraceSpan> Spans(JsonLine line)
    {
        var spans = new List<TraceSpan>();
        if (line.Element.TryGetProperty("spans", out var array) && array.ValueKind != JsonValueKind.Null)
        {
            if (array.ValueKind != JsonValueKind.Array) throw line.Error("\"spans\" should be an array of {\"label\", \"from\", \"to\"}.");
            foreach (var item in array.EnumerateArray()) spans.Add(Span(line, item, spans.Count + 1));
        }
        var label = line.OptionalString("label");
        var ends = line.OptionalIntegers("span");
        if (label is null && ends is null) return spans;
        if (label is null || ends is not { Length: 2 }) throw line.Error("a single span needs both \"label\" and \"span\": [from, to].");
        spans.Add(new TraceSpan(label, ends[0], ends[1]));
        return spans;
    }

    private static TraceSpan Span(JsonLine line, JsonElement item, int number)
    {
        int from = 0, to = 0;
        var complete = item.ValueKind == JsonValueKind.Object
            && item.TryGetProperty("label", out var label) && label.ValueKind == JsonValueKind.String
            && item.TryGetProperty("from", out var first) && first.ValueKind == JsonValueKind.Number && first.TryGetInt32(out from)
            && item.TryGetProperty("to", out var last) && last.ValueKind == JsonValueKind.Number && last.TryGetInt32(out to);
        if (!complete)
            throw line.Error($"span {number} should be an object with \"label\" (a string), \"from\" and \"to\" (whole numbers).");
        try
        {
            return new TraceSpan(item.GetProperty("label").GetString()!, from, to);
        }
        catch (InvalidOperationException)
        {
            throw line.Error($"the label of span {number} holds an unpaired surrogate; write it in plain text.");
        }
    }
}
