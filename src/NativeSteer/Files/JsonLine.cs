using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace NativeSteer.Files;

/// <summary>One object of a JSONL file, with fetchers whose errors name the file, the line and the field.</summary>
public sealed class JsonLine
{
    private readonly string _path;
    private readonly string _prefix; // of field names in messages: "settings." within the line's object of that name

    private JsonLine(string path, int number, JsonElement element, string prefix = "")
    {
        _path = path;
        Number = number;
        Element = element;
        _prefix = prefix;
    }

    /// <summary>The 1-based line number in the file.</summary>
    public int Number { get; }

    /// <summary>The line's object; its kind is always <see cref="JsonValueKind.Object"/>.</summary>
    public JsonElement Element { get; }

    /// <summary>An error about this line, as <c>file:line: problem</c>, for checks that only the caller can make.</summary>
    public NativeSteerException Error(string problem) => Error(_path, Number, problem);

    /// <summary>The text of a field that must be there. Unpaired surrogates and broken UTF-8 become U+FFFD.</summary>
    /// <exception cref="NativeSteerException">The field is missing or not a string.</exception>
    public string RequiredString(string field) => OptionalString(field) ?? throw Missing(field, "a string");

    /// <summary>The text of a field, or null where it is absent or JSON null.</summary>
    /// <exception cref="NativeSteerException">The field is there and not a string.</exception>
    public string? OptionalString(string field)
    {
        if (Find(field) is not { } value) return null;
        if (value.ValueKind != JsonValueKind.String) throw Wrong(field, "a string", value);
        return Text(value);
    }

    /// <summary>A name in a field: its text, or a number as it is written; null where it is absent or JSON null.</summary>
    /// <exception cref="NativeSteerException">The field is there and neither.</exception>
    public string? OptionalName(string field) =>
        Find(field) is { ValueKind: JsonValueKind.Number } number ? number.GetRawText() : OptionalString(field);

    /// <summary>The number in a field that must be there; finite.</summary>
    /// <exception cref="NativeSteerException">The field is missing, not a number, or not representable.</exception>
    public double RequiredNumber(string field) => OptionalNumber(field) ?? throw Missing(field, "a number");

    /// <summary>The number in a field, or null where it is absent or JSON null.</summary>
    /// <exception cref="NativeSteerException">The field is there and not a number, or too large for a double.</exception>
    public double? OptionalNumber(string field)
    {
        if (Find(field) is not { } value) return null;
        if (value.ValueKind != JsonValueKind.Number) throw Wrong(field, "a number", value);
        if (!value.TryGetDouble(out var number) || !double.IsFinite(number)) throw Error($"\"{Shown(field)}\" is too large a number.");
        return number;
    }

    /// <summary>The whole number in a field that must be there.</summary>
    /// <exception cref="NativeSteerException">The field is missing or not a whole number of 64 bits.</exception>
    public long RequiredInteger(string field) => OptionalInteger(field) ?? throw Missing(field, "a whole number");

    /// <summary>The whole number in a field, or null where it is absent or JSON null.</summary>
    /// <exception cref="NativeSteerException">The field is there and not a whole number of 64 bits.</exception>
    public long? OptionalInteger(string field)
    {
        if (Find(field) is not { } value) return null;
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out var number)) throw Wrong(field, "a whole number", value);
        return number;
    }

    /// <summary>The whole numbers in a field that must be there.</summary>
    /// <exception cref="NativeSteerException">The field is missing or not an array of whole numbers of 32 bits.</exception>
    public int[] RequiredIntegers(string field) => OptionalIntegers(field) ?? throw Missing(field, "an array of whole numbers");

    /// <summary>The whole numbers in a field, or null where it is absent or JSON null.</summary>
    /// <exception cref="NativeSteerException">The field is there and not an array of whole numbers of 32 bits.</exception>
    public int[]? OptionalIntegers(string field)
    {
        const string expected = "an array of whole numbers";
        if (Find(field) is not { } value) return null;
        if (value.ValueKind != JsonValueKind.Array) throw Wrong(field, expected, value);
        var numbers = new int[value.GetArrayLength()];
        var i = 0;
        foreach (var item in value.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out numbers[i]))
                throw Wrong($"{field}[{i}]", "a whole number", item);
            i++;
        }
        return numbers;
    }

    /// <summary>The object in a field that must be there, with the same fetchers.</summary>
    /// <exception cref="NativeSteerException">The field is missing or not an object.</exception>
    public JsonLine RequiredObject(string field) => OptionalObject(field) ?? throw Missing(field, "an object");

    /// <summary>The object in a field, or null where it is absent or JSON null.</summary>
    /// <exception cref="NativeSteerException">The field is there and not an object.</exception>
    public JsonLine? OptionalObject(string field)
    {
        if (Find(field) is not { } value) return null;
        return value.ValueKind == JsonValueKind.Object ? Inner(value, $"{field}.") : throw Wrong(field, "an object", value);
    }

    /// <summary>The objects in a field that must be there.</summary>
    /// <exception cref="NativeSteerException">The field is missing or not an array of objects.</exception>
    public IReadOnlyList<JsonLine> RequiredObjects(string field) => Items(field, "objects", (item, place) =>
        item.ValueKind == JsonValueKind.Object ? Inner(item, $"{place}.") : throw Wrong(place, "an object", item));

    /// <summary>The texts in a field that must be there.</summary>
    /// <exception cref="NativeSteerException">The field is missing or not an array of strings.</exception>
    public IReadOnlyList<string> RequiredStrings(string field) => Items(field, "strings", (item, place) =>
        item.ValueKind == JsonValueKind.String ? Text(item) : throw Wrong(place, "a string", item));

    /// <summary>The numbers in a field that must be there; NaN for JSON null.</summary>
    /// <exception cref="NativeSteerException">The field is missing or not an array of numbers.</exception>
    public IReadOnlyList<double> RequiredNumbers(string field) => Items(field, "numbers", (item, place) =>
        item.ValueKind == JsonValueKind.Null ? double.NaN
        : item.ValueKind == JsonValueKind.Number && item.TryGetDouble(out var number) ? number
        : throw Wrong(place, "a number", item));

    // A prefix of an object is never itself an object, so parsing tells a cut line from one that only lacks its end.
    internal static bool IsWhole(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            return JsonElement.Parse(utf8.Span).ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    internal static JsonLine Parse(string path, int number, ReadOnlyMemory<byte> utf8)
    {
        JsonElement element;
        try
        {
            element = JsonElement.Parse(utf8.Span);
        }
        catch (JsonException error)
        {
            var at = error.BytePositionInLine is { } position ? $" at byte {position + 1}" : "";
            throw new NativeSteerException(
                Error(path, number, $"not valid JSON{at}; each line must be one whole JSON object.").Message, error);
        }
        if (element.ValueKind != JsonValueKind.Object)
            throw Error(path, number, $"expected a JSON object, found {Kind(element)}; each line must be one object.");
        return new JsonLine(path, number, element);
    }

    private static NativeSteerException Error(string path, int number, string problem) =>
        new($"{FileErrors.Shown(path)}:{number}: {problem}");

    private JsonLine Inner(JsonElement element, string prefix) => new(_path, Number, element, _prefix + prefix);

    private List<T> Items<T>(string field, string expected, Func<JsonElement, string, T> read)
    {
        var value = Find(field) ?? throw Missing(field, $"an array of {expected}");
        if (value.ValueKind != JsonValueKind.Array) throw Wrong(field, $"an array of {expected}", value);
        return [.. value.EnumerateArray().Select((item, i) => read(item, $"{field}[{i}]"))];
    }

    private JsonElement? Find(string field)
    {
        try
        {
            return Element.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
        }
        catch (InvalidOperationException)
        {
            throw Error("a field's name holds an unpaired surrogate; write the names in plain text.");
        }
    }

    // GetString refuses what Python's json module writes for half a UTF-16 pair; a prompt with one bad character is still a prompt.
    private static string Text(JsonElement value)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return Lenient(JsonMarshal.GetRawUtf8Value(value)[1..^1]);
        }
    }

    // The parser has accepted the escapes, so every backslash is followed by a whole valid one.
    private static string Lenient(ReadOnlySpan<byte> utf8)
    {
        var raw = Encoding.UTF8.GetString(utf8); // replaces broken UTF-8 by U+FFFD
        var text = new StringBuilder(raw.Length);
        for (var i = 0; i < raw.Length; i++)
        {
            if (raw[i] != '\\')
            {
                text.Append(raw[i]);
                continue;
            }
            i++;
            if (raw[i] == 'u')
            {
                text.Append((char)Convert.ToUInt16(raw.Substring(i + 1, 4), 16));
                i += 4;
            }
            else
            {
                text.Append(raw[i] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', 'b' => '\b', 'f' => '\f', var same => same });
            }
        }
        // Through UTF-8 once more: that is where the unpaired surrogates become U+FFFD.
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.ToString()));
    }

    private NativeSteerException Missing(string field, string expected) =>
        Error($"the field \"{Shown(field)}\" is missing; it should be {expected}.");

    private NativeSteerException Wrong(string field, string expected, JsonElement found) =>
        Error($"\"{Shown(field)}\" should be {expected}, but is {Kind(found)}.");

    private string Shown(string field) => FileErrors.Printable(_prefix + field);

    private static string Kind(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => $"the number {FileErrors.Printable(element.GetRawText(), 24)}",
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => "null",
    };
}
