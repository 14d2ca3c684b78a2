using System.Diagnostics;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Reports;
using NativeSteer.Studies;

namespace NativeSteer.Cli.Commands.Study;

/// <summary>Runs a study for a person, and says what came out.</summary>
internal static class StudyRun
{
    internal static int Run(
        BacktrackingOptions options, string path, bool resume, IReadOnlyList<string> arguments, Terminal terminal, CancellationToken stop)
    {
        var folder = new StudyFolder(path);
        var clock = Stopwatch.StartNew();
        SweepStatistics statistics;
        try
        {
            statistics = Progress.Run(terminal, "Backtracking study", report =>
            {
                var study = new BacktrackingStudy(options, folder)
                {
                    Resume = resume,
                    Arguments = arguments,
                    Progress = at => report.Report(at.Share, at.Detail),
                    Note = terminal.Note,
                };
                study.Run(stop);
                return study.Statistics;
            });
        }
        catch (OperationCanceledException)
        {
            terminal.Note($"what was finished is in {path}: --resume goes on with it, 'nativesteer report {path}' shows it");
            throw;
        }
        Report(folder, terminal);
        terminal.Note(Counts(statistics, clock.Elapsed));
        return ExitCode.Done;
    }

    internal static string Counts(SweepStatistics counts, TimeSpan time) =>
        $"{counts.Rollouts} completions, {counts.GeneratedTokens} tokens generated; {counts.DecodedTokens} tokens decoded and {counts.ReusedTokens} of prompts reused"
        + (counts.ScoredTokens > 0 ? $", for KL and perplexity {counts.ScoredTokens} decoded and {counts.ReusedScoredTokens} reused" : "")
        + $"; {time.TotalSeconds:0.0} s";

    private static void Report(StudyFolder folder, Terminal terminal)
    {
        var results = BacktrackingResults.Of(BacktrackingLog.Read([folder.Log]));
        BacktrackingReport.Write(results, folder.Report);
        foreach (var sentence in BacktrackingSummary.Of(results).Sentences) terminal.Out.WriteLine(sentence);
        terminal.Out.WriteLine($"The report: {folder.Report}");
        foreach (var caveat in StudyCaveats.Of(results)) terminal.Note(caveat);
    }
}
