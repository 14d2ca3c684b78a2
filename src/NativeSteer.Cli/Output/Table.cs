namespace NativeSteer.Cli.Output;

/// <summary>A column's heading, and whether its cells are numbers, which stand at the right.</summary>
internal readonly record struct Column(string Heading, bool Number = false)
{
    public static implicit operator Column(string heading) => new(heading);

    internal static Column OfNumbers(string heading) => new(heading, true);
}

/// <summary>A table for people: drawn on a terminal, aligned text elsewhere.</summary>
internal sealed class Table(params Column[] columns)
{
    private readonly List<string[]> _rows = [];

    internal IReadOnlyList<Column> Columns { get; } = columns;

    internal IReadOnlyList<IReadOnlyList<string>> Rows => _rows;

    internal void Add(params string[] cells)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(cells.Length, Columns.Count);
        _rows.Add(Array.ConvertAll(cells, cell => Text.OneLine(cell)));
    }

    internal void Print(Terminal terminal)
    {
        if (terminal.OutIsTerminal) DrawnTable.Print(this, terminal);
        else PrintPlain(terminal.Out);
    }

    private void PrintPlain(TextWriter output)
    {
        var widths = Columns.Select((column, i) => _rows.Select(row => row[i].Length).Append(column.Heading.Length).Max()).ToArray();
        Line([.. Columns.Select(column => column.Heading)]);
        foreach (var row in _rows) Line(row);

        void Line(string[] cells)
        {
            var padded = cells.Select((cell, i) => Columns[i].Number ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]));
            output.WriteLine(string.Join("  ", padded).TrimEnd());
        }
    }
}
