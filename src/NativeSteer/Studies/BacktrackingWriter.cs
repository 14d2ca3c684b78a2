using System.Text.Json;
using NativeSteer.Analysis;
using NativeSteer.Extraction;
using NativeSteer.Files;

namespace NativeSteer.Studies;

/// <summary>What the log says of the traces beside their counts.</summary>
/// <param name="Judge">What labelled them.</param>
/// <param name="Skipped">Traces that there were and that could not be used.</param>
/// <param name="SameTokens">Whether the base model reads the same tokens.</param>
/// <param name="Hash">Of the labelled traces' file.</param>
/// <param name="VectorHash">Of the studied vectors: rounding differs between machines, and shards must have the same.</param>
internal sealed record TraceFacts(string Judge, int Skipped, bool SameTokens, string Hash, string VectorHash);

/// <summary>The lines of a run log that are no rollouts, as <see cref="BacktrackingLog"/> reads them.</summary>
internal static class BacktrackingWriter
{
    internal static void Traces(SequentialLog log, IReadOnlyList<LabelledTrace> traces, TraceFacts facts) => log.Write(json =>
    {
        json.WriteString("type", "traces");
        json.WriteNumber("count", traces.Count);
        json.WriteNumber("tokens", traces.Sum(trace => (long)(trace.Tokens?.Count ?? 0)));
        json.WriteString("judge", facts.Judge);
        json.WriteStartObject("spans");
        foreach (var label in traces.SelectMany(trace => trace.Spans).GroupBy(span => span.Label, StringComparer.Ordinal).OrderBy(label => label.Key, StringComparer.Ordinal))
            json.WriteNumber(label.Key, label.Count());
        json.WriteEndObject();
        json.WriteNumber("skipped", facts.Skipped);
        json.WriteString("base_reads", facts.SameTokens ? "tokens" : "text");
        json.WriteString("hash", facts.Hash);
        json.WriteString("vector_hash", facts.VectorHash);
    });

    internal static void Agreement(SequentialLog log, StudyAgreement agreement) => log.Write(json =>
    {
        json.WriteString("type", "agreement");
        json.WriteString("judge", agreement.Judge);
        json.WriteString("against", agreement.Against);
        Number(json, "precision", agreement.Precision);
        Number(json, "recall", agreement.Recall);
        Number(json, "f1", agreement.F1);
        Number(json, "kappa", agreement.Kappa);
        json.WriteNumber("segments", agreement.Segments);
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
        foreach (var value in projection.Values)
        {
            if (double.IsFinite(value)) json.WriteNumberValue(Math.Round(value, 6));
            else json.WriteNullValue();
        }
        json.WriteEndArray();
        TraceSpanLines.Write(json, projection.Spans.Select(span => new TraceSpan(span.Label, span.From, span.To)));
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
