using NativeSteer.Studies;

namespace NativeSteer.Reports;

/// <summary>
/// The report of the backtracking study: the figures of Ward, Lin, Venhoff and Nanda (2025) from a run's own numbers, as one HTML
/// file that works without network, and the numbers of every figure as CSV.
/// </summary>
/// <example><code>
/// var results = BacktrackingResults.Of(BacktrackingLog.Read(["backtracking-study/run.jsonl"]));
/// BacktrackingReport.Write(results, "backtracking-study/report.html");
/// </code></example>
public static class BacktrackingReport
{
    /// <summary>Writes the report and, into the folder <c>figures</c> beside it, a CSV file for every figure.</summary>
    /// <param name="results">The numbers.</param>
    /// <param name="path">The HTML file to create or replace.</param>
    /// <exception cref="NativeSteerException">A file cannot be written.</exception>
    public static void Write(BacktrackingResults results, string path)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(path);
        ReportOutput.Write(path, new BacktrackingPage(results).Text(), Figures(results));
    }

    /// <summary>The figures in the report's order.</summary>
    internal static IReadOnlyList<ReportFigure> Figures(BacktrackingResults results)
    {
        var sweeps = new SweepFigures(results);
        var vectors = new VectorFigures(results);
        return
        [
            sweeps.Chosen(), sweeps.Offsets(), sweeps.Layers(), sweeps.Pairs(), sweeps.Baselines(), sweeps.Divergence(), vectors.Cosines(), vectors.Lens(),
            new TraceFigure(results).Create(), new RolloutFigure(results).Create(),
        ];
    }
}
