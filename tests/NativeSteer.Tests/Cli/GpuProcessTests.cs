using System.Text.Json;
using NativeSteer.Tests.Cuda;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Cli;

/// <summary>The program with a stand-in for the CUDA driver, under which llama.cpp's memory on the host passes for a GPU's.</summary>
public sealed class GpuProcessTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_doctor_checks_the_kernels_and_steers_with_them()
    {
        var (code, output, error) = await Run("host=1", "doctor", "-m", TinyModel.Path, "--json");
        Assert.True(code == 0, output + error);
        Assert.Contains("CUDA 12.4; stand-in 0", output, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(output);
        Assert.True(json.RootElement.GetProperty("passed").GetBoolean());
    }

    [Theory]
    [InlineData("driver=8000", 0, "not used: The NVIDIA driver supports CUDA 8.0")] // the CPU does everything
    [InlineData("devices=0", 0, "not used: CUDA cannot start the driver: CUDA_ERROR_NO_DEVICE")]
    [InlineData("refuse_ptx=1", 1, "does not compile the kernels")]
    [InlineData("host=1,fail_kernel=719", 1, "CUDA_ERROR_LAUNCH_FAILED")]
    public async Task The_doctor_says_why_a_GPU_is_not_used(string settings, int expected, string part)
    {
        var (code, output, _) = await Run(settings, "doctor", "-m", TinyModel.Path);
        Assert.Equal(expected, code);
        Assert.Contains(part, output.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_kernels_benchmark_measures_every_kernel_on_every_device_against_a_copy()
    {
        var (code, output, error) = await Run("devices=2", "bench", "kernels", "--rows", "32", "--width", "64", "-r", "2", "--json");
        Assert.True(code == 0, output + error);
        var rows = JsonDocument.Parse(output).RootElement.EnumerateArray().ToList();
        Assert.Equal(2, rows.Select(row => row.GetProperty("device").GetString()).Distinct().Count());
        Assert.Equal(2 * 12, rows.Count);
        foreach (var row in rows)
        {
            Assert.Equal(2, row.GetProperty("samples_us").GetArrayLength());
            Assert.Equal(row.GetProperty("gbps").GetDouble() / row.GetProperty("copy_gbps").GetDouble(), row.GetProperty("share_copy").GetDouble(), 9);
        }
        Assert.All(rows.Where(row => row.GetProperty("kernel").GetString() == "copy"), row => Assert.Equal(1, row.GetProperty("share_copy").GetDouble()));
        Assert.Equal(2 * 32 * 64 * 4, rows[0].GetProperty("bytes").GetInt64()); // read and written
    }

    [Fact]
    public async Task Without_a_driver_there_is_nothing_to_measure()
    {
        var (code, _, error) = await Run("driver=8000", "bench", "kernels");
        Assert.Equal(1, code);
        Assert.Equal("nativesteer: error: The NVIDIA driver supports CUDA 8.0, 9.0 is needed; install driver 384.81 or newer; there is no GPU to measure.", error.TrimEnd());
    }

    [Fact]
    public async Task A_vector_is_the_same_whether_kernels_or_the_host_sum_and_the_reason_is_said_once()
    {
        var kernels = await Extract("host=1", to: "kernels.gguf");
        Assert.DoesNotContain("copied to the host", kernels, StringComparison.Ordinal);
        var host = await Extract("host=1,memory=1000", to: "host.gguf");
        Assert.Single(host.Split('\n'), line => line.Contains("CUDA_ERROR_OUT_OF_MEMORY; rows that are read or steered are copied to the host", StringComparison.Ordinal));
        Assert.Equal(ControlVectorFile.Read(_folder["host.gguf"]), ControlVectorFile.Read(_folder["kernels.gguf"]));
    }

    [Fact]
    public async Task A_kernel_that_fails_ends_the_command_with_one_line()
    {
        var error = await Extract("host=1,fail_kernel=719", to: "v.gguf", expected: 1);
        Assert.Single(error.TrimEnd().Split('\n'), line => line.StartsWith("nativesteer: error: CUDA cannot run a kernel: CUDA_ERROR_LAUNCH_FAILED; ", StringComparison.Ordinal));
        Assert.False(File.Exists(_folder["v.gguf"]));
    }

    private async Task<string> Extract(string settings, string to, int expected = 0)
    {
        var (positive, negative) = (_folder.Write("happy.txt", "the a\nthe o\n"), _folder.Write("sad.txt", "so wait\nso hmm\n"));
        var (code, output, error) = await Run(
            settings, "vector", "extract", "-m", TinyModel.Path, "--positive-file", positive, "--negative-file", negative, "-o", _folder[to]);
        Assert.True(code == expected, output + error);
        return error;
    }

    private static async Task<(int Code, string Output, string Error)> Run(string settings, params string[] args)
    {
        using var process = CliRun.Start([("NATIVESTEER_CUDA_DRIVER", StandIn.Built), ("NATIVESTEER_STAND_IN", settings)], args);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, error);
    }
}
