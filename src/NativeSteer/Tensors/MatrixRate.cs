using System.Diagnostics;
using NativeSteer.Interop;
using NativeSteer.Vectors;

namespace NativeSteer.Tensors;

/// <summary>How fast this machine multiplies F32 matrices of 1024 x 1024: the rate that training is measured against.</summary>
internal sealed class MatrixRate : IDisposable
{
    private const int Size = 1024, Runs = 5;
    private const double Operations = 2.0 * Size * Size * Size;

    // Threads of whoever computed before poll for a while before they sleep, and would take cores from what is measured.
    private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(200);

    private readonly BlasLibrary? _blas;
    private readonly ComputeDevice? _device;
    private readonly float[] _a = Filled(1), _b = Filled(2), _c = new float[Size * Size];

    /// <summary>With a BLAS library where there is one, else with ggml.</summary>
    /// <param name="threads">CPU threads.</param>
    /// <param name="blas">A shared library with cblas_sgemm; null for the system's OpenBLAS.</param>
    /// <exception cref="NativeSteerException">The library cannot be used.</exception>
    public MatrixRate(int threads, string? blas)
    {
        _blas = blas is null ? BlasLibrary.Find(threads) : BlasLibrary.Load(blas, threads);
        if (_blas is null) _device = new ComputeDevice(threads);
    }

    /// <summary>Whose product is measured.</summary>
    public string Name => _blas?.Name ?? "ggml's mul_mat, the faster of F32 and BF16";

    /// <summary>Floating-point operations a second: the best of a few runs.</summary>
    public double Measure()
    {
        Thread.Sleep(s_quiet);
        var rate = _blas is { } blas ? Best(() => blas.Multiply(_a, _b, _c, Size)) : Math.Max(Ggml(GgmlType.F32), Ggml(GgmlType.BF16));
        Thread.Sleep(s_quiet);
        return rate;
    }

    public void Dispose() => _device?.Dispose();

    private double Ggml(GgmlType type)
    {
        using var allocator = new TensorAllocator(_device!);
        using var graph = new TensorGraph(_device!, allocator, 8);
        var (a, b) = (graph.Input(type, Size, Size), graph.Input(GgmlType.F32, Size, Size));
        graph.ScheduleOutput(graph.MatMul(a, b));
        graph.Allocate();
        a.Write<byte>(GgmlRows.Encode(type, _a, Size));
        b.Write<float>(_b);
        return Best(graph.Compute);
    }

    private static double Best(Action product)
    {
        product(); // memory is touched, threads are awake
        var best = double.MaxValue;
        for (var run = 0; run < Runs; run++)
        {
            var start = Stopwatch.GetTimestamp();
            product();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return Operations / best;
    }

    private static float[] Filled(int seed)
    {
        var random = new Random(seed);
        var values = new float[Size * Size];
        for (var i = 0; i < values.Length; i++) values[i] = random.NextSingle() - 0.5f;
        return values;
    }
}
