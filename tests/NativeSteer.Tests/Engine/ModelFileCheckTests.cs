using NativeSteer.Engine;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Engine;

/// <summary>What is no model, or a model that cannot be, is refused in one line that names the fact.</summary>
public sealed class ModelFileCheckTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Other_kinds_of_file_are_named()
    {
        var tensor = new float[64];
        Refused(Written(new GgufWriter().Add("general.architecture", "controlvector").AddTensor("direction.1", tensor)), "control vector", "--control-vector");
        Refused(Written(new GgufWriter().AddTensor("direction.1", tensor).AddTensor("direction.2", tensor)), "control vector");
        Refused(Written(new GgufWriter().Add("general.architecture", "llama").Add("general.type", "adapter").AddTensor("a", tensor)), "LoRA adapter");
        Refused(Written(new GgufWriter().Add("general.architecture", "clip").AddTensor("v.patch_embd.weight", tensor)), "mmproj");
        Refused(Written(new GgufWriter().Add("general.name", "x").AddTensor("a", tensor)), "names no architecture");
        Refused(Path.Combine(VocabularyFiles.Folder, "ggml-vocab-llama-spm.gguf"), "vocabulary and no weights");
        Refused(_folder.Write("text.gguf", "This is a text."), "not a GGUF file");
        Refused(_folder["nothing.gguf"], "does not exist");
        Refused(_folder.Path, "is a directory");
    }

    [Fact]
    public void An_unknown_architecture_is_left_to_llama_cpp_which_says_so()
    {
        var raw = RawGguf.Read(TinyModel.Path);
        SetText(raw, "general.architecture", "llamb");
        Refused(raw, "unknown model architecture: 'llamb'", "v0.5.0");
    }

    [Theory]
    [InlineData("llama.block_count", 0u, "block_count is 0")]
    [InlineData("llama.block_count", 513u, "1 to 512")]
    [InlineData("llama.block_count", 5u, "no tensor blk.4.attn_norm.weight")]
    [InlineData("llama.context_length", 0u, "context_length is 0")]
    [InlineData("llama.embedding_length", 0u, "embedding_length is 0")]
    [InlineData("llama.embedding_length", 96u, "dimension_count is 32", "have 48 numbers")]
    [InlineData("llama.attention.head_count", 0u, "head_count is missing or 0")]
    [InlineData("llama.attention.head_count", 3u, "not a multiple of its 3 attention heads")]
    [InlineData("llama.attention.head_count", 64u, "odd size 1")]
    [InlineData("llama.attention.head_count_kv", 0u, "cannot share 0")]
    [InlineData("llama.attention.head_count_kv", 3u, "cannot share 3")]
    [InlineData("llama.attention.head_count_kv", 2u, "attn_k.weight is [64, 32]", "[64, 64]")]
    [InlineData("llama.feed_forward_length", 0u, "feed_forward_length is missing or 0")]
    [InlineData("llama.rope.dimension_count", 16u, "dimension_count is 16", "have 32 numbers")]
    [InlineData("llama.expert_count", 4u, "expert_used_count are 4 and 0")]
    [InlineData("llama.expert_used_count", 2u, "expert_used_count are 0 and 2")]
    [InlineData("llama.nextn_predict_layers", 4u, "nextn_predict_layers is 4")]
    [InlineData("llama.attention.value_length", 16u, "keys of 32 and values of 16")]
    [InlineData("llama.vocab_size", uint.MaxValue, "vocab_size is 4294967295")]
    [InlineData("tokenizer.ggml.bos_token_id", 271u, "bos_token_id is 271", "271 tokens")]
    public void Numbers_that_cannot_be_are_named(string key, uint value, params string[] parts)
    {
        var raw = RawGguf.Read(TinyModel.Path);
        if (raw.Find(key) is { } entry) entry.Value = BitConverter.GetBytes(value);
        else raw.Entries.Add(new() { Key = key, Type = (uint)GgufValueType.UInt32, IsArray = false, Count = 1, Value = BitConverter.GetBytes(value) });
        Refused(raw, parts);
    }

    [Fact]
    public void Types_of_key_values_are_checked()
    {
        foreach (var key in (string[])["llama.block_count", "llama.embedding_length", "llama.attention.head_count", "llama.attention.head_count_kv"])
        {
            var raw = RawGguf.Read(TinyModel.Path);
            raw.Find(key)!.Type = (uint)GgufValueType.Int32;
            Refused(raw, key, "is i32, not u32");
        }
        var real = RawGguf.Read(TinyModel.Path);
        real.Find("llama.attention.layer_norm_rms_epsilon")!.Value = BitConverter.GetBytes(float.NaN);
        Refused(real, "rms_epsilon is NaN");
        var scaling = RawGguf.Read(TinyModel.Path);
        scaling.Entries.Add(new() { Key = "llama.rope.scaling.type", Type = (uint)GgufValueType.String, IsArray = false, Count = 1, Value = [] });
        SetText(scaling, "llama.rope.scaling.type", "cubic");
        Refused(scaling, "'cubic'");
    }

    [Fact]
    public void Head_counts_may_be_arrays_of_one_value()
    {
        var raw = RawGguf.Read(TinyModel.Path);
        raw.Entries.RemoveAll(entry => entry.Key == "llama.attention.head_count_kv");
        var array = new RawGguf.Entry { Key = "llama.attention.head_count_kv", Type = (uint)GgufValueType.Int32, IsArray = true, Count = 4, Value = Integers(1, 1, 1, 1) };
        raw.Entries.Add(array);
        LanguageModel.Load(_folder.Write("array.gguf", raw.Write())).Dispose();
        array.Value = Integers(1, 1, 2, 1);
        Refused(raw, "blocks differ", "1, 2");
        (array.Count, array.Value) = (3, Integers(1, 1, 1));
        Refused(raw, "3 elements, not 4");

        static byte[] Integers(params int[] values) => [.. values.SelectMany(BitConverter.GetBytes)];
    }

    [Fact]
    public void A_vocabulary_that_contradicts_itself_is_named()
    {
        Refused(Changed(raw => raw.Entries.RemoveAll(e => e.Key == "tokenizer.ggml.model")), "no tokenizer");
        Refused(Changed(raw => raw.Entries.RemoveAll(e => e.Key == "tokenizer.ggml.tokens")), "no tokens");
        Refused(Changed(raw => SetText(raw, "tokenizer.ggml.model", "gpt2")), "no merges");
        Refused(Changed(raw => SetText(raw, "tokenizer.ggml.model", "abacus")), "'abacus'");
        Refused(Changed(raw => (raw.Find("tokenizer.ggml.scores")!.Count, raw.Find("tokenizer.ggml.scores")!.Value) = (2, new byte[8])), "2 elements for 271 tokens");
        Refused(Changed(raw => raw.Find("tokenizer.ggml.token_type")!.Type = (uint)GgufValueType.UInt32), "token_type is arr[u32], not arr[i32]");
        Refused(
            Changed(raw =>
            {
                var tokens = raw.Find("tokenizer.ggml.tokens")!;
                tokens.Value = [.. tokens.Value[..^11], .. BitConverter.GetBytes(3L), .. "<s>"u8]; // in place of the last, of 3 bytes too
            }),
            "tokens 1 and 270", "spelled alike");
    }

    [Fact]
    public void Missing_tensors_and_those_of_another_shape_or_type_are_named()
    {
        Refused(Changed(raw => raw.Tensors.RemoveAll(t => t.Name == "blk.2.ffn_down.weight")), "no tensor blk.2.ffn_down.weight", "38 others");
        Refused(Changed(raw => Tensor(raw, "blk.1.attn_q.weight").Shape = [32, 128]), "blk.1.attn_q.weight is [32, 128]", "[64, 64]");
        Refused(Changed(raw => Retype(Tensor(raw, "blk.0.attn_norm.weight"), GgmlType.F16)), "attn_norm.weight is F16", "F32");
        Refused(Changed(raw => Retype(Tensor(raw, "blk.0.ffn_up.weight"), GgmlType.I32)), "ffn_up.weight is I32");
        Refused(Changed(raw => Retype(Tensor(raw, "token_embd.weight"), GgmlType.F64)), "token_embd.weight is F64");
        Refused(Changed(raw => Tensor(raw, "output.weight").Name = "output.wait"), "wrong number of tensors");

        static RawGguf.Tensor Tensor(RawGguf raw, string name) => raw.Tensors.Single(tensor => tensor.Name == name);
        static void Retype(RawGguf.Tensor tensor, GgmlType type)
        {
            tensor.Type = (uint)type;
            tensor.Data = new byte[tensor.Shape.Aggregate((product, size) => product * size) * GgmlTypes.BlockBytes(type)];
        }
    }

    [Fact]
    public void Facts_that_other_architectures_would_abort_on_are_checked_too()
    {
        // Positions in three dimensions without any: found by ggml in the middle of a decode.
        Refused(Renamed("paddleocr"), "paddleocr.rope.dimension_sections is missing or all zero");
        var norm = Renamed("smollm3");
        LanguageModel.Load(_folder.Write("smollm3.gguf", norm.Write())).Dispose();
        var tensor = norm.Tensors.Single(t => t.Name == "blk.0.attn_norm.weight");
        (tensor.Type, tensor.Data) = ((uint)GgmlType.F16, tensor.Data[..(tensor.Data.Length / 2)]);
        Refused(norm, "blk.0.attn_norm.weight is F16", "F32");

        static RawGguf Renamed(string architecture)
        {
            var raw = RawGguf.Read(TinyModel.Path);
            SetText(raw, "general.architecture", architecture);
            foreach (var entry in raw.Entries) entry.Key = entry.Key.Replace("llama.", architecture + ".", StringComparison.Ordinal);
            return raw;
        }
    }

    [Fact]
    public void A_model_loaded_for_its_vocabulary_tokenizes_and_does_not_run()
    {
        using var model = LanguageModel.Load(TinyModel.Path, new() { VocabularyOnly = true });
        Assert.Equal(Models.Tiny.Vocabulary.Tokenize("the wait"), model.Vocabulary.Tokenize("the wait"));
        Fails.With(() => model.CreateContext(), "vocabulary alone");
    }

    private RawGguf Changed(Action<RawGguf> change)
    {
        var raw = RawGguf.Read(TinyModel.Path);
        change(raw);
        return raw;
    }

    private static void SetText(RawGguf raw, string key, string text) =>
        raw.Find(key)!.Value = [.. BitConverter.GetBytes((long)text.Length), .. System.Text.Encoding.ASCII.GetBytes(text)];

    private string Written(GgufWriter writer)
    {
        writer.Write(_folder["x.gguf"]);
        return _folder["x.gguf"];
    }

    private void Refused(RawGguf raw, params string[] parts) => Refused(_folder.Write("x.gguf", raw.Write()), parts);

    private static void Refused(string path, params string[] parts) =>
        Fails.With(() => LanguageModel.Load(path).Dispose(), [path, .. parts]);
}
