using System.Diagnostics;
using NativeSteer.Cuda;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Cuda;

/// <summary>The kernels themselves on the CPU (tests/kernels), their mistakes found, and the PTX in the repository.</summary>
public sealed class KernelProgramTests
{
    [Theory]
    [InlineData("check")]
    [InlineData("check-plain")] // the native reductions of processors without AVX
    [InlineData("check-address", "few")]
    [InlineData("check-threads", "few")]
    public void Kernels_have_the_bits_of_the_native_code(string program, params string[] arguments)
    {
        var (code, output) = Run(Path.Combine(StandIn.Folder, program), arguments);
        Assert.True(code == 0 && output.Contains("checks passed, 0 failed", StringComparison.Ordinal), output);
    }

    [Theory]
    [InlineData("mistakes", 0, "__syncthreads is not reached by all threads")]
    [InlineData("mistakes", 1, "a shuffle is not reached by the whole warp")]
    [InlineData("mistakes-threads", 2, "data race")]
    [InlineData("mistakes-address", 3, "heap-buffer-overflow")]
    [InlineData("mistakes", 4, "NaN")]
    public void Mistakes_in_kernels_are_found(string program, int mistake, string what)
    {
        var (code, output) = Run(Path.Combine(StandIn.Folder, program), $"{mistake}");
        Assert.NotEqual(0, code);
        Assert.Contains(what, output, StringComparison.Ordinal);
    }

    [ClangFact]
    public void The_PTX_in_the_repository_is_what_its_source_compiles_to()
    {
        using var folder = new TestFolder();
        var fresh = folder["kernels.ptx"];
        var (code, output) = Run("bash", Path.Combine(SharedFolder.Root, "scripts", "build-kernels.sh"), fresh);
        Assert.True(code == 0, output);
        Assert.True(
            File.ReadAllBytes(fresh).AsSpan().SequenceEqual(Kernels.Ptx()), "kernels.ptx is not what kernels/*.cu compile to; run scripts/build-kernels.sh");
    }

    private static (int Code, string Output) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + error.Result);
    }
}

/// <summary>A test that needs the compiler that kernels.ptx is made with.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ClangFactAttribute : FactAttribute
{
    public ClangFactAttribute()
    {
        var found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "clang-14")));
        if (!found) Skip = "needs clang-14 (apt-get install -y --no-install-recommends clang-14)";
    }
}
