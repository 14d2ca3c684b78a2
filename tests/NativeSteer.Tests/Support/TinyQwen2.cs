using NativeSteer.Vectors;

namespace NativeSteer.Tests.Support;

/// <summary>
/// Writes a small random Qwen 2 model: biases on queries, keys and values, output tied to the embeddings, and a byte-level
/// BPE vocabulary of 256 byte tokens, a few merges and two control tokens.
/// </summary>
internal static class TinyQwen2
{
    private static readonly (string Left, string Right)[] s_merges =
        [("t", "h"), ("th", "e"), ("Ġ", "the"), ("Ġ", "w"), ("a", "i"), ("Ġw", "ai"), ("Ġwai", "t")];

    internal static string Write(string path, int layers = 2, int width = 32, int heads = 2, int hidden = 64, int seed = 1)
    {
        string[] tokens = [.. Enumerable.Range(0, 256).Select(ByteLetter), .. s_merges.Select(m => m.Left + m.Right), "<|endoftext|>", "<|im_end|>"];
        var types = new int[tokens.Length];
        Array.Fill(types, 1);
        types[^1] = types[^2] = 3;
        var writer = new GgufWriter()
            .Add("general.architecture", "qwen2")
            .Add("qwen2.block_count", (uint)layers)
            .Add("qwen2.context_length", 512u)
            .Add("qwen2.embedding_length", (uint)width)
            .Add("qwen2.feed_forward_length", (uint)hidden)
            .Add("qwen2.attention.head_count", (uint)heads)
            .Add("qwen2.attention.head_count_kv", 1u)
            .Add("qwen2.attention.layer_norm_rms_epsilon", 1e-6f)
            .Add("qwen2.rope.freq_base", 1e6f)
            .Add("tokenizer.ggml.model", "gpt2")
            .Add("tokenizer.ggml.pre", "qwen2")
            .AddArray("tokenizer.ggml.tokens", tokens)
            .AddArray<int>("tokenizer.ggml.token_type", types)
            .AddArray("tokenizer.ggml.merges", s_merges.Select(m => $"{m.Left} {m.Right}"))
            .Add("tokenizer.ggml.eos_token_id", (uint)tokens.Length - 2)
            .Add("tokenizer.ggml.padding_token_id", (uint)tokens.Length - 2)
            .Add("tokenizer.ggml.add_bos_token", false);

        var random = new Random(seed);
        var keyWidth = width / heads;
        Tensor("token_embd.weight", width, tokens.Length);
        Tensor("output_norm.weight", width);
        for (var layer = 0; layer < layers; layer++)
        {
            var block = $"blk.{layer}.";
            Tensor(block + "attn_norm.weight", width);
            Tensor(block + "attn_q.weight", width, width);
            Tensor(block + "attn_k.weight", width, keyWidth);
            Tensor(block + "attn_v.weight", width, keyWidth);
            Tensor(block + "attn_q.bias", width);
            Tensor(block + "attn_k.bias", keyWidth);
            Tensor(block + "attn_v.bias", keyWidth);
            Tensor(block + "attn_output.weight", width, width);
            Tensor(block + "ffn_norm.weight", width);
            Tensor(block + "ffn_gate.weight", width, hidden);
            Tensor(block + "ffn_up.weight", width, hidden);
            Tensor(block + "ffn_down.weight", hidden, width);
        }
        writer.Write(path);
        return path;

        void Tensor(string name, params long[] shape)
        {
            var values = new float[shape.Aggregate((product, size) => product * size)];
            for (var i = 0; i < values.Length; i++) values[i] = (random.NextSingle() - 0.5f) * 4 / MathF.Sqrt(shape[0]);
            writer.AddTensor(name, values, shape);
        }
    }

    // GPT-2's spelling of bytes: printable ones are themselves, the others follow from U+0100 on.
    private static string ByteLetter(int value)
    {
        static bool Printable(int b) => b is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE and <= 0xFF;
        return ((char)(Printable(value) ? value : 0x100 + Enumerable.Range(0, value).Count(b => !Printable(b)))).ToString();
    }
}
