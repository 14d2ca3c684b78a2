using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Cli.Views;

namespace NativeSteer.Cli.Commands;

/// <summary>What the verbs that measure do alike: show how far they are, and print what was measured, after Ctrl-C as well.</summary>
/// <param name="path">What is typed after the program's name.</param>
/// <param name="purpose">One line.</param>
internal abstract class BenchmarkVerb(string path, string purpose) : Verb(path, purpose)
{
    private readonly ChoiceSetting _format = new("How results are printed", ["md", "csv", "json", "jsonl"], "--output", "-o");
    private readonly Flag _json = CommonSettings.Json();

    protected Setting[] Printing => [_format, _json];

    /// <summary>Measures and prints.</summary>
    /// <typeparam name="TRow">What is measured at a time.</typeparam>
    /// <param name="parse">The command line.</param>
    /// <param name="terminal">Where to print.</param>
    /// <param name="view">How a row is printed.</param>
    /// <param name="measure">Gives the rows one after the other; is told where to say how many of how many steps are done, and what comes.</param>
    protected int Measure<TRow>(
        ParseResult parse, Terminal terminal, BenchmarkView<TRow> view, Func<Action<int, int, string>, IEnumerable<TRow>> measure)
    {
        var format = _json.IsGiven(parse) ? "json" : _format.Get(parse);
        var rows = new List<TRow>();
        try
        {
            Progress.Run(terminal, "Measuring", report =>
            {
                foreach (var row in measure((done, of, what) => report.Report((double)done / of, what)))
                {
                    rows.Add(row);
                    if (format is "jsonl") view.PrintLine(row);
                }
                return rows;
            });
        }
        catch (OperationCanceledException)
        {
            view.Print(rows, format); // what was finished before Ctrl-C
            throw;
        }
        view.Print(rows, format);
        return ExitCode.Done;
    }
}
