using System.Diagnostics;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Cli;

/// <summary>The program as a process: its exit code, its streams, its signals.</summary>
public sealed class ProcessTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, "--help")]
    [InlineData(1, "info", "none.gguf")]
    [InlineData(2, "info", "--none")]
    public async Task The_exit_code_says_how_it_went(int code, params string[] args)
    {
        using var process = CliRun.Start(args);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(code, process.ExitCode);
        Assert.Equal(code == 0, (await output).Length > 0);
        Assert.Equal(code == 0 ? 0 : 1, error.Count(c => c == '\n'));
    }

    [Fact]
    public async Task The_doctor_says_what_fails()
    {
        using var process = CliRun.Start(("NATIVESTEER_LIBRARY_DIR", _folder.Path), "doctor");
        var output = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(1, process.ExitCode);
        Assert.Contains("native libraries load", error, StringComparison.Ordinal);
        Assert.Contains("FAIL", await output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_C_keeps_the_finished_rollouts()
    {
        var log = _folder["run.jsonl"];
        using var process = CliRun.Start("generate", "-m", TinyModel.Path, "-n", "50", "--samples", "100000", "-o", log);
        var clock = Stopwatch.StartNew();
        while ((!File.Exists(log) || new FileInfo(log).Length < 4000) && clock.Elapsed < s_patience) await Task.Delay(20);
        using (var kill = Process.Start("kill", ["-INT", $"{process.Id}"])) await kill.WaitForExitAsync();
        await process.WaitForExitAsync().WaitAsync(s_patience);
        Assert.Equal(130, process.ExitCode);
        var text = await File.ReadAllTextAsync(log);
        Assert.EndsWith("}\n", text, StringComparison.Ordinal);
        Assert.True(text.Split('\n').Length > 3);
    }

    [Fact]
    public async Task Ctrl_C_ends_a_benchmark_and_keeps_its_finished_rows()
    {
        using var process = CliRun.Start(
            ("TMPDIR", _folder.Path),
            "bench", "train", "--shape", "48,64,2,2,2,96,16,2", "--shape", "2048,256,4,4,4,512,128,16", "--modes", "full-f32", "-t", "1", "-r", "3", "-o", "jsonl");
        var first = await process.StandardOutput.ReadLineAsync().WaitAsync(s_patience);
        using (var kill = Process.Start("kill", ["-INT", $"{process.Id}"])) await kill.WaitForExitAsync();
        var others = await process.StandardOutput.ReadToEndAsync().WaitAsync(s_patience);
        await process.WaitForExitAsync().WaitAsync(s_patience);
        Assert.Equal(130, process.ExitCode);
        Assert.Contains("\"shape\":\"48,64,", first, StringComparison.Ordinal);
        Assert.Empty(others);
        Assert.Empty(Directory.GetDirectories(_folder.Path, "nativesteer-bench-*")); // the models are gone
    }

    [Fact]
    public async Task A_reader_that_leaves_ends_the_work_quietly()
    {
        using var process = CliRun.Start("generate", "-m", TinyModel.Path, "-n", "50", "--samples", "100000");
        await process.StandardOutput.ReadLineAsync();
        process.StandardOutput.Close();
        var error = await process.StandardError.ReadToEndAsync().WaitAsync(s_patience);
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        Assert.Empty(error);
    }
}
