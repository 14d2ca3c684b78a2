using System.Text.Json;
using NativeSteer.Files;

namespace NativeSteer.Studies;

/// <summary>The lines of a quantisation study's log, written and read; cells and rollouts are those of <see cref="BacktrackingLines"/>.</summary>
internal static class QuantizationLines
{
    internal const string Command = "study quantization";

    internal static void Write(SequentialLog log, QuantizedModel model) => log.Write(json =>
    {
        Begin(json, "copy", model.Source, model.Type);
        json.WriteNumber("bytes", model.Bytes);
        json.WriteNumber("weights", model.Weights);
        json.WriteNumber("fallbacks", model.Fallbacks);
        json.WriteStartObject("formats");
        foreach (var (format, tensors) in model.Formats) json.WriteNumber(format, tensors);
        json.WriteEndObject();
    });

    internal static void Write(SequentialLog log, QuantizedLikelihood likelihood) => log.Write(json =>
    {
        Begin(json, "likelihood", likelihood.Source, likelihood.Type);
        json.WriteNumber("texts", likelihood.Texts);
        json.WriteNumber("tokens", likelihood.Tokens);
        Number(json, "log_probability", likelihood.LogProbability);
    });

    internal static void Write(SequentialLog log, QuantizedSpeed speed) => log.Write(json =>
    {
        Begin(json, "speed", speed.Source, speed.Type);
        json.WriteNumber("batch", speed.Batch);
        Numbers("prompt_tokens_per_second", speed.Prompt);
        Numbers("generated_tokens_per_second", speed.Generated);

        void Numbers(string name, IEnumerable<double> values)
        {
            json.WriteStartArray(name);
            foreach (var value in values) json.WriteNumberValue(Math.Round(value, 3));
            json.WriteEndArray();
        }
    });

    internal static void Write(SequentialLog log, VectorFidelity fidelity) => log.Write(json =>
    {
        Begin(json, "fidelity", fidelity.Source, fidelity.Type);
        json.WriteNumber("layer", fidelity.Layer);
        Number(json, "cosine", fidelity.Cosine);
        Number(json, "norm_ratio", fidelity.NormRatio);
    });

    internal static QuantizedModel Model(JsonLine line)
    {
        var formats = line.RequiredObject("formats");
        return new QuantizedModel(
            Source(line), Type(line), line.RequiredInteger("bytes"), line.RequiredInteger("weights"), (int)line.RequiredInteger("fallbacks"),
            formats.Element.EnumerateObject().ToDictionary(format => format.Name, format => (int)formats.RequiredInteger(format.Name), StringComparer.Ordinal));
    }

    internal static QuantizedLikelihood Likelihood(JsonLine line) => new(
        Source(line), Type(line), (int)line.RequiredInteger("texts"), line.RequiredInteger("tokens"), line.OptionalNumber("log_probability") ?? double.NaN);

    internal static QuantizedSpeed Speed(JsonLine line) => new(
        Source(line), Type(line), (int)line.RequiredInteger("batch"), line.RequiredNumbers("prompt_tokens_per_second"), line.RequiredNumbers("generated_tokens_per_second"));

    internal static VectorFidelity Fidelity(JsonLine line) => new(
        Source(line), Type(line), (int)line.RequiredInteger("layer"), line.OptionalNumber("cosine") ?? double.NaN, line.OptionalNumber("norm_ratio") ?? double.NaN);

    private static string Source(JsonLine line) => line.RequiredString("source");

    private static string Type(JsonLine line) => line.RequiredString("quantization");

    private static void Begin(Utf8JsonWriter json, string kind, string source, string type)
    {
        json.WriteString("type", kind);
        json.WriteString("source", source);
        json.WriteString("quantization", type);
    }

    private static void Number(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value)) json.WriteNumber(name, value);
        else json.WriteNull(name);
    }
}
