using System.Text.Json;
using NativeSteer.Extraction;

namespace NativeSteer.Judges;

/// <summary>Annotated traces as lines of JSONL, which <see cref="LabelledTraces"/> reads.</summary>
public static class AnnotationLines
{
    /// <summary>
    /// Writes the fields of a line: <c>id</c>, <c>prompt</c>, <c>text</c>, <c>tokens</c> where the trace has them, <c>spans</c> in code
    /// points, <c>judge</c>, <c>judge_settings</c>, <c>annotation</c> in the bracketed form, and <c>not_found</c> where segments were not found.
    /// </summary>
    /// <param name="json">Writes into an open object.</param>
    /// <param name="annotation">A trace that was judged.</param>
    /// <param name="judge">Who judged.</param>
    public static void Write(Utf8JsonWriter json, Annotation annotation, IJudge judge)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(annotation);
        ArgumentNullException.ThrowIfNull(judge);
        var trace = annotation.Trace;
        json.WriteString("id", trace.Id);
        if (trace.Prompt.Length > 0) json.WriteString("prompt", trace.Prompt);
        json.WriteString("text", trace.Text);
        if (trace.Tokens is not null)
        {
            json.WriteStartArray("tokens");
            foreach (var token in trace.Tokens) json.WriteNumberValue(token);
            json.WriteEndArray();
        }
        TraceSpanLines.Write(json, trace.Spans);
        json.WriteString("judge", judge.Name);
        json.WriteString("judge_settings", judge.Settings);
        json.WriteString("annotation", BracketedAnnotation.Write(trace));
        if (annotation.NotFound.Count == 0) return;
        json.WriteStartArray("not_found");
        foreach (var segment in annotation.NotFound) json.WriteStringValue(segment);
        json.WriteEndArray();
    }
}
