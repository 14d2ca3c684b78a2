using NativeSteer.Tensors;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>Conversions between the number types of matrices, done by ggml.</summary>
internal static class WeightConversion
{
    private const int Nodes = 64;

    /// <summary>Fills a matrix's copy for the backward pass, see <see cref="ModelTensor.Transposed"/>.</summary>
    public static void Transpose(ModelTensor matrix, ComputeDevice device, TensorAllocator allocator)
    {
        using var graph = new TensorGraph(device, allocator, Nodes);
        var values = matrix.Value.Type == GgmlType.F32 ? matrix.Value : graph.Cast(matrix.Value, GgmlType.F32);
        graph.Schedule(matrix.HasPairs
            ? TensorGraph.Place(graph.Pairs(values, PairsAlong.Rows), matrix.Transposed)
            : graph.Copy(graph.Transpose(values), matrix.Transposed));
        graph.Compute();
    }

    /// <summary>Fills a matrix's copy for the forward pass, see <see cref="ModelTensor.Turned"/>.</summary>
    public static void Turn(ModelTensor matrix, ComputeDevice device, TensorAllocator allocator)
    {
        using var graph = new TensorGraph(device, allocator, Nodes);
        var values = matrix.Value.Type == GgmlType.F32 ? matrix.Value : graph.Cast(matrix.Value, GgmlType.F32);
        graph.Schedule(TensorGraph.Place(graph.Pairs(values, PairsAlong.Turned), matrix.Turned));
        graph.Compute();
    }

    /// <summary>Copies a stored tensor's bytes, a piece at a time.</summary>
    public static void Copy(GgufFile file, GgufTensor stored, Tensor target)
    {
        const int Piece = 16 << 20;
        for (var done = 0L; done < stored.Bytes; done += Piece)
            target.Write<byte>(file.ReadTensorBytes(stored, done, (int)Math.Min(Piece, stored.Bytes - done)), done);
    }

    /// <summary>Fills an F32 tensor from a stored one of any type, as many elements as there are.</summary>
    public static void Expand(GgufFile file, GgufTensor stored, Tensor target, ComputeDevice device, TensorAllocator allocator)
    {
        if (stored.Type == GgmlType.F32)
        {
            Copy(file, stored, target);
            return;
        }
        using var graph = new TensorGraph(device, allocator, Nodes);
        var raw = graph.Input(stored.Type, [.. stored.Shape]);
        var rows = stored.Count / stored.Shape[0];
        graph.Schedule(graph.Copy(raw, graph.Slice(target, 0, stored.Shape[0], rows, 1))); // the target may have more rows
        graph.Allocate();
        Copy(file, stored, raw);
        graph.Compute();
    }

    /// <summary>The values of a stored tensor of any type.</summary>
    public static float[] Floats(GgufFile file, GgufTensor stored)
    {
        if (stored.Type is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16) return file.ReadTensor(stored.Name);
        using var device = new ComputeDevice(1);
        using var allocator = new TensorAllocator(device);
        using var graph = new TensorGraph(device, allocator, Nodes);
        var raw = graph.Input(stored.Type, [.. stored.Shape]);
        var values = graph.Cast(raw, GgmlType.F32);
        graph.ScheduleOutput(values);
        graph.Allocate();
        Copy(file, stored, raw);
        graph.Compute();
        return values.ToArray();
    }

    /// <summary>(rows.Count, columns) the rows of a matrix of any type; for those it does not have the mean of all.</summary>
    public static float[] RowsOrMean(Tensor matrix, IReadOnlyList<int> rows, ComputeDevice device, TensorAllocator allocator)
    {
        var (columns, count, _, _) = matrix.Shape;
        using var graph = new TensorGraph(device, allocator, Nodes);
        var values = matrix.Type == GgmlType.F32 ? matrix : graph.Cast(matrix, GgmlType.F32);
        var sums = graph.SumRows(values);
        var ids = graph.Input(GgmlType.I32, rows.Count);
        var picked = graph.GetRows(matrix, ids);
        graph.ScheduleOutput(sums);
        graph.ScheduleOutput(picked);
        graph.Allocate();
        ids.Write<int>([.. rows.Select(row => row < count ? row : 0)]);
        graph.Compute();
        var (mean, result) = (sums.ToArray(), picked.ToArray());
        for (var i = 0; i < rows.Count; i++)
        {
            if (rows[i] < count) continue;
            for (var c = 0; c < columns; c++) result[i * columns + c] = mean[c] / count;
        }
        return result;
    }
}
