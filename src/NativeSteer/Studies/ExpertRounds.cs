using System.Text.Json;
using NativeSteer.Countdown;
using NativeSteer.Files;

namespace NativeSteer.Studies;

/// <summary>The rounds of an expert iteration in its log.</summary>
public static class ExpertRounds
{
    /// <summary>The log's name in its folder.</summary>
    public const string LogName = "iterate.jsonl";

    /// <summary>Reads a log; its first line, and lines of other kinds, are passed over.</summary>
    /// <exception cref="NativeSteerException">The file cannot be read, or a line is malformed.</exception>
    public static IReadOnlyList<ExpertRound> Read(string path) =>
        [.. JsonLines.Read(path).Where(line => line.OptionalString("type") is "round").Select(line => new ExpertRound(
            (int)line.RequiredInteger("round"), (int)line.RequiredInteger("problems"), (int)line.RequiredInteger("claimed"), (int)line.RequiredInteger("verified"),
            (int)line.RequiredInteger("false_claims"), (int)line.RequiredInteger("answers"), line.RequiredInteger("trained_tokens"),
            Number(line, "loss"), Share(line, "fast"), Share(line, "slow"), Share(line, "fast_new")))];

    internal static void Write(Utf8JsonWriter json, ExpertRound round)
    {
        json.WriteString("type", "round");
        json.WriteNumber("round", round.Round);
        json.WriteNumber("problems", round.Problems);
        json.WriteNumber("claimed", round.Claimed);
        json.WriteNumber("verified", round.Verified);
        json.WriteNumber("false_claims", round.FalseClaims);
        json.WriteNumber("answers", round.Answers);
        json.WriteNumber("trained_tokens", round.TrainedTokens);
        if (double.IsFinite(round.Loss)) json.WriteNumber("loss", round.Loss);
        else json.WriteNull("loss");
        Share(json, "fast", round.Fast);
        Share(json, "slow", round.Slow);
        Share(json, "fast_new", round.FastNew);
    }

    internal static void WriteAlone(string path, ExpertRound round)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            Write(json, round);
            json.WriteEndObject();
        }
        AtomicFile.Write(path, file =>
        {
            file.Write(stream.ToArray());
            file.WriteByte((byte)'\n');
        });
    }

    private static void Share(Utf8JsonWriter json, string name, Share share)
    {
        json.WriteStartArray(name);
        foreach (var value in (ReadOnlySpan<double>)[share.Value, share.Low, share.High]) json.WriteNumberValue(double.IsFinite(value) ? value : 0);
        json.WriteEndArray();
    }

    private static Share Share(JsonLine line, string name)
    {
        if (line.Element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 3)
            return new Share(value[0].GetDouble(), value[1].GetDouble(), value[2].GetDouble());
        throw line.Error($"\"{name}\" should be three numbers.");
    }

    private static double Number(JsonLine line, string name) =>
        line.Element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : double.NaN;
}
