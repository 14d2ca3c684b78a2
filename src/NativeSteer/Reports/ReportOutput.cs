using NativeSteer.Files;

namespace NativeSteer.Reports;

/// <summary>The files of a report.</summary>
public static class ReportOutput
{
    /// <summary>The folder of CSV files beside the report.</summary>
    public const string FigureFolder = "figures";

    /// <summary>Writes the page and, into the folder <c>figures</c> beside it, a CSV file for every table of its figures.</summary>
    /// <exception cref="NativeSteerException">A file cannot be written.</exception>
    internal static void Write(string path, PageText page, IReadOnlyList<ReportFigure> figures)
    {
        AtomicFile.WriteAllText(path, new ReportPage(page, figures).Write());
        var folder = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, FigureFolder);
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Writing(folder, error);
        }
        foreach (var table in figures.SelectMany(figure => figure.Tables)) table.WriteCsv(Path.Combine(folder, $"{table.Name}.csv"));
    }
}
