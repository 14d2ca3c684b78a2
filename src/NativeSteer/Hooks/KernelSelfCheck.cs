using System.Globalization;
using System.Runtime.CompilerServices;
using NativeSteer.Cuda;
using NativeSteer.Interop;

namespace NativeSteer.Hooks;

/// <summary>
/// Proves on every GPU that the kernels load, run, edit rows in place, and compute what the CPU does. A machine without an NVIDIA
/// driver passes: there the CPU does everything.
/// </summary>
public static class KernelSelfCheck
{
    private const string Name = "GPU kernels agree with the CPU";
    private const int Rows = 37, Width = 260, Stride = 264, Groups = 3, Vectors = 4;

    /// <summary>Runs the check.</summary>
    public static SelfCheckResult Run() => CudaDriver.Find(out var why) is { } driver ? Run(driver) : new SelfCheckResult(Name, true, Idle(why!));

    /// <summary>Runs it with a driver of the caller's.</summary>
    internal static SelfCheckResult Run(CudaDriver driver)
    {
        try
        {
            var devices = CudaDevice.Count(driver);
            var found = Enumerable.Range(0, devices).Select(i => CudaDevice.Open(driver, i)).Select(d => (Device: d, Error: Check(d))).ToList();
            var text = string.Join("; ", found.Select(f => f.Error is null ? $"{f.Device.Name}: sums, edits in place and dot products" : $"{f.Device.Name}: {f.Error}"));
            return new SelfCheckResult(Name, found.TrueForAll(f => f.Error is null), $"CUDA {CudaDriver.ShowVersion(driver.Version)}; {text}");
        }
        catch (CudaException error)
        {
            return new SelfCheckResult(Name, false, error.Message);
        }
    }

    private static string Idle(string why) => $"not used: {why.TrimEnd('.')}";

    /// <summary>What is wrong on a device, or null.</summary>
    private static string? Check(CudaDevice device)
    {
        using var current = device.Enter();
        var rows = Values(Rows * Stride, 1);
        var vectors = Values(Vectors * Width, 2);
        using var data = Upload(device, rows);
        using var directions = Upload(device, vectors);
        return CheckSums(device, data, rows) ?? CheckProjection(device, data, directions, rows, vectors) ?? CheckEdits(device, data, directions, rows, vectors);
    }

    // Values are whole numbers below 2^12, so that sums in double are exact in any order.
    private static string? CheckSums(CudaDevice device, DeviceMemory data, float[] rows)
    {
        var labels = Enumerable.Range(0, Rows).Select(r => new ShimLabel { Row = r, Group = r * Groups / Rows }).ToArray();
        using var sums = device.Allocate(Groups * (Width + 1) * sizeof(double));
        device.Clear(sums.Address, sums.Bytes);
        using var work = new RowWork(device);
        var tensor = new DeviceRows(data.Address, Stride, Rows, Width);
        work.Prepare(tensor, [], 0, labels, Groups);
        work.Run(tensor, 0, sums.Address, sums.Address + Groups * Width * sizeof(double));
        var found = new double[Groups * (Width + 1)];
        device.CopyToHost(found.AsSpan(), sums.Address);

        var expected = new double[Groups * (Width + 1)];
        foreach (var label in labels)
        {
            double squares = 0;
            for (var c = 0; c < Width; c++)
            {
                var value = (double)rows[label.Row * Stride + c];
                expected[label.Group * Width + c] += value;
                squares += value * value;
            }
            expected[Groups * Width + label.Group] += Math.Sqrt(squares);
        }
        for (var i = 0; i < found.Length; i++)
        {
            var tolerance = i < Groups * Width ? 0 : 1e-12 * expected[i]; // norms are rounded
            if (!(Math.Abs(found[i] - expected[i]) <= tolerance)) return Differs("sum", i, found[i], expected[i]);
        }
        return null;
    }

    private static string? CheckProjection(CudaDevice device, DeviceMemory data, DeviceMemory directions, float[] rows, float[] vectors)
    {
        using var all = Upload(device, Enumerable.Range(0, Rows).ToArray());
        using var results = device.Allocate(Rows * Vectors * sizeof(float));
        device.Kernels.Project(data.Address, Stride, Width, all.Address, Rows, directions.Address, Vectors, false, results.Address);
        var found = new float[Rows * Vectors];
        device.CopyToHost(found.AsSpan(), results.Address);
        for (var i = 0; i < found.Length; i++)
        {
            double expected = 0;
            for (var c = 0; c < Width; c++) expected += (double)rows[i / Vectors * Stride + c] * vectors[i % Vectors * Width + c];
            if (!found[i].Equals((float)expected)) return Differs("dot product", i, found[i], expected); // whole numbers: exact
        }
        return null;
    }

    private static string? CheckEdits(CudaDevice device, DeviceMemory data, DeviceMemory directions, float[] rows, float[] vectors)
    {
        var edits = Enumerable.Range(0, Rows / 2).Select(i => new ShimEdit { Row = 2 * i + 1, Vector = i % Vectors, Scale = 0.37f * i - 2 }).ToArray();
        using var work = new RowWork(device);
        var tensor = new DeviceRows(data.Address, Stride, Rows, Width);
        work.Prepare(tensor, edits, Vectors, [], 0);
        work.Run(tensor, directions.Address, 0, 0);
        var found = new float[rows.Length];
        device.CopyToHost(found.AsSpan(), data.Address);

        var expected = (float[])rows.Clone();
        foreach (var edit in edits)
        {
            for (var c = 0; c < Width; c++)
            {
                var scaled = edit.Scale * vectors[edit.Vector * Width + c];
                expected[edit.Row * Stride + c] += scaled;
            }
        }
        for (var i = 0; i < found.Length; i++)
        {
            if (!found[i].Equals(expected[i])) return Differs("edited value", i, found[i], expected[i]);
        }
        return null;
    }

    private static string Differs(string what, int index, double found, double expected) =>
        string.Create(CultureInfo.InvariantCulture, $"{what} {index} is {found:g9} and should be {expected:g9}");

    private static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(-2000, 2000))];
    }

    private static DeviceMemory Upload<T>(CudaDevice device, T[] values) where T : unmanaged
    {
        var memory = device.Allocate((long)values.Length * Unsafe.SizeOf<T>());
        device.CopyToDevice<T>(memory.Address, values);
        return memory;
    }
}
