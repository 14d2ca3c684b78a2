namespace NativeSteer.Vectors;

/// <summary>Types of GGUF key-values, numbered as <c>enum gguf_type</c> (ggml/include/gguf.h).</summary>
public enum GgufValueType
{
    /// <summary>Unsigned, 8 bits.</summary>
    UInt8 = 0,

    /// <summary>Signed, 8 bits.</summary>
    Int8 = 1,

    /// <summary>Unsigned, 16 bits.</summary>
    UInt16 = 2,

    /// <summary>Signed, 16 bits.</summary>
    Int16 = 3,

    /// <summary>Unsigned, 32 bits.</summary>
    UInt32 = 4,

    /// <summary>Signed, 32 bits.</summary>
    Int32 = 5,

    /// <summary>Float, 32 bits.</summary>
    Float32 = 6,

    /// <summary>Truth value, 1 byte.</summary>
    Bool = 7,

    /// <summary>UTF-8 text with a 64-bit length.</summary>
    String = 8,

    /// <summary>Elements of one other type.</summary>
    Array = 9,

    /// <summary>Unsigned, 64 bits.</summary>
    UInt64 = 10,

    /// <summary>Signed, 64 bits.</summary>
    Int64 = 11,

    /// <summary>Float, 64 bits.</summary>
    Float64 = 12,
}

/// <summary>
/// One key-value of a GGUF file: where it lies, not what it holds, so that opening a model with a vocabulary of 256k
/// tokens costs no more than walking over it. <see cref="GgufFile"/> reads the value on demand.
/// </summary>
/// <param name="Key">The key, unique in the file.</param>
/// <param name="Type">The type of the value, or of the elements of an array; never <see cref="GgufValueType.Array"/>.</param>
/// <param name="IsArray">True for an array.</param>
/// <param name="Count">Elements of the array; 1 for a single value.</param>
/// <param name="Offset">Where the value (the first element; for text its length) starts, in bytes from the file's start.</param>
/// <param name="Bytes">How many bytes it takes there.</param>
public sealed record GgufEntry(string Key, GgufValueType Type, bool IsArray, long Count, long Offset, long Bytes)
{
    /// <summary>The type as gguf names it: <c>u32</c>, <c>str</c>, <c>arr[f32]</c>.</summary>
    public string TypeName
    {
        get
        {
            var name = Type switch
            {
                GgufValueType.UInt8 => "u8",
                GgufValueType.Int8 => "i8",
                GgufValueType.UInt16 => "u16",
                GgufValueType.Int16 => "i16",
                GgufValueType.UInt32 => "u32",
                GgufValueType.Int32 => "i32",
                GgufValueType.Float32 => "f32",
                GgufValueType.Bool => "bool",
                GgufValueType.String => "str",
                GgufValueType.UInt64 => "u64",
                GgufValueType.Int64 => "i64",
                GgufValueType.Float64 => "f64",
                _ => "arr",
            };
            return IsArray ? $"arr[{name}]" : name;
        }
    }

    /// <summary>Bytes of one value of a type; 0 for text, whose size varies, and for what is no value type.</summary>
    internal static int SizeOf(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.UInt64 or GgufValueType.Int64 or GgufValueType.Float64 => 8,
        _ => 0,
    };
}

/// <summary>A tensor of a GGUF file.</summary>
/// <param name="Name">Its name, unique in the file, at most 63 bytes.</param>
/// <param name="Type">How its elements are stored.</param>
/// <param name="Shape">Its 1 to 4 dimensions, fastest first (ggml's <c>ne</c>): a matrix is [columns, rows].</param>
/// <param name="Offset">Its first byte, counted from the file's start.</param>
/// <param name="Bytes">Its size in bytes.</param>
public sealed record GgufTensor(string Name, GgmlType Type, IReadOnlyList<long> Shape, long Offset, long Bytes)
{
    /// <summary>The number of elements.</summary>
    public long Count
    {
        get
        {
            var count = 1L;
            foreach (var size in Shape) count *= size; // the reader has checked that this fits
            return count;
        }
    }
}
