using System.CommandLine;
using NativeSteer.Cli.Commands.Study;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
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
            Reads what 'study backtracking' or 'study self-backtracking' logged, also while it runs, and writes one HTML file that
            works without network, with a folder 'figures' beside it that holds the numbers of every figure as CSV. Prints the
            answer in a few lines.
            """;
        Add(_logs);
        AddGroup("Output", _output);
        AddExample("report backtracking-study", "backtracking-study/report.html from backtracking-study/run.jsonl");
        AddExample("report shard0/run.jsonl shard1/run.jsonl -o report.html", "the shards of one run as one report");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var logs = Positional.Values(_logs, parse).Select(path => Directory.Exists(path) ? System.IO.Path.Combine(path, LogName) : path).ToList();
        var output = _output.Get(parse) ?? System.IO.Path.Combine(System.IO.Path.GetDirectoryName(logs[0]) ?? "", DefaultName);
        if (logs.Any(log => string.Equals(System.IO.Path.GetFullPath(log), System.IO.Path.GetFullPath(output), StringComparison.Ordinal)))
            throw new UsageException($"the output {output} is one of the run logs; give another file with -o.");
        if (logs is [var only] && SelfBacktrackingLog.IsOne(only))
        {
            SelfBacktrackingCommand.Report(SelfBacktrackingLog.Read(only), output, terminal);
            return ExitCode.Done;
        }
        var results = BacktrackingResults.Of(BacktrackingLog.Read(logs));
        stop.ThrowIfCancellationRequested();
        BacktrackingReport.Write(results, output);
        foreach (var sentence in BacktrackingSummary.Of(results).Sentences) terminal.Out.WriteLine(sentence);
        if (StudyCaveats.Of(results) is { Count: > 0 } caveats) terminal.Note($"the report opens with what to know before trusting a number ({caveats.Count} notes)");
        terminal.Note($"wrote {output} and {System.IO.Path.Combine(System.IO.Path.GetDirectoryName(output) ?? "", BacktrackingReport.FigureFolder)}");
        return ExitCode.Done;
    }
}
