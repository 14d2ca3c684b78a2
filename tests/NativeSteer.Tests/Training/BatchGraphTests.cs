using NativeSteer.Tensors;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Training;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Training;

/// <summary>A batch's graph has room for what it needs, whatever is trained; in how many chunks the head goes changes nothing.</summary>
public sealed class BatchGraphTests : IDisposable
{
    private const int Length = 40;

    private readonly string _folder = Directory.CreateTempSubdirectory("nativesteer-tests-").FullName;
    private readonly ComputeDevice _device = new(1);
    private readonly TensorAllocator _allocator;

    public BatchGraphTests() => _allocator = new TensorAllocator(_device);

    public void Dispose()
    {
        _allocator.Dispose();
        _device.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    public static TheoryData<string, string, ComputeType> Cases
    {
        get
        {
            var data = new TheoryData<string, string, ComputeType>();
            foreach (var architecture in new[] { "llama", "qwen2" })
            {
                foreach (var parts in new[] { "all", "rows", "vectors" })
                {
                    foreach (var compute in Enum.GetValues<ComputeType>()) data.Add(architecture, parts, compute);
                }
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Many_chunks_have_room_and_give_what_one_gives(string architecture, string what, ComputeType compute)
    {
        var (weights, options) = (Load(Model(architecture, layers: 2), what, compute), new TrainerOptions { Compute = compute, Threads = 1 });
        using var _ = weights;
        var batch = Batch(weights, rows: 8);
        var (loss, gradient, few) = Run(weights, options, batch, chunkRows: 1024);
        var (lossOfMany, gradientOfMany, many) = Run(weights, options, batch, chunkRows: 3);
        var chunks = (batch.Outputs.Length + 2) / 3;
        Assert.InRange(chunks, 100, 110);
        Assert.InRange((many - few) / (double)(chunks - 1), 4, BatchGraph.TensorsPerChunk);
        Assert.Equal(loss, lossOfMany, 1e-5 * loss);
        var distance = Math.Sqrt(gradient.Zip(gradientOfMany).Sum(pair => Math.Pow(pair.First - pair.Second, 2)));
        Assert.InRange(distance / Math.Sqrt(gradient.Sum(g => (double)g * g)), 0, 1e-4);
    }

    [Theory, MemberData(nameof(Cases))]
    public void A_layer_takes_no_more_than_its_share(string architecture, string what, ComputeType compute)
    {
        int Tensors(int layers)
        {
            using var weights = Load(Model(architecture, layers), what, compute);
            var options = new TrainerOptions { Compute = compute, Threads = 1, Recompute = true };
            return Run(weights, options, Batch(weights, rows: 1), null, accumulate: true).Tensors;
        }
        Assert.InRange((Tensors(9) - Tensors(2)) / 7.0, 10, BatchGraph.TensorsPerLayer);
    }

    [Fact]
    public void A_graph_without_room_is_one_line_and_nothing_ends()
    {
        using var store = new TensorStore(_device, 100);
        var stored = Enumerable.Range(0, 100).Select(i => store.New(GgmlType.F32, $"s{i}", 4)).ToArray();
        store.Allocate();
        Assert.Throws<InvalidOperationException>(() => store.New(GgmlType.F32, "more", 4));
        foreach (var tensor in stored) Autodiff.Train(tensor); // which makes nodes of them
        using (var graph = new TensorGraph(_device, _allocator, 8))
        {
            Fails.With(() => { for (var i = 0; i < 9; i++) graph.Silu(stored[0]); }, "8 tensors it has room for");
        }
        using (var graph = new TensorGraph(_device, _allocator, 8))
        {
            Fails.With(() => { foreach (var tensor in stored) graph.Schedule(tensor); }, "training graph cannot be built");
        }
        using var sound = new TensorGraph(_device, _allocator, 8);
        var result = sound.Silu(stored[0]);
        sound.ScheduleOutput(result);
        sound.Compute();
        Assert.Equal(new float[4], result.ToArray());
    }

    private (double Loss, float[] Gradient, int Tensors) Run(
        TransformerWeights weights, TrainerOptions options, TrainingBatch batch, int? chunkRows, bool accumulate = false)
    {
        using var graph = BatchGraph.Gradient(_device, _allocator, weights, options, batch, batch.Outputs.Length, accumulate, chunkRows);
        graph.Compute();
        var stats = graph.Stats();
        using var forward = BatchGraph.Forward(_device, _allocator, weights, options, batch, chunkRows);
        forward.Compute();
        Assert.Equal(stats.Where((_, i) => i % 4 == 0), forward.Stats().Where((_, i) => i % 4 == 0));
        return (stats.Where((_, i) => i % 4 == 1).Sum(value => (double)value), [.. weights.Trained.SelectMany(tensor => tensor.Gradient.ToArray())], graph.Tensors);
    }

    private string Model(string architecture, int layers)
    {
        var path = Path.Combine(_folder, $"{layers}.gguf");
        return architecture == "llama" ? TinyModel.Write(path, layers, width: 32) : TinyQwen2.Write(path, layers);
    }

    private TransformerWeights Load(string path, string what, ComputeType compute)
    {
        TrainableParts parts = what switch
        {
            "all" => new() { AllWeights = true },
            "rows" => new() { TokenRows = [7, 20], Norms = true },
            _ => new() { VectorLayers = [0, 1] },
        };
        return WeightLoader.Load(path, _device, parts, new() { Compute = compute, Threads = 1 });
    }

    private static TrainingBatch Batch(TransformerWeights weights, int rows) =>
        Batches.Random(weights.Shape.Vocabulary, Length, [.. Enumerable.Range(0, rows).Select(_ => new[] { Length })]);
}
