using System.Runtime.InteropServices;
using NativeSteer.Interop;

namespace NativeSteer.Vectors;

/// <summary>Rows of floats to rows of any tensor type and back, by ggml's own routines.</summary>
internal static unsafe class GgmlRows
{
    private const int PartBytes = 1 << 22; // floats converted at a time

    /// <summary>Whether rows of a type can be made: some codebook types need measurements of the activations.</summary>
    public static bool CanEncode(GgmlType type)
    {
        if (type is GgmlType.I8 or GgmlType.I16 or GgmlType.I32 or GgmlType.I64 or GgmlType.F64 or GgmlType.Q8_1 or GgmlType.Q8_K) return false;
        // 1.75 bits: ggml asserts on it though it does not say so beforehand.
        if (type is GgmlType.IQ1_M) return false;
        NativeRuntime.EnsureLoaded();
        return GgmlQuantize.ggml_quantize_requires_imatrix((int)type) == 0;
    }

    /// <summary>Bytes of a row.</summary>
    public static long Bytes(GgmlType type, long columns) => columns / GgmlTypes.BlockElements(type) * GgmlTypes.BlockBytes(type);

    /// <summary>Converts whole rows.</summary>
    public static byte[] Encode(GgmlType type, ReadOnlySpan<float> values, long columns)
    {
        if (type == GgmlType.F32) return MemoryMarshal.AsBytes(values).ToArray();
        NativeRuntime.EnsureLoaded();
        var rows = values.Length / columns;
        var bytes = new byte[rows * Bytes(type, columns)];
        fixed (float* source = values)
        fixed (byte* target = bytes)
        {
            _ = GgmlQuantize.ggml_quantize_chunk((int)type, source, target, 0, rows, columns, null);
        }
        return bytes;
    }

    /// <summary>Reads whole blocks of any type as floats.</summary>
    /// <param name="type">The type they are stored in.</param>
    /// <param name="bytes">As they lie in the file.</param>
    /// <param name="values">Receives them.</param>
    /// <exception cref="NativeSteerException">ggml cannot read this type.</exception>
    public static void Decode(GgmlType type, ReadOnlySpan<byte> bytes, Span<float> values)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes.Length, Bytes(type, values.Length), nameof(bytes));
        NativeRuntime.EnsureLoaded();
        fixed (byte* source = bytes)
        fixed (float* target = values) NativeError.Check(ShimApi.ns_weights_decode((int)type, source, values.Length, target));
    }

    /// <summary>Converts rows part by part and writes them.</summary>
    public static void Encode(GgmlType type, ReadOnlySpan<float> values, long columns, Stream stream)
    {
        var part = (int)(Math.Max(1, PartBytes / sizeof(float) / columns) * columns);
        for (; !values.IsEmpty; values = values[Math.Min(part, values.Length)..])
            stream.Write(Encode(type, values[..Math.Min(part, values.Length)], columns));
    }
}
