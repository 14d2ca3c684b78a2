using System.Text.Json;
using NativeSteer.Studies;

namespace NativeSteer.Reports;

/// <summary>What a log's first line says, as a report shows it.</summary>
internal static class ReportProvenance
{
    /// <summary>The command line, to be typed again.</summary>
    internal static string Command(string verb, IReadOnlyList<string> arguments)
    {
        IReadOnlyList<string> words = arguments.Count > 0 && arguments[0] == "study" ? arguments : [.. verb.Split(' '), .. arguments];
        return "nativesteer " + string.Join(' ', words.Select(word =>
            word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:,=+@%".Contains(c, StringComparison.Ordinal)) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
    }

    internal static string Model(StudyModel model) => $"{model.Path} ({model.Architecture ?? "unknown"}, {model.Layers} layers, width {model.Width}; {model.Hash ?? "no hash"})";

    internal static IEnumerable<(string Name, string Value)> Settings(JsonElement settings) =>
        settings.EnumerateObject().Select(setting => (setting.Name, setting.Value.ValueKind == JsonValueKind.String ? setting.Value.GetString()! : setting.Value.GetRawText()));
}
