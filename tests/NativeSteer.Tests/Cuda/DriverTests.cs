using NativeSteer.Cuda;
using NativeSteer.Hooks;
using Xunit;

namespace NativeSteer.Tests.Cuda;

/// <summary>Finding the driver and loading the kernels: what is said when it cannot be.</summary>
public sealed class DriverTests
{
    [Fact]
    public void Without_a_driver_there_is_none_and_one_sentence_says_so()
    {
        Assert.Null(CudaDriver.Load(["libno-such-driver.so.1"], out var why));
        Assert.Equal("No NVIDIA driver: libno-such-driver.so.1 cannot be loaded.", why);
    }

    [Fact]
    public void Another_library_is_no_driver()
    {
        Assert.Null(CudaDriver.Load(["libc.so.6"], out var why));
        Assert.Equal("libc.so.6 has no function cuInit; install a newer NVIDIA driver.", why);
    }

    [Theory]
    [InlineData("driver", 8000, "supports CUDA 8.0, 9.0 is needed; install driver 384.81 or newer")]
    [InlineData("init", 999, "cannot start the driver: error 999")]
    [InlineData("devices", 0, "cannot start the driver: CUDA_ERROR_NO_DEVICE")]
    public void A_driver_that_cannot_be_used_is_left_alone(string setting, long value, string part)
    {
        using var standIn = new StandIn((setting, value));
        Assert.Null(CudaDriver.Load([standIn.Path], out var why));
        Assert.Contains(part, why, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_says_its_name_and_memory()
    {
        using var standIn = new StandIn(("devices", 2));
        Assert.Equal(2, CudaDevice.Count(standIn.Driver));
        var device = CudaDevice.Open(standIn.Driver, 1);
        Assert.Equal("stand-in 1 (compute capability 6.0)", device.Name);
        Assert.Equal(1L << 30, device.Memory);
        Assert.Same(device, CudaDevice.Open(standIn.Driver, 1));
    }

    [Fact]
    public void Kernels_that_the_driver_does_not_compile_are_one_line_with_its_reason()
    {
        using var standIn = new StandIn(("refuse_ptx", 1));
        var error = Assert.Throws<CudaException>(() => CudaDevice.Open(standIn.Driver, 0));
        Assert.Equal(
            "The NVIDIA driver does not compile the kernels: CUDA_ERROR_INVALID_PTX (ptxas application ptx input, line 9; fatal : Unsupported .version); install a newer driver.",
            error.Message);
        standIn["refuse_ptx"] = 0;
        Assert.NotNull(CudaDevice.Open(standIn.Driver, 0)); // not remembered
    }

    [Theory]
    [InlineData(".param .u32 ns_steer_param_6", ".param .u64 ns_steer_param_6", "ns_steer has other parameters")]
    [InlineData(".param .u64 ns_sum_chunks_param_6", "", "ns_sum_chunks has other parameters")]
    [InlineData(".entry ns_row_norms(", ".entry ns_other(", "no kernel ns_other")]
    public void A_PTX_file_that_does_not_fit_the_source_is_found(string part, string replacement, string message)
    {
        using var standIn = new StandIn();
        using var context = new PrimaryContext(standIn.Driver, 0);
        using var current = context.Enter();
        var ptx = System.Text.Encoding.ASCII.GetString(Kernels.Ptx());
        Assert.Contains(part, ptx, StringComparison.Ordinal);
        var bytes = System.Text.Encoding.ASCII.GetBytes(ptx.Replace(part, replacement, StringComparison.Ordinal));
        var error = Assert.Throws<CudaException>(() => new KernelModule(context, bytes));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_rate_of_copies_is_measured_as_often_as_asked_for()
    {
        using var standIn = new StandIn(("memory", 1L << 30));
        using var rate = DeviceRate.Find(standIn.Driver)!;
        rate.Measure();
        rate.Measure();
        Assert.Equal(2, rate.Copies.Count);
        Assert.All(rate.Copies, copy => Assert.InRange(copy, 1e6, 1e15));
        using var none = new StandIn(("memory", 1000));
        Assert.Null(DeviceRate.Find(none.Driver));
    }

    [Fact]
    public void The_doctor_finds_the_kernels_sound()
    {
        using var standIn = new StandIn(("devices", 2));
        var result = KernelSelfCheck.Run(standIn.Driver);
        Assert.True(result.Passed, result.Measured);
        Assert.StartsWith("CUDA 12.4; stand-in 0 (compute capability 6.0): sums, edits in place", result.Measured, StringComparison.Ordinal);
        Assert.True(standIn["launches1"] > 0);
    }

    [Theory, InlineData("refuse_ptx", 1, "CUDA_ERROR_INVALID_PTX"), InlineData("fail_launch", 1, "CUDA_ERROR_INVALID_VALUE"), InlineData("memory", 100, "OUT_OF_MEMORY")]
    public void The_doctor_says_what_fails(string setting, long value, string part)
    {
        using var standIn = new StandIn((setting, value));
        var result = KernelSelfCheck.Run(standIn.Driver);
        Assert.False(result.Passed);
        Assert.Contains(part, result.Measured, StringComparison.Ordinal);
    }
}
