using System.Diagnostics;
using MathNet.Numerics.Statistics;

namespace NativeSteer.Cuda;

/// <summary>How fast the first NVIDIA GPU copies within its memory: what speeds on it are shares of, measured while something else is.</summary>
public sealed class DeviceRate : IDisposable
{
    private const long Size = 256L << 20; // far more than its caches hold
    private const int Runs = 3, CopiesOfRun = 10;

    private readonly CudaDevice _device;
    private readonly DeviceMemory _from, _to;
    private readonly List<double> _copies = [];

    private DeviceRate(CudaDevice device)
    {
        _device = device;
        using var current = device.Enter();
        _from = device.Allocate(Size);
        _to = device.Allocate(Size);
        device.Clear(_from.Address, Size);
    }

    /// <summary>The GPU.</summary>
    public string Name => _device.Name;

    /// <summary>Bytes read and written a second, one entry a measurement.</summary>
    public IReadOnlyList<double> Copies => _copies;

    /// <summary>Median bytes read and written a second.</summary>
    public double Copy => _copies.Median();

    /// <summary>Takes the memory; null where there is no such GPU, or no room.</summary>
    public static DeviceRate? Find() => CudaDriver.Find(out _) is { } driver ? Find(driver) : null;

    /// <summary>With a driver of the caller's.</summary>
    internal static DeviceRate? Find(CudaDriver driver)
    {
        try
        {
            return CudaDevice.Count(driver) > 0 ? new DeviceRate(CudaDevice.Open(driver, 0)) : null;
        }
        catch (CudaException)
        {
            return null; // a yardstick that cannot be had leaves its column empty
        }
    }

    /// <summary>Measures once.</summary>
    /// <exception cref="CudaException">The device failed.</exception>
    public void Measure()
    {
        using var current = _device.Enter();
        var best = double.MaxValue; // of what others do on the device, the least
        for (var run = 0; run < Runs; run++)
        {
            _device.Synchronize();
            var start = Stopwatch.GetTimestamp();
            for (var copy = 0; copy < CopiesOfRun; copy++) _device.Copy(_to.Address, _from.Address, Size);
            _device.Synchronize();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds / CopiesOfRun);
        }
        _copies.Add(2 * Size / best);
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        _from.Dispose();
        _to.Dispose();
    }
}
