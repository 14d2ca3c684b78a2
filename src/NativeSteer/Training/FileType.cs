using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>What <c>general.file_type</c> says of a model: the number type of most of it.</summary>
internal static class FileType
{
    /// <summary>Whether every matrix to be written has the type that it has in the source: what the source says still holds.</summary>
    internal static bool IsKept(GgufWriter writer, ModelSource source) =>
        Matrices(writer).All(matrix => source.Find(matrix.Name) is not var (_, tensor) || tensor.Type == matrix.Type);

    /// <summary>The type of most elements of the matrices, as llama.cpp guesses it too (llama-model-loader.cpp).</summary>
    /// <returns>enum llama_ftype (llama.h), or null where it has none.</returns>
    internal static uint? Of(GgufWriter writer)
    {
        var types = Matrices(writer).GroupBy(matrix => matrix.Type, matrix => matrix.Shape.Aggregate(1L, (product, size) => product * size));
        return types.MaxBy(type => type.Sum()) is { } most ? Of(most.Key) : null;
    }

    private static uint? Of(GgmlType type) => type switch
    {
        GgmlType.F32 => 0,
        GgmlType.F16 => 1,
        GgmlType.Q4_0 => 2,
        GgmlType.Q4_1 => 3,
        GgmlType.Q8_0 => 7,
        GgmlType.Q5_0 => 8,
        GgmlType.Q5_1 => 9,
        GgmlType.Q2_K => 10,
        GgmlType.Q3_K => 12,
        GgmlType.Q4_K => 15,
        GgmlType.Q5_K => 17,
        GgmlType.Q6_K => 18,
        GgmlType.IQ4_NL => 25,
        GgmlType.IQ4_XS => 30,
        GgmlType.BF16 => 32,
        _ => null,
    };

    private static IEnumerable<(string Name, GgmlType Type, IReadOnlyList<long> Shape)> Matrices(GgufWriter writer) =>
        writer.Tensors.Where(tensor => tensor.Shape.Skip(1).Any(size => size > 1));
}
