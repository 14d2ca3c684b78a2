using MathNet.Numerics.Statistics;

namespace NativeSteer.Tensors;

/// <summary>
/// What this machine's processor can do at most, measured while something else is: reading and copying memory, and products of
/// matrices. Speeds are shares of these.
/// </summary>
/// <param name="threads">Threads that are used; 0 means one per core.</param>
/// <param name="blas">A shared library with cblas_sgemm; null for the system's OpenBLAS, or ggml.</param>
public sealed class MachineRates(int threads = 0, string? blas = null) : IDisposable
{
    private readonly MatrixRate _matrix = new(threads > 0 ? threads : Environment.ProcessorCount, blas);
    private readonly MemoryRate _memory = new(threads > 0 ? threads : Environment.ProcessorCount);
    private readonly List<double> _reads = [], _copies = [], _products = [];

    /// <summary>Bytes read a second, one entry a measurement.</summary>
    public IReadOnlyList<double> Reads => _reads;

    /// <summary>Bytes copied a second, each counted once.</summary>
    public IReadOnlyList<double> Copies => _copies;

    /// <summary>Floating-point operations a second of 1024 x 1024 x 1024 products of F32 matrices.</summary>
    public IReadOnlyList<double> Products => _products;

    /// <summary>Whose product of matrices it is.</summary>
    public string ProductName => _matrix.Name;

    /// <summary>Median bytes read a second.</summary>
    public double Read => _reads.Median();

    /// <summary>Median bytes copied a second.</summary>
    public double Copy => _copies.Median();

    /// <summary>Median floating-point operations a second.</summary>
    public double Product => _products.Median();

    /// <summary>Measures all three once.</summary>
    public void Measure()
    {
        _reads.Add(_memory.Read());
        _copies.Add(_memory.Copy());
        _products.Add(_matrix.Measure());
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        _matrix.Dispose();
        _memory.Dispose();
    }
}
