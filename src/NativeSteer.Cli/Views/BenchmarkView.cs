using System.Globalization;
using System.Text.Json;
using NativeSteer.Cli.Output;

namespace NativeSteer.Cli.Views;

/// <summary>Rows of a benchmark as Markdown, as comma-separated values, or as JSON.</summary>
/// <typeparam name="TRow">What was measured at a time.</typeparam>
/// <param name="terminal">Where to print.</param>
internal abstract class BenchmarkView<TRow>(Terminal terminal)
{
    protected Terminal Terminal { get; } = terminal;

    /// <summary>The columns of comma-separated values.</summary>
    protected abstract IEnumerable<string> Columns { get; }

    /// <summary>Prints the rows as comma-separated values.</summary>
    internal void PrintValues(IReadOnlyList<TRow> rows)
    {
        Terminal.Out.WriteLine(string.Join(',', Columns));
        foreach (var row in rows) Terminal.Out.WriteLine(string.Join(',', Values(row)));
    }

    /// <summary>One row as a line of JSON, as soon as it is known.</summary>
    internal void PrintLine(TRow row)
    {
        Json.Print(Terminal, json => json.Object(inner => Fields(inner, row)), indented: false);
        Terminal.Flush();
    }

    /// <summary>A row's values, as many as <see cref="Columns"/>.</summary>
    protected abstract IEnumerable<string> Values(TRow row);

    /// <summary>The rows as tables, and how they were measured.</summary>
    internal abstract void PrintMarkdown(IReadOnlyList<TRow> rows);

    /// <summary>A row as JSON.</summary>
    internal abstract void Fields(Utf8JsonWriter json, TRow row);

    protected static void Samples(Utf8JsonWriter json, string name, IEnumerable<double> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values) json.WriteNumberValue(Math.Round(value, 6));
        json.WriteEndArray();
    }

    protected static string Fixed(double value, int digits) => value.ToString("F" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
