using NativeSteer.Reports;
using NativeSteer.Studies;
using NativeSteer.Tests.Files;
using Xunit;

namespace NativeSteer.Tests.Reports;

public sealed class BacktrackingReportTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Writes()
    {
        var log = _folder.Write("run.jsonl", new SyntheticStudy { Nasty = " </script><script>alert('x')</script> <b>&amp;\"" }.Text());
        Directory.CreateDirectory("/tmp/rep");
        File.Copy(log, "/tmp/rep/run.jsonl", true);
        BacktrackingReport.Write(BacktrackingResults.Of(BacktrackingLog.Read([log])), "/tmp/rep/report.html");
    }
}
