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
    /// <param name="parse">The command line.</param>
    /// <param name="terminal">Where to print.</param>
    /// <param name="parts">What is measured, one after the other.</param>
    protected int Measure(ParseResult parse, Terminal terminal, params IReadOnlyList<BenchmarkPart> parts)
    {
        var format = _json.IsGiven(parse) ? "json" : _format.Get(parse);
        try
        {
            Progress.Run(terminal, "Measuring", report =>
            {
                for (var i = 0; i < parts.Count; i++)
                {
                    var before = i;
                    parts[i].Run((share, what) => report.Report((before + share) / parts.Count, what), asLines: format is "jsonl");
                }
                return parts;
            });
        }
        finally
        {
            if (parts.Any(part => part.HasRows)) BenchmarkPart.Print(parts, format, terminal); // what was finished, after Ctrl-C and after an error too
        }
        return ExitCode.Done;
    }
}
