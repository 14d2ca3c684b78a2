using System.Diagnostics;
using System.Runtime.CompilerServices;
using MathNet.Numerics.Statistics;
using NativeSteer.Cuda;
using NativeSteer.Interop;

namespace NativeSteer.Hooks;

/// <summary>What a kernel took on a device.</summary>
/// <param name="Device">The device's name.</param>
/// <param name="Kernel">What was run.</param>
/// <param name="Rows">Rows of the tensor.</param>
/// <param name="Width">Their width.</param>
/// <param name="Bytes">Bytes that it has to read and write at least.</param>
/// <param name="CopyRate">Bytes a second that a copy within the device's memory reads and writes, measured in the same rounds.</param>
public sealed record KernelTiming(string Device, string Kernel, int Rows, int Width, long Bytes, double CopyRate)
{
    /// <summary>Seconds of one run, an entry a round.</summary>
    public required IReadOnlyList<double> Seconds { get; init; }

    /// <summary>Median bytes a second.</summary>
    public double Rate => Bytes / Seconds.Median();

    /// <summary>The share of <see cref="CopyRate"/>.</summary>
    public double Share => Rate / CopyRate;
}

/// <summary>
/// Times the kernels on every NVIDIA GPU against a copy within its memory, on a tensor much larger than caches, and on one of the
/// size that a step of generation has, where what counts is what starting a kernel and waiting for it takes.
/// </summary>
/// <param name="rounds">Rounds; in each, everything runs once.</param>
/// <param name="rows">Rows of the large tensor.</param>
/// <param name="width">Width of the rows.</param>
public sealed class KernelBenchmark(int rounds = 9, int rows = 32768, int width = 4096)
{
    private const int Runs = 10; // of a kernel before it is waited for
    private const int Steps = 64, Vectors = 256, Directions = 16;

    /// <summary>Runs on all devices.</summary>
    /// <exception cref="NativeSteerException">There is no driver, or a device fails.</exception>
    public IReadOnlyList<KernelTiming> Run(CancellationToken cancellation = default) =>
        CudaDriver.Find(out var why) is { } driver ? Run(driver, cancellation) : throw new NativeSteerException($"{why!.TrimEnd('.')}; there is no GPU to measure.");

    /// <summary>Runs with a driver of the caller's.</summary>
    internal IReadOnlyList<KernelTiming> Run(CudaDriver driver, CancellationToken cancellation)
    {
        var timings = new List<KernelTiming>();
        for (var i = 0; i < CudaDevice.Count(driver); i++) timings.AddRange(Measure(CudaDevice.Open(driver, i), cancellation));
        return timings;
    }

    private sealed record Lane(string Kernel, int Rows, long Bytes, int Runs, Action Work)
    {
        internal List<double> Seconds { get; } = [];
    }

    private IEnumerable<KernelTiming> Measure(CudaDevice device, CancellationToken cancellation)
    {
        using var current = device.Enter();
        var size = (long)rows * width * sizeof(float);
        using var data = device.Allocate(size);
        using var other = device.Allocate(size);
        using var vectors = device.Allocate((long)Vectors * width * sizeof(float));
        using var sums = device.Allocate((long)Vectors * (width + 1) * sizeof(double));
        foreach (var memory in new[] { data, other, vectors, sums }) device.Clear(memory.Address, memory.Bytes);
        using var tables = new Tables(device, rows, width);
        var tensor = new DeviceRows(data.Address, width, rows, width);
        var lanes = new List<Lane>
        {
            new("copy", rows, 2 * size, Runs, () => device.Copy(other.Address, data.Address, size)),
            new("row norms", rows, size, Runs, () => device.Kernels.RowNorms(data.Address, width, width, tables.Rows.Address, rows, tables.Norms.Address)),
        };
        foreach (var groups in (int[])[1, 2, Directions])
        {
            var ranges = tables.Ranges(groups);
            var (chunks, chunksOf, count) = tables.Chunks(groups);
            lanes.Add(new Lane($"sums, {Groups(groups)}", rows, size, Runs, () =>
            {
                device.Kernels.SumChunks(data.Address, width, width, tables.Rows.Address, chunks.Address, count, tables.Norms.Address, tables.Partial.Address);
                device.Kernels.AddChunks(tables.Partial.Address, width, chunksOf.Address, groups, sums.Address, sums.Address + (ulong)(Vectors * (long)width * sizeof(double)));
            }));
            lanes.Add(new Lane($"sums, {Groups(groups)}, naive", rows, size, Runs, () => device.Kernels.NaiveAccumulate(
                data.Address, width, width, tables.Rows.Address, ranges.Address, groups, sums.Address)));
        }
        using var large = new RowWork(device);
        using var small = new RowWork(device);
        var smallTensor = tensor with { Count = Math.Min(Steps, rows) };
        large.Prepare(tensor, Edits(rows), Vectors, [], 0);
        small.Prepare(smallTensor, Edits(smallTensor.Count), Vectors, [], 0);
        lanes.Add(new Lane($"add, {Vectors} vectors", rows, 2 * size, Runs, () => large.Run(tensor, vectors.Address, 0, 0)));
        lanes.Add(new Lane("add, naive", rows, 2 * size, Runs, () => device.Kernels.NaiveAdd(
            data.Address, width, width, tables.Rows.Address, rows, vectors.Address, tables.Which.Address, tables.Scales.Address)));
        lanes.Add(new Lane($"dot products, {Directions} directions", rows, size, Runs, () => device.Kernels.Project(
            data.Address, width, width, tables.Rows.Address, rows, vectors.Address, Directions, false, tables.Results.Address)));
        lanes.Add(new Lane($"a step: add, {smallTensor.Count} rows, waited for", smallTensor.Count, 2L * smallTensor.Count * width * sizeof(float), 1, () => small.Run(smallTensor, vectors.Address, 0, 0)));
        foreach (var lane in lanes) Time(device, lane); // touched, and at speed
        foreach (var lane in lanes) lane.Seconds.Clear();
        for (var round = 0; round < rounds; round++)
        {
            foreach (var lane in round % 2 == 0 ? lanes : Enumerable.Reverse(lanes))
            {
                cancellation.ThrowIfCancellationRequested();
                Time(device, lane);
            }
        }
        var copy = lanes[0].Bytes / lanes[0].Seconds.Median();
        return [.. lanes.Select(lane => new KernelTiming(device.Name, lane.Kernel, lane.Rows, width, lane.Bytes, copy) { Seconds = lane.Seconds })];
    }

    private static void Time(CudaDevice device, Lane lane)
    {
        device.Synchronize();
        var start = Stopwatch.GetTimestamp();
        for (var run = 0; run < lane.Runs; run++) lane.Work();
        device.Synchronize();
        lane.Seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds / lane.Runs);
    }

    private static string Groups(int count) => count == 1 ? "1 group" : $"{count} groups";

    private static ShimEdit[] Edits(int count) => [.. Enumerable.Range(0, count).Select(row => new ShimEdit { Row = row, Vector = row % Vectors, Scale = 0.001f })];

    /// <summary>The tables that kernels read and the memory that they write to, beside the tensor.</summary>
    private sealed class Tables(CudaDevice device, int rows, int width) : IDisposable
    {
        private readonly List<DeviceMemory> _ranges = [];

        internal DeviceMemory Rows { get; } = Upload(device, Enumerable.Range(0, rows).ToArray());

        internal DeviceMemory Which { get; } = Upload(device, Enumerable.Range(0, rows).Select(row => row % Vectors).ToArray());

        internal DeviceMemory Scales { get; } = Upload(device, Enumerable.Repeat(0.001f, rows).ToArray());

        internal DeviceMemory Norms { get; } = device.Allocate((long)rows * sizeof(double));

        internal DeviceMemory Results { get; } = device.Allocate((long)Math.Max(rows, width) * Directions * sizeof(float));

        /// <summary>What chunks add up to.</summary>
        internal DeviceMemory Partial { get; } = device.Allocate((long)(rows / RowWork.ChunkRows + Directions + 1) * (width + 1) * sizeof(double));

        /// <summary>All rows, in groups of the same size.</summary>
        internal DeviceMemory Ranges(int groups) => Keep(Parts(groups).SelectMany((part, group) => (int[])[group, part.First, part.Count]));

        /// <summary>The same in chunks, and which chunks a group has.</summary>
        internal (DeviceMemory Chunks, DeviceMemory Groups, int Count) Chunks(int groups)
        {
            var chunks = Parts(groups).Select(part => Enumerable.Range(0, (part.Count + RowWork.ChunkRows - 1) / RowWork.ChunkRows)
                .Select(i => (First: part.First + i * RowWork.ChunkRows, Count: Math.Min(RowWork.ChunkRows, part.Count - i * RowWork.ChunkRows))).ToList()).ToList();
            var before = 0;
            var of = chunks.SelectMany((list, group) => (int[])[group, (before += list.Count) - list.Count, list.Count]).ToList();
            return (Keep(chunks.SelectMany((list, group) => list.SelectMany(chunk => (int[])[group, chunk.First, chunk.Count]))), Keep(of), before);
        }

        private IEnumerable<(int First, int Count)> Parts(int groups)
        {
            var each = rows / groups;
            return Enumerable.Range(0, groups).Select(group => (group * each, group < groups - 1 ? each : rows - each * (groups - 1)));
        }

        private DeviceMemory Keep(IEnumerable<int> values)
        {
            var memory = Upload(device, values.ToArray());
            _ranges.Add(memory);
            return memory;
        }

        public void Dispose()
        {
            foreach (var memory in _ranges.Concat([Rows, Which, Scales, Norms, Results, Partial])) memory.Dispose();
        }

        private static DeviceMemory Upload<T>(CudaDevice device, T[] values) where T : unmanaged
        {
            var memory = device.Allocate((long)values.Length * Unsafe.SizeOf<T>());
            device.CopyToDevice<T>(memory.Address, values);
            return memory;
        }
    }
}
