using System.Globalization;
using System.Runtime.CompilerServices;
using NativeSteer.Cuda;
using NativeSteer.Interop;

namespace NativeSteer.Hooks;

/// <summary>
/// Proves on every GPU that the kernels load, run, edit rows in place, and compute what the CPU does. A machine without an NVIDIA
/// driver passes: there the CPU does everything.
/// </summary>
public static unsafe class KernelSelfCheck
{
    private const string Name = "GPU kernels agree with the CPU";
    private const int Rows = 137, Groups = 3, Vectors = 4;

    // Columns in fours, and a width and stride that make the kernels take one at a time.
    private static readonly (int Width, int Stride)[] s_shapes = [(260, 264), (261, 263)];

    // What a row is given, row after row: every operation, and several on one row, of which additions become one.
    private static readonly SteeringOperation[][] s_edits =
    [
        [SteeringOperation.Add],
        [SteeringOperation.Add, SteeringOperation.Add, SteeringOperation.Add],
        [SteeringOperation.ProjectOut],
        [SteeringOperation.Clamp, SteeringOperation.Add],
        [SteeringOperation.AddKeepNorm],
        [SteeringOperation.SelfAmplify, SteeringOperation.ProjectOut],
        [],
    ];

    /// <summary>Runs the check.</summary>
    public static SelfCheckResult Run() => CudaDriver.Find(out var why) is { } driver ? Run(driver) : new SelfCheckResult(Name, true, Idle(why!));

    /// <summary>Runs it with a driver of the caller's.</summary>
    internal static SelfCheckResult Run(CudaDriver driver)
    {
        NativeRuntime.EnsureLoaded(); // the host's edits are its
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
    private static string? Check(CudaDevice device) => s_shapes.Select(shape => Check(device, shape.Width, shape.Stride)).FirstOrDefault(error => error is not null);

    private static string? Check(CudaDevice device, int width, int stride)
    {
        using var current = device.Enter();
        var rows = Whole(Rows * stride, 1);
        var vectors = Whole(Vectors * width, 2);
        using var data = Upload(device, rows);
        using var directions = Upload(device, vectors);
        var tensor = new DeviceRows(data.Address, stride, Rows, width);
        return CheckSums(device, tensor, rows) ?? CheckProjection(device, tensor, directions, rows, vectors) ?? CheckEdits(device, width, stride);
    }

    // Values are whole numbers below 2^12, so that sums in double are exact in any order.
    private static string? CheckSums(CudaDevice device, in DeviceRows tensor, float[] rows)
    {
        var width = tensor.Width;
        var labels = Enumerable.Range(0, Rows).Select(r => new ShimLabel { Row = r, Group = r * Groups / Rows }).ToArray();
        using var sums = device.Allocate(Groups * (width + 1) * sizeof(double));
        device.Clear(sums.Address, sums.Bytes);
        using var work = new RowWork(device);
        work.Prepare(tensor, [], 0, labels, Groups);
        work.Run(tensor, 0, sums.Address, sums.Address + (ulong)(Groups * width * sizeof(double)));
        var found = new double[Groups * (width + 1)];
        device.CopyToHost(found.AsSpan(), sums.Address);

        var expected = new double[Groups * (width + 1)];
        foreach (var label in labels)
        {
            double squares = 0;
            for (var c = 0; c < width; c++)
            {
                var value = (double)rows[label.Row * tensor.Stride + c];
                expected[label.Group * width + c] += value;
                squares += value * value;
            }
            expected[Groups * width + label.Group] += Math.Sqrt(squares);
        }
        for (var i = 0; i < found.Length; i++)
        {
            var tolerance = i < Groups * width ? 0 : 1e-12 * expected[i]; // norms are rounded
            if (!(Math.Abs(found[i] - expected[i]) <= tolerance)) return Differs("sum", i, found[i], expected[i]);
        }
        return null;
    }

    private static string? CheckProjection(CudaDevice device, in DeviceRows tensor, DeviceMemory directions, float[] rows, float[] vectors)
    {
        using var all = Upload(device, Enumerable.Range(0, Rows).ToArray());
        using var results = device.Allocate(Rows * Vectors * sizeof(float));
        device.Kernels.Project(tensor.Data, tensor.Stride, tensor.Width, all.Address, Rows, directions.Address, Vectors, false, results.Address);
        var found = new float[Rows * Vectors];
        device.CopyToHost(found.AsSpan(), results.Address);
        for (var i = 0; i < found.Length; i++)
        {
            double expected = 0;
            for (var c = 0; c < tensor.Width; c++) expected += (double)rows[i / Vectors * tensor.Stride + c] * vectors[i % Vectors * tensor.Width + c];
            if (!found[i].Equals((float)expected)) return Differs("dot product", i, found[i], expected); // whole numbers: exact
        }
        return null;
    }

    // The same bits as the hook's own edits on the host.
    private static string? CheckEdits(CudaDevice device, int width, int stride)
    {
        var expected = Real(Rows * stride, 3);
        var vectors = Real(Vectors * width, 4);
        var edits = Enumerable.Range(0, Rows).SelectMany(row => s_edits[row % s_edits.Length].Select((operation, i) =>
            new ShimEdit { Row = row, Vector = (row + i) % Vectors, Operation = (int)operation, Scale = 0.37f * (row % 11) - 2 + i })).ToArray();
        using var data = Upload(device, expected);
        using var directions = Upload(device, vectors);
        using var work = new RowWork(device);
        var tensor = new DeviceRows(data.Address, stride, Rows, width);
        work.Prepare(tensor, edits, Vectors, [], 0);
        work.Run(tensor, directions.Address, 0, 0);
        var found = new float[expected.Length];
        device.CopyToHost(found.AsSpan(), data.Address);

        fixed (float* rows = expected, table = vectors)
        fixed (ShimEdit* list = edits)
        {
            ShimApi.ns_edit_rows(rows, stride, width, list, edits.Length, table);
        }
        for (var i = 0; i < found.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(found[i]) != BitConverter.SingleToInt32Bits(expected[i])) return Differs($"edited row {i / stride}, column", i % stride, found[i], expected[i]);
        }
        return null;
    }

    private static string Differs(string what, int index, double found, double expected) =>
        string.Create(CultureInfo.InvariantCulture, $"{what} {index} is {found:g9} and should be {expected:g9}");

    private static float[] Whole(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(-2000, 2000))];
    }

    private static float[] Real(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => 4 * random.NextSingle() - 2)];
    }

    private static DeviceMemory Upload<T>(CudaDevice device, T[] values) where T : unmanaged
    {
        var memory = device.Allocate((long)values.Length * Unsafe.SizeOf<T>());
        device.CopyToDevice<T>(memory.Address, values);
        return memory;
    }
}
