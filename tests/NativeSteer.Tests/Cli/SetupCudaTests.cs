using System.Diagnostics;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Cli;

/// <summary>What <c>scripts/setup-cuda.sh --check</c> says of machines, with a made-up nvidia-smi and made-up libraries.</summary>
public sealed class SetupCudaTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", "", 1, "no NVIDIA driver runs here")]
    [InlineData("470.57.02", "", 1, "the NVIDIA driver is 470.57.02, 525 or newer is needed")]
    [InlineData("580.159.04", "", 1, "its libcuda.so.1 is not found")]
    [InlineData("580.159.04", "libcuda.so.1 libcudart.so.13", 1, "CUDA 13: missing libcublas.so.13, libcublasLt.so.13. Get them from NVIDIA's repository (apt-get install cuda-cudart-13-0 libcublas-13-0)")]
    [InlineData("550.54.14", "libcuda.so.1 libcudart.so.13 libcublas.so.13", 1, "CUDA 12: missing libcudart.so.12, libcublas.so.12, libcublasLt.so.12")]
    [InlineData("580.159.04", "libcuda.so.1 libcudart.so.13 libcublas.so.13 libcublasLt.so.13", 0, "driver 580.159.04, CUDA 13: libcuda, libcudart and libcublas are there")]
    [InlineData("550.54.14", "libcuda.so.1 libcudart.so.12 libcublas.so.12 libcublasLt.so.12", 0, "driver 550.54.14, CUDA 12")]
    public void It_names_what_is_missing(string driver, string libraries, int code, string said)
    {
        if (HasGpu) return; // this machine's own driver would be found
        var programs = Directory.CreateDirectory(_folder["bin"]).FullName;
        if (driver.Length > 0)
        {
            File.WriteAllText(Path.Combine(programs, "nvidia-smi"), $"#!/bin/sh\necho {driver}\n");
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(Path.Combine(programs, "nvidia-smi"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }
        var lib = Directory.CreateDirectory(_folder["lib"]).FullName;
        foreach (var name in libraries.Split(' ', StringSplitOptions.RemoveEmptyEntries)) File.WriteAllText(Path.Combine(lib, name), "");
        var start = new ProcessStartInfo("bash", [Path.Combine(SharedFolder.Root, "scripts", "setup-cuda.sh"), "--check"]) 
        {
            UseShellExecute = false,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["PATH"] = $"{programs}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["LD_LIBRARY_PATH"] = lib;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(code, process.ExitCode);
        Assert.Contains(said, Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    private static bool HasGpu => File.Exists("/proc/driver/nvidia/version");
}
