namespace NativeSteer.Cli.Output;

/// <summary>A table as Markdown, aligned so that it also reads well as it is.</summary>
internal static class MarkdownTable
{
    internal static void Print(Terminal terminal, string[] headings, IEnumerable<string[]> rows)
    {
        string[][] lines = [headings, .. rows];
        var widths = headings.Select((_, i) => lines.Max(line => line[i].Length)).ToArray();
        Line(lines[0]);
        terminal.Out.WriteLine("|" + string.Concat(widths.Select(width => new string('-', width + 1) + ":|")));
        foreach (var line in lines.Skip(1)) Line(line);

        void Line(string[] cells) => terminal.Out.WriteLine("| " + string.Join(" | ", cells.Select((cell, i) => cell.PadLeft(widths[i]))) + " |");
    }
}
