using NativeSteer.Engine;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Training;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Training;

public sealed class ModelInitializerTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("llama", false)]
    [InlineData("llama", true)]
    [InlineData("qwen2", false)]
    public void Llama_cpp_runs_it_and_the_trainer_loads_it(string architecture, bool untied)
    {
        var options = new ModelInitializerOptions { Architecture = architecture, Width = 64, Layers = 3, Heads = 4, KeyValueHeads = 2, Context = 128, Untied = untied };
        ModelInitializer.Write(_folder["m.gguf"], options, TinyModel.Path);
        using var model = LanguageModel.Load(_folder["m.gguf"]);
        Assert.Equal(new ModelShape(architecture, 3, 64), model.Shape);
        Assert.Equal(128, model.TrainedContextLength);
        Assert.Equal(untied, model.File.FindTensor("output.weight") is not null);
        Assert.Equal(Models.Tiny.Vocabulary.Tokenize("so wait"), model.Vocabulary.Tokenize("so wait"));
        using var context = model.CreateContext(new() { ContextLength = 64 });
        context.Decode(Models.Sequence(model, 12));
        Assert.All(context.Logits(11).ToArray(), logit => Assert.InRange(logit, -2, 2)); // it knows nothing
        using var trainer = Trainer.Load(_folder["m.gguf"], new TrainableParts { AllWeights = true });
        Assert.Equal(3, trainer.Shape.Layers);
    }

    [Fact]
    public void Numbers_have_the_deviation_that_they_should()
    {
        var options = new ModelInitializerOptions { Width = 256, Layers = 8, Heads = 8 };
        ModelInitializer.Write(_folder["m.gguf"], options, TinyModel.Path);
        using var file = GgufFile.Open(_folder["m.gguf"]);
        Assert.Equal(704, file.FindTensor("blk.0.ffn_up.weight")!.Shape[1]); // 8/3 of 256 up to a multiple of 32
        foreach (var (name, deviation) in new[] { ("token_embd.weight", 0.02), ("blk.3.attn_q.weight", 0.02), ("blk.3.ffn_down.weight", 0.005), ("blk.7.attn_output.weight", 0.005) })
        {
            var values = file.ReadTensor(name);
            Assert.InRange(values.Average(), -1e-3, 1e-3);
            Assert.InRange(Math.Sqrt(values.Average(value => (double)value * value)), deviation * 0.98, deviation * 1.02);
        }
        Assert.All(file.ReadTensor("blk.3.ffn_norm.weight"), value => Assert.Equal(1, value));
        Assert.NotEqual(file.ReadTensor("blk.3.attn_q.weight"), file.ReadTensor("blk.4.attn_q.weight"));
    }

    [Fact]
    public void The_seed_decides()
    {
        var options = new ModelInitializerOptions { Width = 32, Layers = 1, Heads = 2, Seed = 5 };
        ModelInitializer.Write(_folder["a.gguf"], options, TinyModel.Path);
        ModelInitializer.Write(_folder["b.gguf"], options, TinyModel.Path);
        ModelInitializer.Write(_folder["c.gguf"], options with { Seed = 6 }, TinyModel.Path);
        Assert.Equal(File.ReadAllBytes(_folder["a.gguf"]), File.ReadAllBytes(_folder["b.gguf"]));
        Assert.NotEqual(File.ReadAllBytes(_folder["a.gguf"]), File.ReadAllBytes(_folder["c.gguf"]));
    }

    [Fact]
    public void A_vocabulary_file_without_weights_will_do()
    {
        var vocabulary = Path.Combine(VocabularyFiles.Folder, "ggml-vocab-qwen2.gguf");
        ModelInitializer.Write(_folder["m.gguf"], new() { Width = 8, Layers = 1, Heads = 2 }, vocabulary);
        using var model = LanguageModel.Load(_folder["m.gguf"]);
        Assert.Equal(151936, model.Vocabulary.Size);
    }

    [Theory]
    [InlineData(60, 8, 0, "--heads")]
    [InlineData(24, 8, 0, "--heads")]
    [InlineData(64, 8, 3, "--kv-heads")]
    public void Impossible_shapes_are_refused(int width, int heads, int keyValueHeads, string expected) => Fails.With(
        () => ModelInitializer.Write(_folder["m.gguf"], new() { Width = width, Heads = heads, KeyValueHeads = keyValueHeads }, TinyModel.Path), expected);

    [Fact]
    public void A_file_without_tokenizer_is_refused()
    {
        new GgufWriter().Add("general.architecture", "llama").Write(_folder["none.gguf"]);
        Fails.With(() => ModelInitializer.Write(_folder["m.gguf"], new(), _folder["none.gguf"]), "has no tokenizer");
        Fails.With(() => ModelInitializer.Write(_folder["m.gguf"], new(), _folder["missing.gguf"]), "does not exist");
    }
}
