using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Training;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Training;

public sealed class MemoryEstimateTests
{
    private static readonly TrainableParts s_all = new() { AllWeights = true };

    private static readonly TrainableParts s_vectors = new() { VectorLayers = [0, 1, 2, 3] };

    [Fact]
    public void Moments_and_gradients_are_three_floats_a_trained_number()
    {
        using var model = GgufFile.Open(TinyModel.Path);
        var weights = model.Tensors.Sum(tensor => tensor.Count);
        Assert.Equal(weights * 12, Of(s_all).Optimizer);
        Assert.Equal(4 * TinyModel.Width * 12, Of(s_vectors).Optimizer);
        Assert.Equal(weights * 4, Of(s_all).Weights);
    }

    [Fact]
    public void What_should_help_helps()
    {
        Assert.True(Of(s_all, new() { Recompute = true }).Total < Of(s_all).Total);
        Assert.True(Of(s_all, rows: 2).Total < Of(s_all).Total);
        Assert.True(Of(s_all, length: 64).Total < Of(s_all).Total);
        Assert.True(Of(s_vectors, new() { Transposed = TransposedType.Q8_0 }).Total < Of(s_vectors).Total);
        Assert.True(Of(s_vectors).Total < Of(s_all).Total);
    }

    [Fact]
    public void Too_little_memory_is_said_before_it_is_taken_with_what_would_help()
    {
        var options = new TrainerOptions();
        var estimate = Of(s_all, options);
        estimate.RequireFit(estimate.Total, options, 8, 256);
        Fails.With(
            () => estimate.RequireFit(estimate.Total - 1, options, 8, 256), "Training would take about", "are free", "--recompute", "--rows 8");
        var large = estimate with { Copies = estimate.Total * 4 };
        Fails.With(() => large.RequireFit(1, options, 1, 256), "--transposed q8_0", "--length 256");
    }

    [Theory]
    [InlineData("all", false, ComputeType.BF16, 8, 128)]
    [InlineData("all", true, ComputeType.BF16, 2, 256)]
    [InlineData("all", false, ComputeType.F32, 1, 64)]
    [InlineData("vectors", false, ComputeType.F32, 8, 128)]
    [InlineData("vectors", true, ComputeType.F32, 4, 128)]
    [InlineData("last", false, ComputeType.F32, 8, 128)]
    [InlineData("norms", false, ComputeType.F32, 4, 128)]
    [InlineData("rows", true, ComputeType.F32, 4, 128)]
    public void It_is_near_what_the_trainer_takes_and_not_below(string what, bool recompute, ComputeType compute, int rows, int length)
    {
        using var folder = new TestFolder();
        ModelInitializer.Write(
            folder["m.gguf"], new() { Width = 128, Layers = 4, Heads = 4, KeyValueHeads = 2, FeedForward = 384, Untied = rows == 8 }, TinyModel.Path);
        var parts = what switch
        {
            "all" => s_all,
            "vectors" => s_vectors,
            "last" => new TrainableParts { VectorLayers = [3] },
            "norms" => new TrainableParts { Norms = true },
            _ => new TrainableParts { TokenRows = [5, 6] },
        };
        var options = new TrainerOptions { Threads = 2, Recompute = recompute, Compute = compute };
        using var file = GgufFile.Open(folder["m.gguf"]);
        var estimate = MemoryEstimate.Of(file, parts, options, rows, length);
        using var trainer = Trainer.Load(folder["m.gguf"], parts, options);
        trainer.Step([Batches.Random(TinyModel.VocabularySize, length, [.. Enumerable.Range(0, rows).Select(_ => new[] { length })])], 1e-4f);
        Assert.InRange((double)estimate.Total / trainer.Bytes, 0.99, 1.7);
    }

    [Theory]
    [InlineData("MemTotal: 100 kB\nMemAvailable:   64 kB\n", 65536L)]
    [InlineData("MemTotal: 100 kB\n", null)]
    [InlineData("MemAvailable: lots kB\n", null)]
    [InlineData(null, null)]
    public void Linux_says_what_is_free(string? text, long? expected) => Assert.Equal(expected, AvailableMemory.FromMeminfo(text));

    [Theory]
    [InlineData("1000\n", "600\n", "anon 400\ninactive_file 150\n", 550L)]
    [InlineData("1000\n", "1200\n", "", 0L)]
    [InlineData("max\n", "600\n", "", null)]
    [InlineData(null, null, null, null)]
    public void A_containers_limit_counts(string? limit, string? used, string? statistics, long? expected) =>
        Assert.Equal(expected, AvailableMemory.Left(limit, used, statistics));

    [Fact]
    public void This_machine_has_some() => Assert.InRange(AvailableMemory.Bytes(), 1 << 20, long.MaxValue);

    private static MemoryEstimate Of(TrainableParts parts, TrainerOptions? options = null, int rows = 8, int length = 256)
    {
        using var model = GgufFile.Open(TinyModel.Path);
        return MemoryEstimate.Of(model, parts, options ?? new TrainerOptions(), rows, length);
    }
}
