using NativeSteer.Engine;
using NativeSteer.Tests.Support;
using NativeSteer.Training;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Training;

/// <summary>The training graph computes what llama.cpp computes on the same file.</summary>
public sealed class TrainerLogitsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nativesteer-tests-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Llama_with_grouped_queries() => Equal(TinyModel.Path, 1e-4f);

    [Fact]
    public void Qwen2_with_biases_and_tied_embeddings() => Equal(TinyQwen2.Write(Path.Combine(_folder, "qwen.gguf")), 1e-4f);

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 4)]
    [InlineData(true, 2.5f)]
    public void Llama_with_rope_factors_and_linear_scaling(bool factors, float scaling)
    {
        var path = TinyModel.WriteRotated(Path.Combine(_folder, "rope.gguf"), factors, scaling);
        Equal(path, 1e-4f);
        // They are large enough to be seen.
        using var plain = Trainer.Load(TinyModel.Path, new() { Norms = true }, new() { Compute = ComputeType.F32 });
        using var rotated = Trainer.Load(path, new() { Norms = true }, new() { Compute = ComputeType.F32 });
        var batch = Batches.Random(plain.Shape.Vocabulary, 40, [[40]]);
        Assert.True(plain.Logits(batch).Zip(rotated.Logits(batch)).Max(pair => Math.Abs(pair.First - pair.Second)) > 0.01);
    }

    [Fact]
    public void Qwen2_with_linear_scaling()
    {
        TinyQwen2.Write(Path.Combine(_folder, "plain.gguf"));
        using var source = GgufFile.Open(Path.Combine(_folder, "plain.gguf"));
        var writer = new GgufWriter();
        foreach (var entry in source.Entries) writer.CopyEntry(source, entry);
        foreach (var tensor in source.Tensors) writer.CopyTensor(source, tensor);
        TinyModel.Rotate(writer, "qwen2", 0, factors: false, 4);
        writer.Write(Path.Combine(_folder, "qwen.gguf"));
        Equal(Path.Combine(_folder, "qwen.gguf"), 1e-4f);
    }

    [StoriesFact]
    public void Stories260K() => Equal(SharedFolder.Stories260K!, 1e-3f);

    [Theory, InlineData("countdown-base"), InlineData("countdown-reasoning")]
    public void The_built_in_models(string name) => Equal(name, 0.01f); // F16: products round activations to 16 bits, in another order

    private static void Equal(string path, float tolerance)
    {
        using var trainer = Trainer.Load(path, new TrainableParts { Norms = true }, new TrainerOptions { Compute = ComputeType.F32 });
        var batch = Batches.Random(trainer.Shape.Vocabulary, 40, [[40], [25, 12], [1, 2, 3, 20]]);
        var ours = trainer.Logits(batch);
        var theirs = LlamaLogits(path, batch);
        Assert.Equal(theirs.Length, ours.Length);
        var largest = ours.Zip(theirs).Max(pair => Math.Abs(pair.First - pair.Second));
        Assert.InRange(largest, 0, tolerance);
    }

    /// <summary>(outputs, vocabulary) logits of llama.cpp, each sequence of the batch by itself.</summary>
    internal static float[] LlamaLogits(string path, TrainingBatch batch)
    {
        using var model = LanguageModel.Load(path);
        using var context = model.CreateContext(new() { ContextLength = 256, FlashAttention = false, CacheType = CacheType.F32, Sequences = 1 });
        var logits = new List<float>();
        var wanted = batch.Outputs.ToHashSet();
        for (var start = 0; start < batch.Tokens.Length;)
        {
            var end = start + 1;
            while (end < batch.Tokens.Length && end % batch.Length != 0 && batch.Segments[end] == batch.Segments[start]) end++;
            if (batch.Segments[start] >= 0)
            {
                context.Clear();
                var rows = new TokenBatch();
                for (var place = start; place < end; place++) rows.Add(batch.Tokens[place], batch.Positions[place], 0, output: true);
                context.Decode(rows);
                for (var place = start; place < end; place++)
                {
                    if (wanted.Contains(place)) logits.AddRange(context.Logits(place - start).ToArray());
                }
            }
            start = end;
        }
        return [.. logits];
    }
}
