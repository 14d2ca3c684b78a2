using System.Text;
using System.Text.Json;
using NativeSteer.Extraction;
using NativeSteer.Files;

namespace NativeSteer.Judges;

/// <summary>Traces to be judged, from the files that other programs leave, and annotations that exist already.</summary>
public static class TraceFiles
{
    private static readonly string[] s_text = ["text", "completion", "reasoning_chain", "thinking_process", "full_response"];
    private static readonly string[] s_prompt = ["prompt", "problem", "question"];
    private static readonly string[] s_id = ["id", "task_id", "question_id"];
    private static readonly string[] s_annotation = ["annotation", "annotated", "annotated_chain", "annotated_response"];

    /// <summary>
    /// Reads traces: logs of rollouts (lines of another <c>"type"</c> are passed over), what <c>countdown generate</c> writes, the papers' records
    /// <c>{"task_id", "problem", "reasoning_chain"}</c>, or any lines with a <c>"text"</c>. JSONL, or one JSON array of objects. Spans that a
    /// line may have are not read. A trace without id is called by its line.
    /// </summary>
    /// <exception cref="NativeSteerException">The file cannot be read, holds no trace, or a line is malformed or repeats an id.</exception>
    public static IReadOnlyList<LabelledTrace> Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return [.. Lines(path).Select(line => Trace(line, path, First(line, s_text) ?? line.RequiredString(s_text[0])))];
    }

    /// <summary>
    /// Reads traces that carry an annotation in the bracketed form (<c>"annotation"</c> or <c>"annotated"</c>), as spans of the trace's text; where
    /// the text itself is not there, the segments joined by spaces are it, as in the papers' own code.
    /// </summary>
    /// <inheritdoc cref="Read" path="/exception"/>
    public static IReadOnlyList<Annotation> ReadAnnotations(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return [.. Lines(path).Select(line =>
        {
            var bracketed = BracketedAnnotation.Parse(First(line, s_annotation) ?? line.RequiredString(s_annotation[0]));
            var text = First(line, s_text) ?? string.Join(' ', bracketed.Segments.Select(segment => segment.Text));
            return Annotation.OfBracketed(Trace(line, path, text), bracketed);
        })];
    }

    private static LabelledTrace Trace(JsonLine line, string path, string text) => new(text, [])
    {
        Id = Name(line),
        Prompt = First(line, s_prompt) ?? "",
        // A text that was cut at a stop string is shorter than what its tokens spell.
        Tokens = line.OptionalString("finish") is "stop" ? null : line.OptionalIntegers("tokens"),
        Place = $"{FileErrors.Shown(path)}:{line.Number}",
    };

    private static IEnumerable<JsonLine> Lines(string path)
    {
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var line in IsArray(path) ? Items(path) : JsonLines.Read(path))
        {
            if (line.OptionalString("type") is not (null or "rollout")) continue;
            var id = Name(line);
            if (!ids.Add(id)) throw line.Error($"the id \"{FileErrors.Printable(id)}\" was used before; give each trace its own.");
            yield return line;
        }
        if (ids.Count == 0)
            throw new NativeSteerException($"{FileErrors.Shown(path)} holds no traces; give a log of rollouts, or lines with a \"text\".");
    }

    private static string Name(JsonLine line) => s_id.Select(line.OptionalName).FirstOrDefault(name => name is not null) ?? $"{line.Number}";

    private static string? First(JsonLine line, string[] fields) => fields.Select(line.OptionalString).FirstOrDefault(text => text is not null);

    private static bool IsArray(string path)
    {
        try
        {
            using var reader = new StreamReader(path);
            int first;
            do first = reader.Read();
            while (first >= 0 && char.IsWhiteSpace((char)first));
            return first == '[';
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Reading(path, error);
        }
    }

    private static IEnumerable<JsonLine> Items(string path)
    {
        JsonElement array;
        try
        {
            array = JsonElement.Parse(File.ReadAllBytes(path).AsSpan().TrimStart("\uFEFF"u8));
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Reading(path, error);
        }
        catch (JsonException error)
        {
            throw new NativeSteerException(
                $"{FileErrors.Shown(path)}:{error.LineNumber + 1}: not valid JSON; give JSONL, or one whole array of objects.", error);
        }
        var number = 0;
        foreach (var item in array.EnumerateArray()) yield return JsonLine.Parse(path, ++number, Encoding.UTF8.GetBytes(item.GetRawText()));
    }
}
