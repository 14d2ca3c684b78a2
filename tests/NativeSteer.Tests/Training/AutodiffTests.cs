using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Training;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Training;

/// <summary>The trainer against ggml's own training (ggml_opt): the same batches give the same losses.</summary>
public sealed class AutodiffTests : IDisposable
{
    private const int Rows = 3, Length = 24, Steps = 20;
    private const double Tolerance = 1e-3; // relative

    private static readonly TrainableParts s_all = new() { AllWeights = true };
    private static readonly TrainableParts s_vectors = new() { VectorLayers = [0, 1] };
    private static readonly TrainerOptions s_options = new() { Compute = ComputeType.F32, ClipNorm = 0, Threads = 1 };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("llama", 1)]
    [InlineData("llama", 3)] // every third token counts: the others never reach the head
    [InlineData("qwen2", 1)] // biases, NEOX rope, a head tied to the embeddings
    public void Full_training(string architecture, int every) => Equal(Model(architecture), s_all, s_options, 3e-3f, every, 0.9);

    [Fact]
    public void Full_training_with_vectors_and_other_parameters_of_the_optimiser() =>
        Equal(Model("llama"), s_all with { VectorLayers = [1] }, s_options with { Beta1 = 0.8f, Beta2 = 0.95f, Epsilon = 1e-6f }, 3e-3f, 2, 0.9);

    [Fact]
    public void Weight_decay_reaches_ggmls_optimiser()
    {
        var decayed = Losses(Model("llama"), s_all, s_options with { WeightDecay = 0.3f }, 3e-3f, 1);
        var plain = Losses(Model("llama"), s_all, s_options, 3e-3f, 1);
        Assert.True(Math.Abs(decayed[^1].Theirs / plain[^1].Theirs - 1) > 0.01, $"{plain[^1].Theirs} without decay, {decayed[^1].Theirs} with it.");
        Assert.InRange((decayed[^1].Theirs - plain[^1].Theirs) / (decayed[^1].Ours - plain[^1].Ours), 1, 4); // it decays the norms too
    }

    [Theory]
    [InlineData(GgmlType.F32)]
    [InlineData(GgmlType.F16)]
    [InlineData(GgmlType.Q8_0)]
    [InlineData(GgmlType.Q4_0)]
    public void One_vector_per_layer_through_frozen_weights(GgmlType type)
    {
        QuantizedCopy.Write(Model("llama"), _folder["frozen.gguf"], type);
        Equal(_folder["frozen.gguf"], s_vectors, s_options, 1e-2f, 1, 0.99);
    }

    [Fact]
    public void Shared_keys_cannot_be_derived() =>
        Refuses(TinyModel.Write(_folder["shared.gguf"], layers: 2), s_vectors, "shares 1 key-value heads among 2 heads");

    [Fact]
    public void Bf16_matrices_cannot_be_derived()
    {
        QuantizedCopy.Write(Model("llama"), _folder["bf16.gguf"], GgmlType.BF16);
        Refuses(_folder["bf16.gguf"], s_vectors, "BF16");
    }

    [Fact]
    public void Token_rows_are_not_trained() => Refuses(Model("llama"), new() { TokenRows = [5] }, "token rows");

    [Fact]
    public void Many_layers_have_no_room()
    {
        var most = AutodiffTrainer.MostLayers;
        Refuses(TinyModel.Write(_folder["deep.gguf"], layers: most + 1, keyValueHeads: 2), s_vectors, "has 16 layers", "15 at most");
        var batch = ChainBatch.Make(TinyModel.VocabularySize, Rows, Length, every: 2);
        var parts = s_all with { VectorLayers = [.. Enumerable.Range(0, most)] };
        using var trainer = AutodiffTrainer.Load(TinyModel.Write(_folder["most.gguf"], most, keyValueHeads: 2), parts, batch, s_options);
        Assert.True(double.IsFinite(trainer.Step(batch, 1e-3f)));
    }

    [Fact]
    public void What_ggml_asserts_while_it_derives_is_an_error_and_leaves_the_process_sound()
    {
        // Biases fill its graphs sooner.
        var deep = TinyQwen2.Write(_folder["biases.gguf"], layers: AutodiffTrainer.MostLayers, heads: 1);
        Refuses(deep, s_all, "ggml's autodiff cannot train this model", "2048");
        Equal(Model("llama"), s_vectors, s_options, 1e-2f, 1, 0.99);
    }

    [Fact]
    public void A_batch_that_ggml_cannot_take_is_refused_before_it_asserts()
    {
        var batch = ChainBatch.Make(TinyModel.VocabularySize, Rows, Length);
        using var trainer = AutodiffTrainer.Load(Model("llama"), s_vectors, batch, s_options);
        Assert.Throws<ArgumentException>(() => trainer.Step(ChainBatch.Make(TinyModel.VocabularySize, Rows, Length, every: 2), 1e-3f));
        Assert.Throws<ArgumentException>(() => trainer.Step(ChainBatch.Make(TinyModel.VocabularySize, Rows + 1, Length), 1e-3f));
        Assert.Throws<ArgumentException>(() => trainer.Step(Batches.Random(TinyModel.VocabularySize, Length, [[Length], [5, 5], [3]]), 1e-3f));
        Assert.Throws<ArgumentException>(() => trainer.Step(batch, 0));
        Assert.True(double.IsFinite(trainer.Step(batch, 1e-3f)));
    }

    private string Model(string architecture) => architecture == "llama"
        ? TinyModel.Write(_folder["llama.gguf"], layers: 2, keyValueHeads: 2)
        : TinyQwen2.Write(_folder["qwen2.gguf"], heads: 1);

    private void Refuses(string model, TrainableParts parts, params string[] message) => Fails.With(
        () => AutodiffTrainer.Load(model, parts, ChainBatch.Make(200, Rows, Length), s_options).Dispose(), message);

    private static void Equal(string model, TrainableParts parts, TrainerOptions options, float learningRate, int every, double falls)
    {
        var losses = Losses(model, parts, options, learningRate, every);
        for (var step = 0; step < Steps; step++)
        {
            var (loss, expected) = losses[step];
            Assert.True(Math.Abs(loss / expected - 1) < Tolerance, $"Step {step}: {loss}, ggml_opt {expected}.");
        }
        Assert.True(losses[^1].Ours < falls * losses[1].Ours, $"The loss went from {losses[1].Ours} to {losses[^1].Ours}."); // the updates count
    }

    private static List<(double Ours, double Theirs)> Losses(string model, TrainableParts parts, TrainerOptions options, float learningRate, int every)
    {
        using var ours = Trainer.Load(model, parts, options);
        TrainingBatch[] batches = [.. Enumerable.Range(0, 2).Select(seed => ChainBatch.Make(ours.Shape.Vocabulary, Rows, Length, every, seed))];
        using var theirs = AutodiffTrainer.Load(model, parts, batches[0], options);
        return [.. Enumerable.Range(0, Steps).Select(step => batches[step % 2]).Select(
            batch => (ours.Step([batch], learningRate).Loss, theirs.Step(batch, learningRate)))];
    }
}
