using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>
/// An embedding or head matrix with some rows replaced and new ones at its end. All other rows keep their bytes, in whatever
/// type they are; the trained rows are converted to that type.
/// </summary>
/// <param name="file">Where the matrix lies.</param>
/// <param name="tensor">The matrix, under the name it is written as.</param>
/// <param name="rows">The trained rows.</param>
/// <param name="ids">The tokens they belong to.</param>
/// <param name="added">How many tokens the vocabulary has grown by.</param>
internal sealed class TokenRowPatch(GgufFile file, GgufTensor tensor, TrainedWeight rows, IReadOnlyList<int> ids, int added)
{
    /// <summary>Throws where rows of a tensor's type cannot be made.</summary>
    /// <exception cref="NativeSteerException">ggml needs more than the values to make such rows.</exception>
    internal static void Require(GgufFile file, GgufTensor tensor)
    {
        if (GgmlRows.CanEncode(tensor.Type)) return;
        throw new NativeSteerException(
            $"{FileErrors.Shown(file.Path)} has its tensor {FileErrors.Printable(tensor.Name)} as {tensor.Type}, in which single rows cannot be written; "
            + "train token rows on a model of another quantisation, e.g. Q8_0 or Q4_K.");
    }

    /// <summary>Adds the matrix to a file.</summary>
    /// <param name="writer">The file.</param>
    /// <param name="type">The type to write: another than the matrix has only where it is of plain floats or trained as a whole.</param>
    /// <param name="values">The values of all rows where they were trained too, or null.</param>
    internal void Add(GgufWriter writer, GgmlType type, Func<float[]>? values)
    {
        Require(file, tensor with { Type = type });
        var (columns, count) = (tensor.Shape[0], tensor.Shape[1]);
        writer.AddTensor(tensor.Name, type, stream =>
        {
            var trained = rows.Values();
            var places = new SortedList<int, int>();
            for (var i = 0; i < ids.Count; i++) places[ids[i]] = i;
            var all = values?.Invoke() ?? (type == tensor.Type ? null : WeightConversion.Floats(file, tensor));
            var next = 0L;
            foreach (var (id, place) in places)
            {
                if (id >= count + added) throw new InvalidOperationException($"Token {id} was trained, the vocabulary has {count + added}.");
                Others(next, id);
                GgmlRows.Encode(type, trained.AsSpan((int)(place * columns), (int)columns), columns, stream);
                next = id + 1;
            }
            Others(next, count);

            void Others(long from, long to)
            {
                if (to <= from) return;
                if (all is not null) GgmlRows.Encode(type, all.AsSpan((int)(from * columns), (int)((to - from) * columns)), columns, stream);
                else GgufWriter.CopyBytes(file, tensor, from * GgmlRows.Bytes(type, columns), (to - from) * GgmlRows.Bytes(type, columns), stream);
            }
        }, columns, count + added);
    }
}
