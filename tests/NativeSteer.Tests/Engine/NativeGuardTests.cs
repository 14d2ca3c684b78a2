using NativeSteer.Engine;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Engine;

/// <summary>
/// The second line of defence (native/runtime.h, Guard): with the check of the file left out, llama.cpp's assertions become
/// errors, and the process goes on to load and run a sound model.
/// </summary>
public sealed class NativeGuardTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("llama.block_count", 0u, "n_layer_all > 0")] // asserted while the numbers are read
    [InlineData("llama.expert_used_count", 9u, "n_expert_used_max")]
    [InlineData("llama.nextn_predict_layers", 9u, "n_layer_nextn")]
    public void An_assertion_while_loading_is_an_error(string key, uint value, string part)
    {
        var raw = RawGguf.Read(TinyModel.Path);
        raw.SetNumber(key, value);
        var path = _folder.Write("x.gguf", raw.Write());
        var error = Fails.With(() => LanguageModel.LoadUnchecked(path).Dispose(), path, "llama.cpp's own check failed", part);
        Assert.DoesNotContain("/src/", error.Message, StringComparison.Ordinal); // not the folders of the machine that built it
        AssertGoodModelRuns();
    }

    [Fact]
    public void An_assertion_on_the_vocabulary_is_an_error()
    {
        var raw = RawGguf.Read(TinyModel.Path);
        var tokens = raw.Find("tokenizer.ggml.tokens")!;
        tokens.Value = [.. tokens.Value[..^11], .. BitConverter.GetBytes(3L), .. "<s>"u8];
        var path = _folder.Write("x.gguf", raw.Write());
        Fails.With(() => LanguageModel.LoadUnchecked(path).Dispose(), "llama.cpp's own check failed", "token_to_id");
        AssertGoodModelRuns();
    }

    [Fact]
    public void An_assertion_while_a_context_is_made_is_an_error()
    {
        // qwen2's graph asserts that all of a head is rotated.
        var raw = RawGguf.Read(TinyQwen2.Write(_folder["qwen2.gguf"]));
        raw.SetNumber("qwen2.rope.dimension_count", 8);
        using var model = LanguageModel.LoadUnchecked(_folder.Write("x.gguf", raw.Write()));
        Fails.With(() => model.CreateContext(new() { ContextLength = 64 }).Dispose(), "llama.cpp's own check failed", "n_rot");
        AssertGoodModelRuns();
    }

    [Fact]
    public void What_a_tokenizer_throws_is_an_error()
    {
        // SentencePiece spells letters it does not know by byte tokens: without those llama.cpp throws.
        var raw = RawGguf.Read(TinyModel.Path);
        var tokens = raw.Find("tokenizer.ggml.tokens")!;
        static byte[] TwoBytes(int i) => [2, 0, 0, 0, 0, 0, 0, 0, (byte)(1 + i / 100), (byte)(1 + i % 100)];
        tokens.Value = [.. Enumerable.Range(0, (int)tokens.Count).SelectMany(TwoBytes)];
        raw.Entries.RemoveAll(entry => entry.Key == "tokenizer.ggml.token_type");
        using var model = LanguageModel.Load(_folder.Write("x.gguf", raw.Write()));
        Fails.With(() => model.Vocabulary.Tokenize("é"), "cannot tokenize", "no tokens for single bytes");

        // One that wants a begin token and has none: asserted.
        raw = RawGguf.Read(TinyQwen2.Write(_folder["qwen2.gguf"]));
        raw.Find("tokenizer.ggml.add_bos_token")!.Value = [1];
        raw.Entries.Single(entry => entry.Key == "tokenizer.ggml.pre").Value = [4, 0, 0, 0, 0, 0, 0, 0, .. "glm4"u8];
        using var beginless = LanguageModel.Load(_folder.Write("y.gguf", raw.Write()));
        Assert.Equal(-1, beginless.Vocabulary.BeginOfText);
        Fails.With(() => beginless.Vocabulary.Tokenize("a"), "cannot tokenize", "token_bos()");
        AssertGoodModelRuns();
    }

    [Fact]
    public void Weights_that_are_no_numbers_are_found_when_a_token_is_picked()
    {
        var raw = RawGguf.Read(TinyModel.Path);
        Array.Fill(raw.Tensors.Single(tensor => tensor.Name == "blk.1.ffn_up.weight").Data, (byte)0xFF);
        using var model = LanguageModel.Load(_folder.Write("x.gguf", raw.Write()));
        using var context = model.CreateContext(new() { ContextLength = 64 });
        context.Decode(Models.Sequence(model, 4));
        using var greedy = Sampler.Create(SamplerOptions.Greedy);
        using var sampler = Sampler.Create(new());
        Fails.With(() => context.Sample([3], [greedy], new int[1]), "row 3", "not numbers");
        Fails.With(() => context.Sample([3], [sampler], new int[1]), "row 3", "not numbers");
    }

    private static void AssertGoodModelRuns()
    {
        using var model = LanguageModel.Load(TinyModel.Path);
        using var context = model.CreateContext(new() { ContextLength = 64 });
        context.Decode(Models.Sequence(model, 4));
        Assert.True(float.IsFinite(context.Logits(3)[0]));
    }
}
