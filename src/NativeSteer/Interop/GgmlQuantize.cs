using System.Runtime.InteropServices;

namespace NativeSteer.Interop;

/// <summary>ggml's own conversion of floats to any of its types (ggml.h).</summary>
internal static unsafe partial class GgmlQuantize
{
    private const string Library = ShimApi.Library;

    /// <summary>Converts rows; returns the bytes written. Aborts for types that need an importance matrix.</summary>
    [LibraryImport(Library)]
    internal static partial nuint ggml_quantize_chunk(
        int type, float* source, void* target, long start, long rows, long columns, float* importance);

    /// <summary>Not 0 for the types that cannot be made without an importance matrix.</summary>
    [LibraryImport(Library)]
    internal static partial byte ggml_quantize_requires_imatrix(int type);
}
