using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using NativeSteer.Files;

namespace NativeSteer.Reports;

/// <summary>A column of a figure's numbers.</summary>
/// <param name="Field">Its name in CSV files and charts.</param>
/// <param name="Unit">What its numbers count, for the CSV's header; empty for names.</param>
public sealed record FigureColumn(string Field, string Unit = "");

/// <summary>
/// The numbers of a figure. Its chart, its table for people and its CSV file are all written from these rows, so that they
/// cannot differ.
/// </summary>
/// <param name="name">The name of the CSV file, without its ending.</param>
/// <param name="columns">The columns, in the CSV's order.</param>
public sealed class FigureTable(string name, params IReadOnlyList<FigureColumn> columns)
{
    private const int ChartDigits = 6; // of a number in a chart; CSV files have all

    private readonly List<IReadOnlyList<object?>> _rows = [];

    /// <summary>The name of the CSV file, without its ending.</summary>
    public string Name { get; } = name;

    /// <summary>The columns.</summary>
    public IReadOnlyList<FigureColumn> Columns { get; } = columns;

    /// <summary>The rows: text, whole numbers, numbers, truth values or null, one for each column.</summary>
    public IReadOnlyList<IReadOnlyList<object?>> Rows => _rows;

    /// <summary>Adds a row.</summary>
    /// <param name="cells">One for each column. NaN and infinity are numbers that are not there.</param>
    public void Add(params IReadOnlyList<object?> cells)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentOutOfRangeException.ThrowIfNotEqual(cells.Count, Columns.Count);
        _rows.Add(cells);
    }

    /// <summary>The value of a field in a row; null where there is none.</summary>
    public object? Get(IReadOnlyList<object?> row, string field)
    {
        ArgumentNullException.ThrowIfNull(row);
        for (var i = 0; i < Columns.Count; i++)
        {
            if (Columns[i].Field == field) return row[i] is double number && !double.IsFinite(number) ? null : row[i];
        }
        throw new ArgumentException($"The figure '{Name}' has no column '{field}'.", nameof(field));
    }

    /// <summary>Writes the rows as CSV (RFC 4180, UTF-8, decimal points), whole or not at all.</summary>
    /// <exception cref="NativeSteerException">The file cannot be written.</exception>
    public void WriteCsv(string path)
    {
        var text = new StringBuilder();
        Line(Columns.Select(column => column.Unit.Length == 0 ? column.Field : $"{column.Field} ({column.Unit})"));
        foreach (var row in _rows) Line(row.Select(Text));
        AtomicFile.WriteAllText(path, text.ToString());

        void Line(IEnumerable<string> cells) => text.AppendJoin(',', cells.Select(Quoted)).Append("\r\n");
    }

    /// <summary>The rows as objects for a chart, with the given fields.</summary>
    public JsonArray ToJson(params IReadOnlyList<string> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        var result = new JsonArray();
        foreach (var row in _rows)
        {
            var item = new JsonObject();
            foreach (var field in fields) item[field] = Json(Get(row, field));
            result.Add((JsonNode)item);
        }
        return result;
    }

    private static JsonValue? Json(object? value) => value switch
    {
        null => null,
        double number => JsonValue.Create(double.Parse(number.ToString($"g{ChartDigits}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)),
        int number => JsonValue.Create(number),
        bool truth => JsonValue.Create(truth),
        _ => JsonValue.Create(value.ToString()),
    };

    private static string Text(object? value) => value switch
    {
        null => "",
        double number => double.IsFinite(number) ? number.ToString("r", CultureInfo.InvariantCulture) : "",
        bool truth => truth ? "true" : "false",
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private static string Quoted(string cell) =>
        cell.AsSpan().ContainsAny(",\"\r\n") ? $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : cell;
}
