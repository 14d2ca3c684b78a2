using NativeSteer.Extraction;

namespace NativeSteer.Cli.Output;

/// <summary>Shows how far a capture is, by rows.</summary>
internal sealed class CaptureReport(IProgressReport report) : IProgress<CaptureProgress>
{
    public void Report(CaptureProgress value) =>
        report.Report(
            value.TotalRows > 0 ? Math.Min(1, (double)value.Rows / value.TotalRows) : 0, $"{value.Rows} tokens of {value.TotalRows}");
}
