using System.CommandLine;
using NativeSteer.Cli.Commands.Study;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Cli.Views;
using NativeSteer.Reports;
using NativeSteer.Studies;

namespace NativeSteer.Cli.Commands;

/// <summary><c>report</c></summary>
internal sealed class ReportCommand : Verb
{
    private const string DefaultName = "report.html", LogName = "run.jsonl";

    private readonly Argument<string[]> _logs = Positional.Many("RUN", "Run logs (run.jsonl), or folders with one; several: the shards of one run", required: true);
    private readonly TextSetting _output = CommonSettings.Output("Write the report here (default: report.html beside the first log)");

    internal ReportCommand() : base("report", "Draw the report of a study from its run logs")
    {
        Details = """
            Reads what a study logged, also while it runs, and writes one HTML file that works without network, with
            a folder 'figures' beside it that holds the numbers of every figure as CSV. Prints the answer in three lines.
            Of the logs of 'sweep', also of all its parts, it prints the table.
            """;
        Add(_logs);
        AddGroup("Output", _output);
        AddExample("report backtracking-study", "backtracking-study/report.html from backtracking-study/run.jsonl");
        AddExample("report part1 part2 -o report.html", "the shards of one run as one report");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var logs = Positional.Values(_logs, parse).Select(path => Directory.Exists(path) ? System.IO.Path.Combine(path, LogName) : path).ToList();
        if (VectorSweep.IsLog(logs[0])) return PrintSweep(parse, logs, terminal);
        var output = _output.Get(parse) ?? System.IO.Path.Combine(System.IO.Path.GetDirectoryName(logs[0]) ?? "", DefaultName);
        if (logs.Any(log => string.Equals(System.IO.Path.GetFullPath(log), System.IO.Path.GetFullPath(output), StringComparison.Ordinal)))
            throw new UsageException($"the output {output} is one of the run logs; give another file with -o.");
        stop.ThrowIfCancellationRequested();
        if (QuantizationResults.IsLog(logs[0])) OfQuantization(logs, output, terminal);
        else if (BiasResults.IsLog(logs[0])) OfBias(logs, output, terminal);
        else if (SelfBacktrackingLog.IsLog(logs[0])) OfSelfBacktracking(logs, output, terminal);
        else OfBacktracking(logs, output, terminal);
        terminal.Note($"wrote {output} and {System.IO.Path.Combine(System.IO.Path.GetDirectoryName(output) ?? "", ReportOutput.FigureFolder)}");
        return ExitCode.Done;
    }

    private static void OfQuantization(List<string> logs, string output, Terminal terminal)
    {
        if (logs.Count > 1) throw new UsageException("a quantisation study has one log; give that alone.");
        QuantizationCommand.Report(logs[0], output, terminal);
    }

    private static void OfBias(List<string> logs, string output, Terminal terminal)
    {
        if (logs.Count > 1) throw new UsageException("a bias study has one log; give that alone.");
        BiasStudyCommand.Report(logs[0], output, terminal);
    }

    private static void OfSelfBacktracking(List<string> logs, string output, Terminal terminal)
    {
        if (logs.Count > 1) throw new UsageException("a study of self-backtracking has one log; give that alone.");
        SelfBacktrackingCommand.Report(SelfBacktrackingLog.Read(logs[0]), output, terminal);
    }

    private static void OfBacktracking(List<string> logs, string output, Terminal terminal)
    {
        var results = BacktrackingResults.Of(BacktrackingLog.Read(logs));
        BacktrackingReport.Write(results, output);
        foreach (var sentence in BacktrackingSummary.Of(results).Sentences) terminal.Out.WriteLine(sentence);
        if (StudyCaveats.Of(results) is { Count: > 0 } caveats) terminal.Note($"the report opens with what to know before trusting a number ({caveats.Count} notes)");
    }

    /// <summary>A sweep's report is its table, over all parts.</summary>
    private int PrintSweep(ParseResult parse, IReadOnlyList<string> logs, Terminal terminal)
    {
        if (_output.IsGiven(parse)) throw new UsageException("a sweep has no HTML report, only its table: leave -o away.");
        new SweepView(VectorSweep.Read(logs)).Print(terminal);
        return ExitCode.Done;
    }
}
