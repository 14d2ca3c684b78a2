using System.Runtime.InteropServices;

namespace NativeSteer.Interop;

/// <summary>A BLAS library of the system, loaded at run time where there is one: a yardstick for products of matrices, nothing computes with it.</summary>
internal sealed unsafe class BlasLibrary
{
    private const int RowMajor = 101, NoTranspose = 111; // cblas.h

    // OpenBLAS alone: other libraries with these functions may be the reference, which is slow.
    private static readonly string[] s_names = ["libopenblas.so.0", "libopenblas.so", "libopenblas.dylib", "libopenblas.dll"];

    private readonly delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void> _multiply;

    private BlasLibrary(nint library, string name, int threads)
    {
        _multiply = (delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void>)
            NativeLibrary.GetExport(library, "cblas_sgemm");
        if (NativeLibrary.TryGetExport(library, "openblas_set_num_threads", out var setThreads)) ((delegate* unmanaged<int, void>)setThreads)(threads);
        Name = NativeLibrary.TryGetExport(library, "openblas_get_config", out var config)
            ? Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)config)())?.Trim() ?? name
            : name;
    }

    /// <summary>What it is, with its version where it says so.</summary>
    public string Name { get; }

    /// <summary>Loads OpenBLAS by the names it has on systems; null where there is none.</summary>
    /// <param name="threads">Threads it is to use.</param>
    public static BlasLibrary? Find(int threads)
    {
        foreach (var name in s_names)
        {
            if (NativeLibrary.TryLoad(name, out var library) && HasProduct(library)) return new BlasLibrary(library, name, threads);
        }
        return null;
    }

    /// <summary>Loads a library by its file.</summary>
    /// <exception cref="NativeSteerException">It cannot be loaded, or has no cblas_sgemm.</exception>
    public static BlasLibrary Load(string path, int threads)
    {
        if (!NativeLibrary.TryLoad(Path.GetFullPath(path), out var library))
            throw new NativeSteerException($"{path} cannot be loaded; give a shared library such as libopenblas.so.0.");
        if (!HasProduct(library)) throw new NativeSteerException($"{path} has no function cblas_sgemm; give a library such as libopenblas.so.0.");
        return new BlasLibrary(library, Path.GetFileName(path), threads);
    }

    /// <summary>c = a b, all (n, n).</summary>
    public void Multiply(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> c, int n)
    {
        if (a.Length < (long)n * n || b.Length < (long)n * n || c.Length < (long)n * n) throw new ArgumentException($"The matrices are not {n} x {n}.");
        fixed (float* first = a, second = b, result = c)
        {
            _multiply(RowMajor, NoTranspose, NoTranspose, n, n, n, 1, first, n, second, n, 0, result, n);
        }
    }

    private static bool HasProduct(nint library) => NativeLibrary.TryGetExport(library, "cblas_sgemm", out _);
}
