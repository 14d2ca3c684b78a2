using System.Globalization;
using System.Numerics;

namespace NativeSteer.Files;

/// <summary>Element types of safetensors files, all little endian.</summary>
public enum SafetensorsType
{
    /// <summary>IEEE 32-bit float.</summary>
    F32,

    /// <summary>IEEE 16-bit float.</summary>
    F16,

    /// <summary>The upper half of an F32; read, never written here.</summary>
    BF16,

    /// <summary>IEEE 64-bit float.</summary>
    F64,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Any other one-byte type (U8, I8, BOOL, F8 variants): only its raw bytes can be read.</summary>
    Byte,

    /// <summary>Any other two-byte type (I16, U16): only its raw bytes can be read.</summary>
    TwoBytes,

    /// <summary>Any other four-byte type (U32): only its raw bytes can be read.</summary>
    FourBytes,

    /// <summary>Any other eight-byte type (U64, C64): only its raw bytes can be read.</summary>
    EightBytes,
}

/// <summary>A tensor of a safetensors file.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Type">Its element type.</param>
/// <param name="Shape">Its dimensions, slowest first (row-major); empty for a scalar.</param>
public sealed record SafetensorsTensor(string Name, SafetensorsType Type, IReadOnlyList<long> Shape)
{
    /// <summary>The number of elements; 1 for a scalar.</summary>
    public long Count => SafetensorsSizes.Count(Shape) ?? long.MaxValue;

    /// <summary>The first byte, counted from the end of the header.</summary>
    public long Offset { get; init; }

    /// <summary>The size of the data in bytes.</summary>
    public long Bytes => SafetensorsSizes.Bytes(Shape, Type) ?? long.MaxValue;
}

internal static class SafetensorsSizes
{
    public static int Of(SafetensorsType type) => type switch
    {
        SafetensorsType.F32 or SafetensorsType.I32 or SafetensorsType.FourBytes => 4,
        SafetensorsType.F64 or SafetensorsType.I64 or SafetensorsType.EightBytes => 8,
        SafetensorsType.F16 or SafetensorsType.BF16 or SafetensorsType.TwoBytes => 2,
        _ => 1,
    };

    /// <summary>The product of the dimensions, or null where one is negative or it does not fit 63 bits.</summary>
    public static long? Count(IReadOnlyList<long> shape) => Fits(Product(shape));

    /// <summary>The size in bytes, or null where it does not fit 63 bits.</summary>
    public static long? Bytes(IReadOnlyList<long> shape, SafetensorsType type) => Fits(Product(shape) * Of(type));

    /// <summary>The shape as people write it: [2, 3].</summary>
    public static string Show(IReadOnlyList<long> shape) =>
        "[" + string.Join(", ", shape.Select(size => size.ToString(CultureInfo.InvariantCulture))) + "]";

    public static SafetensorsType? Parse(string name) => name switch
    {
        "F32" => SafetensorsType.F32,
        "F16" => SafetensorsType.F16,
        "BF16" => SafetensorsType.BF16,
        "F64" => SafetensorsType.F64,
        "I32" => SafetensorsType.I32,
        "I64" => SafetensorsType.I64,
        "BOOL" or "U8" or "I8" or "F8_E4M3" or "F8_E5M2" or "F8_E8M0" => SafetensorsType.Byte,
        "I16" or "U16" => SafetensorsType.TwoBytes,
        "U32" => SafetensorsType.FourBytes,
        "U64" or "C64" => SafetensorsType.EightBytes,
        _ => null,
    };

    private static BigInteger Product(IReadOnlyList<long> shape)
    {
        var product = BigInteger.One;
        foreach (var size in shape)
        {
            if (size < 0) return -1;
            product *= size;
        }
        return product;
    }

    private static long? Fits(BigInteger value) => value < 0 || value > long.MaxValue ? null : (long)value;
}
