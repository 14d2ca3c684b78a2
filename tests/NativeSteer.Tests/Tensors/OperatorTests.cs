using NativeSteer.Tensors;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Tensors;

/// <summary>The operators of native/training.cpp, attention.cpp and product.cpp against double-precision loops.</summary>
public sealed class OperatorTests : IDisposable
{
    private readonly ComputeDevice _device = new(2);
    private readonly TensorAllocator _allocator;
    private readonly Random _random = new(11);

    public OperatorTests() => _allocator = new TensorAllocator(_device);

    public void Dispose()
    {
        _allocator.Dispose();
        _device.Dispose();
    }

    [Theory, InlineData(1, 1), InlineData(33, 31), InlineData(64, 7), InlineData(5, 130)]
    public void Transpose(int columns, int rows)
    {
        var a = Values(columns * rows);
        var turned = Run(graph => graph.Transpose(Input(graph, a, columns, rows)));
        for (var r = 0; r < rows; r++)
        {
            for (var c = 0; c < columns; c++) Assert.Equal(a[r * columns + c], turned[c * rows + r]);
        }
    }

    [Theory, InlineData(1, 1, false), InlineData(70, 45, false), InlineData(70, 45, true), InlineData(32, 1000, true)]
    public void Sum_of_rows(int columns, int rows, bool times)
    {
        var (a, b) = (Values(columns * rows), Values(columns * rows));
        var sums = Run(graph => graph.SumRows(Input(graph, a, columns, rows), times ? Input(graph, b, columns, rows) : Tensor.None));
        for (var c = 0; c < columns; c++)
        {
            var expected = Enumerable.Range(0, rows).Sum(r => (double)a[r * columns + c] * (times ? b[r * columns + c] : 1));
            Assert.Equal(expected, sums[c], 1e-5 * Math.Sqrt(rows));
        }
    }

    [Theory, InlineData(1), InlineData(17), InlineData(5000)]
    public void Squares(int count)
    {
        var a = Values(count);
        Assert.Equal(a.Sum(v => (double)v * v), Run(graph => graph.Squares(Input(graph, a, count, 1))).Sum(v => (double)v), 1e-3);
    }

    [Theory]
    [InlineData(2, 1, 1), InlineData(64, 64, 64), InlineData(7, 5, 3), InlineData(300, 13, 70), InlineData(256, 200, 129), InlineData(33, 7, 515)]
    public void Products_of_pairs(int depth, int m, int n)
    {
        var (a, b) = (Values(depth * m), Values(depth * n));
        var expected = new double[m * n];
        for (var i = 0; i < m; i++)
        {
            for (var j = 0; j < n; j++) expected[i * n + j] = Enumerable.Range(0, depth).Sum(k => (double)Rounded(a[i * depth + k]) * Rounded(b[j * depth + k]));
        }
        var (turnedA, turnedB) = (Turned(a, depth, m), Turned(b, depth, n));
        var tolerance = 1e-5 * Math.Sqrt(depth);
        foreach (var portable in (ReadOnlySpan<bool>)[false, true]) // a processor with BF16 instructions runs both
        {
            // a as rows or as columns, b likewise: the three products of training.
            Close(expected, Run(graph => graph.Product(
                graph.Pairs(Input(graph, a, depth, m), PairsAlong.Columns),
                graph.Pairs(Input(graph, b, depth, n), PairsAlong.Turned), portable: portable)), tolerance);
            Close(expected, Run(graph => graph.Product(
                graph.Pairs(Input(graph, a, depth, m), PairsAlong.Columns),
                graph.Pairs(Input(graph, turnedB, n, depth), PairsAlong.Rows), portable: portable)), tolerance);
            Close(expected, Run(graph => graph.Product(
                graph.Pairs(Input(graph, turnedA, m, depth), PairsAlong.Rows),
                graph.Pairs(Input(graph, turnedB, n, depth), PairsAlong.Rows), turned: true, portable)), tolerance);
        }
    }

    [Theory]
    [InlineData(8, 2, 1, 5, 1, 1, 2), InlineData(32, 4, 2, 40, 3, 1, 2), InlineData(64, 6, 2, 33, 2, 3, 2), InlineData(20, 3, 3, 100, 1, 4, 2)]
    [InlineData(128, 2, 1, 65, 2, 2, 2), InlineData(128, 1, 1, 1, 1, 1, 1), InlineData(16, 2, 1, 130, 1, 2, 2), InlineData(16, 2, 1, 130, 1, 2, 1), InlineData(16, 2, 2, 150, 2, 5, 2), InlineData(32, 4, 2, 90, 4, 3, 1)]
    public void Attention_and_its_way_back(int size, int heads, int keyHeads, int length, int rows, int sequences, int threads)
    {
        var n = length * rows;
        var (q, k, v) = (Values(size * heads * n), Values(size * keyHeads * n), Values(size * keyHeads * n));
        var gradient = Values(size * heads * n);
        // In every second row a sequence also sees some of the one two before it.
        var (sees, each) = (new int[3 * n], (length + sequences - 1) / sequences);
        for (var i = 0; i < n; i++)
        {
            var (row, t, start) = (i / length, i % length, i % length / each * each);
            var from = row % 2 == 1 && start >= 2 * each ? start - 2 * each + row % each : 0;
            (sees[3 * row * length + t], sees[(3 * row + 1) * length + t], sees[(3 * row + 2) * length + t]) = (start, from, from == 0 ? 0 : start - each);
        }
        var reference = new AttentionReference(size, heads, keyHeads, length, rows, sees);
        var (expected, dq, dk, dv) = reference.Run(q, k, v, gradient);

        Tensor[] Inputs(TensorGraph graph) =>
        [
            Input(graph, q, size, heads, n), Input(graph, k, size, keyHeads, n), Input(graph, v, size, keyHeads, n), Input(graph, sees, length, 3, rows),
        ];
        Close(expected, Run(graph => Inputs(graph) is [var a, var b, var c, var s] ? graph.Attention(a, b, c, s, graph.AttentionScratch(size, length, threads)) : default), 1e-5);
        var back = Run(graph => Inputs(graph) is [var a, var b, var c, var s] ? graph.AttentionBack(a, b, c, s, Input(graph, gradient, size * heads, n), graph.AttentionScratch(size, length, threads)) : default);
        Close([.. dq, .. dk, .. dv], back, 1e-4);
    }

    [Theory, InlineData(3, 0f), InlineData(700, 0f), InlineData(700, 0.3f)]
    public void Loss_of_tokens_and_its_gradient(int vocabulary, float kl)
    {
        const int Rows = 9;
        const float Temperature = 1.7f;
        var logits = Values(vocabulary * Rows).Select(x => 5 * x).ToArray();
        var targets = Enumerable.Range(0, Rows).Select(_ => _random.Next(vocabulary)).ToArray();
        var options = new float[4 * Rows];
        for (var i = 0; i < Rows; i++) (options[4 * i], options[4 * i + 1], options[4 * i + 2], options[4 * i + 3]) = ((i - 4) / 3f, -2 - i / 5f, kl, 1 / Temperature);
        using var graph = new TensorGraph(_device, _allocator, 32);
        _inputs.Clear();
        var (x, t, o) = (Input(graph, logits, vocabulary, Rows), Input(graph, targets, Rows), Input(graph, options, 4, Rows));
        var stats = graph.TokenLoss(x, t, o);
        graph.ScheduleOutput(stats);
        var back = graph.TokenLossBack(x, t, o, stats);
        graph.ScheduleOutput(back);
        graph.Allocate();
        foreach (var write in _inputs) write();
        graph.Compute();
        var (measured, gradient) = (stats.ToArray(), back.ToArray());
        for (var i = 0; i < Rows; i++)
        {
            var row = Enumerable.Range(0, vocabulary).Select(j => (double)logits[i * vocabulary + j] / Temperature).ToArray();
            var logSum = row.Max() + Math.Log(row.Sum(value => Math.Exp(value - row.Max())));
            var logProbability = row[targets[i]] - logSum;
            var rho = kl == 0 ? 0 : options[4 * i + 1] - logProbability;
            Assert.Equal(logProbability, measured[4 * i], 1e-5 * Math.Abs(logSum));
            var loss = -options[4 * i] * logProbability + kl * (Math.Exp(rho) - rho - 1);
            Assert.Equal(loss, measured[4 * i + 1], 1e-5 * (1 + Math.Abs(loss)));
            var slope = -options[4 * i] + kl * (1 - Math.Exp(rho));
            Assert.Equal(slope, measured[4 * i + 2], 1e-5 * (1 + Math.Abs(slope)));
            for (var j = 0; j < vocabulary; j++)
                Assert.Equal(slope / Temperature * ((j == targets[i] ? 1 : 0) - Math.Exp(row[j] - logSum)), gradient[i * vocabulary + j], 1e-5 * (1 + Math.Abs(slope)));
        }
    }

    private readonly List<Action> _inputs = [];

    private float[] Run(Func<TensorGraph, Tensor> build)
    {
        using var graph = new TensorGraph(_device, _allocator, 64);
        _inputs.Clear();
        var result = build(graph);
        graph.ScheduleOutput(result);
        graph.Allocate();
        foreach (var write in _inputs) write();
        graph.Compute();
        return result.ToArray();
    }

    private Tensor Input<T>(TensorGraph graph, T[] values, params ReadOnlySpan<long> shape) where T : unmanaged
    {
        var tensor = graph.Input(typeof(T) == typeof(int) ? GgmlType.I32 : GgmlType.F32, shape);
        _inputs.Add(() => tensor.Write<T>(values));
        return tensor;
    }

    private float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => (_random.NextSingle() * 2) - 1)];

    private static float[] Turned(float[] a, int columns, int rows) =>
        [.. Enumerable.Range(0, columns).SelectMany(c => Enumerable.Range(0, rows).Select(r => a[r * columns + c]))];

    // To bfloat16, ties to even.
    private static float Rounded(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000);
    }

    private static void Close(double[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < actual.Length; i++) Assert.Equal(expected[i], actual[i], tolerance);
    }
}
