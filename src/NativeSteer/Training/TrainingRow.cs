using System.Globalization;
using System.Text.Json;
using NativeSteer.Files;

namespace NativeSteer.Training;

/// <summary>One line of training data: what is read and what is learned, before it is tokenized.</summary>
/// <param name="Prompt">What stands before and is not trained; null where all of the text is.</param>
/// <param name="Text">The trained text.</param>
/// <param name="Masked">Stretches of the text that are not trained, half open, in Unicode code points of it.</param>
/// <param name="End">Whether the model's end token follows, and is trained.</param>
internal sealed record TrainingRow(string? Prompt, string Text, IReadOnlyList<(int From, int To)> Masked, bool End)
{
    /// <summary>The word that ends a wrong beginning in the self-backtracking paper.</summary>
    internal const string Backtrack = "<backtrack>";

    /// <summary>Reads a line; null for the provenance line of a log.</summary>
    /// <exception cref="NativeSteerException">The line has not the fields of training data, or a mask leaves its text.</exception>
    internal static TrainingRow? Read(JsonLine line)
    {
        if (line.OptionalString("type") is "provenance") return null;
        var completion = line.OptionalString("completion");
        var text = line.OptionalString("text");
        if (completion is not null)
        {
            return new(line.RequiredString("prompt"), completion, Mask(line, completion, "completion"), Flag(line, "end") ?? true);
        }
        if (text is not null && line.OptionalString("prompt") is null) return new(null, text, Mask(line, text, "text"), Flag(line, "end") ?? false);
        if (text is null && line.OptionalString("search_path") is { } path) return OfSearchPath(line, path);
        throw line.Error(text is null
            ? "it has none of the fields \"completion\", \"text\" and \"search_path\"; give \"prompt\" with \"completion\", or \"text\" alone."
            : "it has \"prompt\" and \"text\"; name what is to be trained after a prompt \"completion\".");
    }

    // Self-backtracking (arXiv 2502.04404): the prompt, and before each <backtrack> the wrong line with its line end, are masked.
    private static TrainingRow OfSearchPath(JsonLine line, string path)
    {
        var numbers = string.Join(", ", line.RequiredIntegers("nums").Select(number => number.ToString(CultureInfo.InvariantCulture)));
        var prompt = $"###Question: numbers [{numbers}]->target {line.RequiredInteger("target")}\n###Response:\n";
        var text = path.Trim();
        var masked = new List<(int, int)>();
        for (var at = text.IndexOf(Backtrack, StringComparison.Ordinal); at >= 0; at = text.IndexOf(Backtrack, at + 1, StringComparison.Ordinal))
        {
            var end = at > 0 && text[at - 1] == '\n' ? at - 1 : at;
            var start = end == 0 ? 0 : text.LastIndexOf('\n', end - 1) + 1;
            if (start < at) masked.Add((CodePoints(text.AsSpan(0, start)), CodePoints(text.AsSpan(0, at))));
        }
        return new(prompt, text, masked, Flag(line, "end") ?? true);
    }

    private static int CodePoints(ReadOnlySpan<char> text)
    {
        var count = 0;
        foreach (var _ in text.EnumerateRunes()) count++;
        return count;
    }

    private static List<(int From, int To)> Mask(JsonLine line, string text, string field)
    {
        const string expected = "\"mask\" should be an array of pairs [from, to] of whole numbers.";
        var ranges = new List<(int From, int To)>();
        if (!line.Element.TryGetProperty("mask", out var mask) || mask.ValueKind == JsonValueKind.Null) return ranges;
        if (mask.ValueKind != JsonValueKind.Array) throw line.Error(expected);
        var length = CodePoints(text);
        foreach (var pair in mask.EnumerateArray())
        {
            if (pair.ValueKind != JsonValueKind.Array || pair.GetArrayLength() != 2
                || pair[0].ValueKind != JsonValueKind.Number || !pair[0].TryGetInt32(out var from)
                || pair[1].ValueKind != JsonValueKind.Number || !pair[1].TryGetInt32(out var to))
            {
                throw line.Error(expected);
            }
            if (to < from) throw line.Error($"the mask [{from}, {to}] ends before it begins; give [from, to] with the smaller number first.");
            if (from < 0 || to > length)
                throw line.Error($"the mask [{from}, {to}] does not lie in the {field}, which has {length} code points (0 to {length}).");
            if (from < to) ranges.Add((from, to));
        }
        return ranges;
    }

    private static bool? Flag(JsonLine line, string field)
    {
        if (!line.Element.TryGetProperty(field, out var value) || value.ValueKind == JsonValueKind.Null) return null;
        return value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw line.Error($"\"{field}\" should be true or false."),
        };
    }
}
