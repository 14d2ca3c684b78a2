using System.Globalization;
using NativeSteer.Tests.Cli;
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

    [Fact]
    public void Terms_that_come_and_go_are_counted()
    {
        var threads = new TrainerOptions { Threads = 4 };
        Assert.Equal(4 * Of(s_all, new() { Threads = 1 }).Scratch, Of(s_all, threads).Scratch);
        // 7 rows of a head, two tables of keys, two blocks of weights, each padded to 16 numbers (native/attention.cpp).
        Assert.Equal(4L * sizeof(float) * ((7 * 256 * 32) + (2 * (32 + 32) * (256 + 16))), Of(s_all, threads).Scratch);
        Assert.Equal(0, Of(s_vectors).Loading); // F32 needs no conversion
        using var folder = new TestFolder();
        QuantizedCopy.Write(TinyModel.Path, folder["q8.gguf"], GgmlType.Q8_0);
        using var quantised = GgufFile.Open(folder["q8.gguf"]);
        var largest = TinyModel.VocabularySize * TinyModel.Width * sizeof(float);
        Assert.Equal(largest, MemoryEstimate.Of(quantised, s_vectors, new(), 1, 8).Loading);
        Assert.Equal(largest / 32 * 34 / 4, MemoryEstimate.Of(quantised, s_all, new(), 1, 8).Loading);
        Assert.Equal(2 * largest, Of(s_all).Writing);
        var estimate = Of(s_all) with { Loading = 1L << 40 };
        Assert.Equal(estimate.Weights + estimate.Copies + estimate.Optimizer + estimate.Loading + estimate.Writing, estimate.Total);
    }

    [Fact]
    public async Task The_process_grows_by_what_is_estimated()
    {
        using var folder = new TestFolder();
        ModelInitializer.Write(folder["small.gguf"], new() { Width = 128, Layers = 4, Heads = 4, KeyValueHeads = 2, FeedForward = 384 }, TinyModel.Path);
        ModelInitializer.Write(folder["large.gguf"], new() { Width = 256, Layers = 6, Heads = 4, KeyValueHeads = 2, FeedForward = 1024 }, TinyModel.Path);
        folder.Write("data.jsonl", string.Join('\n', Enumerable.Range(0, 8).Select(i => $"{{\"text\":\"{new string((char)('a' + i), 480)}\"}}")));
        folder.Write("short.jsonl", "{\"text\":\"abc\"}");
        var least = await Highest("small", 1, 32);
        foreach (var (what, grown) in new[] { ("rows", await Highest("small", 8, 512)), ("weights", await Highest("large", 1, 32)) })
        {
            var ratio = (double)(grown.Estimate - least.Estimate) / (grown.Peak - least.Peak);
            Assert.True(ratio is > 0.75 and < 1.6, $"More {what}: {grown.Estimate - least.Estimate} bytes were estimated, {grown.Peak - least.Peak} were taken.");
        }

        // A busy machine may look too late and miss a peak, never see one that was not: the highest of three counts.
        async Task<(long Peak, long Estimate)> Highest(string model, int rows, int length)
        {
            var (peak, estimate) = await Run(model, rows, length);
            for (var again = 0; again < 2; again++) peak = Math.Max(peak, (await Run(model, rows, length)).Peak);
            return (peak, estimate);
        }

        // The most that the program held, trained, saved and exported.
        async Task<(long Peak, long Estimate)> Run(string model, int rows, int length)
        {
            using var file = GgufFile.Open(folder[model + ".gguf"]);
            var estimate = MemoryEstimate.Of(file, s_all, new() { Threads = 1 }, rows, length).Total;
            using var process = CliRun.Start(
                "train", "sft", "-m", folder[model + ".gguf"], "-f", folder[length == 32 ? "short.jsonl" : "data.jsonl"], "-o", folder["out.gguf"],
                "--rows", $"{rows}", "--length", $"{length}", "--steps", "1", "-t", "1");
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            var peak = 0L;
            while (!process.HasExited)
            {
                peak = Math.Max(peak, Peak(process.Id));
                await Task.Delay(5);
            }
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == 0, await error);
            await output;
            return (peak, estimate);
        }
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

    // Bytes; 0 once it has ended.
    private static long Peak(int process)
    {
        const string name = "VmHWM:";
        try
        {
            var line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
            return line is null ? 0 : 1024 * long.Parse(line[name.Length..^"kB".Length].Trim(), NumberStyles.None, CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static MemoryEstimate Of(TrainableParts parts, TrainerOptions? options = null, int rows = 8, int length = 256)
    {
        using var model = GgufFile.Open(TinyModel.Path);
        return MemoryEstimate.Of(model, parts, options ?? new TrainerOptions(), rows, length);
    }
}
