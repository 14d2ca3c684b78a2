using Spectre.Console;

namespace NativeSteer.Cli.Output;

/// <summary>Tables with Spectre.Console. Apart, so that its assembly is loaded on terminals only.</summary>
internal static class DrawnTable
{
    internal static void Print(Table table, Terminal terminal)
    {
        terminal.Flush();
        var console = Consoles.Create(terminal.Out, terminal, isTerminal: true);
        var drawn = new Spectre.Console.Table { Border = TableBorder.Rounded };
        foreach (var column in table.Columns)
        {
            drawn.AddColumn(new TableColumn(new Spectre.Console.Text(column.Heading, new Style(decoration: Decoration.Bold)))
            {
                Alignment = column.Number ? Justify.Right : Justify.Left,
                NoWrap = column.Number,
            });
        }
        foreach (var row in table.Rows) drawn.AddRow(row.Select(cell => new Spectre.Console.Text(cell)));
        console.Write(drawn);
    }
}
