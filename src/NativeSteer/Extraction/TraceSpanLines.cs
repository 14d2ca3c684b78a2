using System.Text.Json;

namespace NativeSteer.Extraction;

/// <summary>Spans as every file of traces has them: <c>"spans": [{"label", "from", "to"}]</c>.</summary>
internal static class TraceSpanLines
{
    /// <summary>Writes the field.</summary>
    internal static void Write(Utf8JsonWriter json, IEnumerable<TraceSpan> spans)
    {
        json.WriteStartArray("spans");
        foreach (var (label, from, to) in spans)
        {
            json.WriteStartObject();
            json.WriteString("label", label);
            json.WriteNumber("from", from);
            json.WriteNumber("to", to);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
