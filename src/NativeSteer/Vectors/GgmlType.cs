namespace NativeSteer.Vectors;

/// <summary>Storage types of GGUF tensors, numbered as <c>enum ggml_type</c> of llama.cpp v0.5.0 (ggml/include/ggml.h).</summary>
public enum GgmlType
{
    /// <summary>IEEE 32-bit float.</summary>
    F32 = 0,

    /// <summary>IEEE 16-bit float.</summary>
    F16 = 1,

    /// <summary>4-bit blocks of 32.</summary>
    Q4_0 = 2,

    /// <summary>4-bit blocks of 32 with a minimum.</summary>
    Q4_1 = 3,

    /// <summary>5-bit blocks of 32.</summary>
    Q5_0 = 6,

    /// <summary>5-bit blocks of 32 with a minimum.</summary>
    Q5_1 = 7,

    /// <summary>8-bit blocks of 32.</summary>
    Q8_0 = 8,

    /// <summary>8-bit blocks of 32 with a sum, for activations.</summary>
    Q8_1 = 9,

    /// <summary>2-bit super-blocks of 256.</summary>
    Q2_K = 10,

    /// <summary>3-bit super-blocks of 256.</summary>
    Q3_K = 11,

    /// <summary>4-bit super-blocks of 256.</summary>
    Q4_K = 12,

    /// <summary>5-bit super-blocks of 256.</summary>
    Q5_K = 13,

    /// <summary>6-bit super-blocks of 256.</summary>
    Q6_K = 14,

    /// <summary>8-bit super-blocks of 256, for activations.</summary>
    Q8_K = 15,

    /// <summary>2.06 bits a weight, codebook.</summary>
    IQ2_XXS = 16,

    /// <summary>2.31 bits a weight, codebook.</summary>
    IQ2_XS = 17,

    /// <summary>3.06 bits a weight, codebook.</summary>
    IQ3_XXS = 18,

    /// <summary>1.56 bits a weight, codebook.</summary>
    IQ1_S = 19,

    /// <summary>4.5 bits a weight, non-linear.</summary>
    IQ4_NL = 20,

    /// <summary>3.44 bits a weight, codebook.</summary>
    IQ3_S = 21,

    /// <summary>2.56 bits a weight, codebook.</summary>
    IQ2_S = 22,

    /// <summary>4.25 bits a weight, non-linear.</summary>
    IQ4_XS = 23,

    /// <summary>Signed 8-bit integer.</summary>
    I8 = 24,

    /// <summary>Signed 16-bit integer.</summary>
    I16 = 25,

    /// <summary>Signed 32-bit integer.</summary>
    I32 = 26,

    /// <summary>Signed 64-bit integer.</summary>
    I64 = 27,

    /// <summary>IEEE 64-bit float.</summary>
    F64 = 28,

    /// <summary>1.75 bits a weight, codebook.</summary>
    IQ1_M = 29,

    /// <summary>The upper half of an F32.</summary>
    BF16 = 30,

    /// <summary>1.69 bits a weight, ternary.</summary>
    TQ1_0 = 34,

    /// <summary>2.06 bits a weight, ternary.</summary>
    TQ2_0 = 35,

    /// <summary>4-bit floats with a shared exponent, blocks of 32.</summary>
    MXFP4 = 39,

    /// <summary>4-bit floats with E4M3 scales, blocks of 64.</summary>
    NVFP4 = 40,

    /// <summary>1-bit blocks of 128.</summary>
    Q1_0 = 41,

    /// <summary>2-bit blocks of 64.</summary>
    Q2_0 = 42,
}

/// <summary>Block sizes of the tensor types.</summary>
public static class GgmlTypes
{
    // (elements, bytes) of one block: type_traits in ggml/src/ggml.c, sizes of the block structs in ggml-common.h, printed by
    // a C program against v0.5.0. (0, 0) marks numbers that ggml has retired or never used.
    private static readonly (int Elements, int Bytes)[] s_blocks =
    [
        (1, 4), (1, 2), (32, 18), (32, 20), (0, 0), (0, 0), (32, 22), (32, 24), (32, 34), (32, 36),
        (256, 84), (256, 110), (256, 144), (256, 176), (256, 210), (256, 292), (256, 66), (256, 74), (256, 98), (256, 50),
        (32, 18), (256, 110), (256, 82), (256, 136), (1, 1), (1, 2), (1, 4), (1, 8), (1, 8), (256, 56),
        (1, 2), (0, 0), (0, 0), (0, 0), (256, 54), (256, 66), (0, 0), (0, 0), (0, 0), (32, 17),
        (64, 36), (128, 18), (64, 18),
    ];

    /// <summary>True for a type that llama.cpp v0.5.0 can load.</summary>
    public static bool IsKnown(GgmlType type) => (uint)type < (uint)s_blocks.Length && s_blocks[(int)type].Elements > 0;

    /// <summary>Elements in one block; a row's length is a multiple of it. 1 for plain numbers.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type is not known.</exception>
    public static int BlockElements(GgmlType type) => Block(type).Elements;

    /// <summary>Bytes of one block.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type is not known.</exception>
    public static int BlockBytes(GgmlType type) => Block(type).Bytes;

    private static (int Elements, int Bytes) Block(GgmlType type) =>
        IsKnown(type) ? s_blocks[(int)type] : throw new ArgumentOutOfRangeException(nameof(type), type, "not a type of ggml v0.5.0");
}
