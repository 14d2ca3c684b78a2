using System.Text.Json;
using NativeSteer.Analysis;
using NativeSteer.Extraction;
using NativeSteer.Files;
using NativeSteer.Judges;

namespace NativeSteer.Studies;

/// <summary>The lines of a run log that are no rollouts, as <see cref="BacktrackingLog"/> reads them.</summary>
internal static class BacktrackingWriter
{
    internal static void Traces(SequentialLog log, IReadOnlyList<LabelledTrace> traces, int skipped, AnnotationReport report, string judge, bool sameTokens) => log.Write(json =>
    {
        json.WriteString("type", "traces");
        json.WriteNumber("count", traces.Count);
        json.WriteNumber("tokens", traces.Sum(trace => (long)(trace.Tokens?.Count ?? 0)));
        json.WriteString("judge", judge);
        json.WriteStartObject("spans");
        foreach (var (label, count) in report.Spans.OrderBy(span => span.Key, StringComparer.Ordinal)) json.WriteNumber(label, count);
        json.WriteEndObject();
        json.WriteNumber("skipped", skipped);
        json.WriteString("base_reads", sameTokens ? "tokens" : "text");
    });

    internal static void Cell(SequentialLog log, StudyCell cell, double scale) => log.Write(json =>
    {
        var (target, vector, layer, magnitude, unit) = cell.Condition;
        json.WriteString("type", "cell");
        json.WriteString("key", cell.Key);
        json.WriteStartArray("figures");
        foreach (var figure in cell.Figures) json.WriteStringValue(figure);
        json.WriteEndArray();
        json.WriteString("target", target);
        json.WriteStartObject("vector");
        json.WriteString("kind", vector.Kind);
        json.WriteString("source", vector.Source);
        json.WriteString("label", vector.Label);
        Window(json, vector.Offsets);
        json.WriteEndObject();
        if (layer is { } number) json.WriteNumber("layer", number);
        else json.WriteNull("layer");
        json.WriteNumber("magnitude", magnitude);
        json.WriteString("unit", unit);
        Number(json, "scale", scale);
        json.WriteNumber("seed", cell.Seed);
    });

    internal static void Cosine(SequentialLog log, StudyCosine cosine) => log.Write(json =>
    {
        json.WriteString("type", "cosine");
        json.WriteString("label", cosine.Label);
        json.WriteNumber("layer", cosine.Layer);
        Window(json, cosine.Offsets);
        Number(json, "value", cosine.Value);
        Number(json, "base_norm", cosine.BaseNorm);
        Number(json, "reasoning_norm", cosine.ReasoningNorm);
    });

    internal static void Lens(SequentialLog log, string source, string unembedding, LensLayer lens) => log.Write(json =>
    {
        json.WriteString("type", "lens");
        json.WriteString("source", source);
        json.WriteString("unembedding", unembedding);
        json.WriteNumber("layer", lens.Layer);
        Number(json, "score", lens.Score);
        Tokens("top_dot", lens.TopDot);
        Tokens("top_cosine", lens.TopCosine);

        void Tokens(string name, IReadOnlyList<LensToken> tokens)
        {
            json.WriteStartArray(name);
            foreach (var token in tokens)
            {
                json.WriteStartObject();
                json.WriteNumber("token", token.Id);
                json.WriteString("text", token.Text);
                Number(json, "value", token.Value);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
    });

    internal static void Projection(SequentialLog log, StudyProjection projection) => log.Write(json =>
    {
        json.WriteString("type", "projection");
        json.WriteString("trace", projection.Trace);
        json.WriteString("source", projection.Source);
        json.WriteNumber("layer", projection.Layer);
        json.WriteStartArray("tokens");
        foreach (var token in projection.Tokens) json.WriteStringValue(token);
        json.WriteEndArray();
        json.WriteStartArray("values");
        foreach (var value in projection.Values) json.WriteNumberValue(Math.Round(value, 6));
        json.WriteEndArray();
        json.WriteStartArray("spans");
        foreach (var (label, from, to) in projection.Spans)
        {
            json.WriteStartObject();
            json.WriteString("label", label);
            json.WriteNumber("from", from);
            json.WriteNumber("to", to);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    private static void Window(Utf8JsonWriter json, OffsetRange? window)
    {
        if (window is not { } offsets)
        {
            json.WriteNull("offsets");
            return;
        }
        json.WriteStartArray("offsets");
        json.WriteNumberValue(offsets.First);
        json.WriteNumberValue(offsets.Last);
        json.WriteEndArray();
    }

    private static void Number(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number)) json.WriteNumber(name, number);
        else json.WriteNull(name);
    }
}
