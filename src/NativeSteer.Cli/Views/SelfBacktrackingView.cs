using NativeSteer.Cli.Output;
using NativeSteer.Search;
using NativeSteer.Studies;

namespace NativeSteer.Cli.Views;

/// <summary>The rows of a study of self-backtracking, and what they show in sentences.</summary>
internal static class SelfBacktrackingView
{
    internal static void Print(Terminal terminal, SelfBacktrackingLog log)
    {
        var table = new Table("answered by", "targets", Column.OfNumbers("solved"), Column.OfNumbers("95 %"), Column.OfNumbers("tokens"), Column.OfNumbers("seconds"), Column.OfNumbers("false claims"));
        foreach (var row in log.Rows)
        {
            table.Add(
                row.Name, row.IsNew ? "new" : "seen", Text.Percent(row.Accuracy.Value), $"{Text.Percent(row.Accuracy.Low)} - {Text.Percent(row.Accuracy.High)}",
                row.Method == SearchMethod.Dfs ? "-" : Text.Number((double)row.Tokens / row.Puzzles), row.Seconds is { } seconds ? Text.Number(seconds) : "-", row.FalseClaims?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "-");
        }
        table.Print(terminal);
        terminal.Out.WriteLine();
        foreach (var sentence in SelfBacktrackingSummary.Of(log)) terminal.Out.WriteLine(sentence);
    }
}
