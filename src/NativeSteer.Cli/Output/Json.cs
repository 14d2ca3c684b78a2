using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace NativeSteer.Cli.Output;

/// <summary>Results for programs: written value by value, without reflection.</summary>
internal static class Json
{
    /// <summary>Prints one value.</summary>
    /// <param name="terminal">Where.</param>
    /// <param name="write">Writes the value.</param>
    /// <param name="indented">Over several lines, or as one line.</param>
    internal static void Print(Terminal terminal, Action<Utf8JsonWriter> write, bool indented = true)
    {
        var bytes = new ArrayBufferWriter<byte>();
        var options = new JsonWriterOptions { Indented = indented, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NewLine = "\n" };
        using (var json = new Utf8JsonWriter(bytes, options)) write(json);
        terminal.Out.WriteLine(Encoding.UTF8.GetString(bytes.WrittenSpan));
    }

    /// <summary>Prints one object.</summary>
    internal static void PrintObject(Terminal terminal, Action<Utf8JsonWriter> fields) => Print(terminal, json => json.Object(fields));

    /// <summary>Writes an object whose fields the action writes.</summary>
    internal static void Object(this Utf8JsonWriter json, Action<Utf8JsonWriter> fields)
    {
        json.WriteStartObject();
        fields(json);
        json.WriteEndObject();
    }

    /// <summary>Writes a field with an array of objects.</summary>
    internal static void Objects<T>(this Utf8JsonWriter json, string name, IEnumerable<T> items, Action<Utf8JsonWriter, T> fields)
    {
        json.WriteStartArray(name);
        foreach (var item in items) json.Object(inner => fields(inner, item));
        json.WriteEndArray();
    }

    /// <summary>Writes a number; null for what JSON has no number for, and where there is none.</summary>
    internal static void Number(this Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number)) json.WriteNumber(name, number);
        else json.WriteNull(name);
    }

    /// <summary>Writes a single-precision number with as many digits as it has.</summary>
    internal static void Number(this Utf8JsonWriter json, string name, float value)
    {
        if (float.IsFinite(value)) json.WriteNumber(name, value);
        else json.WriteNull(name);
    }

    /// <summary>Writes a whole number, or null.</summary>
    internal static void Number(this Utf8JsonWriter json, string name, long? value)
    {
        if (value is { } number) json.WriteNumber(name, number);
        else json.WriteNull(name);
    }
}
