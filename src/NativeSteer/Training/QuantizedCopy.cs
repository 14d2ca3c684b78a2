using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>A model's copy with every matrix in another number type, as ggml converts it without an importance matrix.</summary>
internal static class QuantizedCopy
{
    /// <summary>Writes it. Norms and biases stay as they are.</summary>
    /// <param name="model">The model, or its first part.</param>
    /// <param name="path">The file to write.</param>
    /// <param name="type">The matrices' type; their rows must be whole blocks of it.</param>
    /// <exception cref="NativeSteerException">The model cannot be read, a matrix cannot have the type, or the file cannot be written.</exception>
    public static void Write(string model, string path, GgmlType type)
    {
        using var source = ModelSource.Open(model);
        var writer = new GgufWriter();
        foreach (var entry in source.First.Entries)
        {
            // Of the source's types and parts, which the copy does not share.
            if (entry.Key is "general.file_type" or "general.alignment" || entry.Key.StartsWith("split.", StringComparison.Ordinal)) continue;
            writer.CopyEntry(source.First, entry);
        }
        foreach (var (file, tensor) in source.Tensors)
        {
            if (tensor.Count == tensor.Shape[0])
            {
                writer.CopyTensor(file, tensor);
                continue;
            }
            if (!GgmlRows.CanEncode(type) || tensor.Shape[0] % GgmlTypes.BlockElements(type) != 0)
                throw new NativeSteerException($"{FileErrors.Shown(model)}: rows of {tensor.Shape[0]} ({tensor.Name}) cannot be of type {type}.");
            writer.AddTensor(
                tensor.Name, type, stream => GgmlRows.Encode(type, file.ReadTensor(tensor.Name), tensor.Shape[0], stream), [.. tensor.Shape]);
        }
        writer.Write(path);
    }
}
