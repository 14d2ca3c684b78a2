using NativeSteer.Vectors;

namespace NativeSteer.Benchmarks;

/// <summary>
/// Writes a random Llama model in Q8_0 with a real vocabulary: what speed depends on is there (shapes, types, vocabulary),
/// what it says is noise. The default has 108 million weights.
/// </summary>
internal sealed record RandomModel(int Width = 512, int Layers = 24, int Heads = 8, int KeyValueHeads = 4, int Hidden = 1536)
{
    private const int BlockElements = 32;
    private const int BlockBytes = 2 + BlockElements;

    /// <summary>Writes the model with the vocabulary of another GGUF file.</summary>
    internal void Write(string vocabularyPath, string path)
    {
        using var vocabulary = GgufFile.Open(vocabularyPath);
        var writer = new GgufWriter()
            .Add("general.architecture", "llama")
            .Add("general.name", $"random {Width}x{Layers}")
            .Add("llama.block_count", (uint)Layers)
            .Add("llama.context_length", 65536u)
            .Add("llama.embedding_length", (uint)Width)
            .Add("llama.feed_forward_length", (uint)Hidden)
            .Add("llama.attention.head_count", (uint)Heads)
            .Add("llama.attention.head_count_kv", (uint)KeyValueHeads)
            .Add("llama.attention.layer_norm_rms_epsilon", 1e-5f)
            .Add("llama.rope.dimension_count", (uint)(Width / Heads))
            .Add("llama.rope.freq_base", 500000f);
        var tokens = CopyVocabulary(vocabulary, writer);

        var seed = 0;
        var keyValueWidth = Width / Heads * KeyValueHeads;
        Matrix("token_embd.weight", Width, tokens, 1);
        Ones("output_norm.weight");
        Matrix("output.weight", Width, tokens);
        for (var layer = 0; layer < Layers; layer++)
        {
            var block = $"blk.{layer}.";
            Ones(block + "attn_norm.weight");
            Matrix(block + "attn_q.weight", Width, Width);
            Matrix(block + "attn_k.weight", Width, keyValueWidth);
            Matrix(block + "attn_v.weight", Width, keyValueWidth);
            Matrix(block + "attn_output.weight", Width, Width);
            Ones(block + "ffn_norm.weight");
            Matrix(block + "ffn_gate.weight", Width, Hidden);
            Matrix(block + "ffn_up.weight", Width, Hidden);
            Matrix(block + "ffn_down.weight", Hidden, Width);
        }
        writer.Write(path);

        void Matrix(string name, int inputs, int outputs, double? deviation = null) =>
            writer.AddTensor(name, GgmlType.Q8_0, Blocks(inputs * outputs / BlockElements, deviation ?? 1 / Math.Sqrt(inputs), seed++), inputs, outputs);

        void Ones(string name)
        {
            var values = new float[Width];
            Array.Fill(values, 1f);
            writer.AddTensor(name, values, Width);
        }
    }

    /// <summary>Uniform random blocks: a half-precision scale and 32 signed bytes each.</summary>
    private static byte[] Blocks(int count, double deviation, int seed)
    {
        const double byteDeviation = 73.3; // of uniform bytes -127 to 127
        var bytes = new byte[count * BlockBytes];
        new Random(seed).NextBytes(bytes);
        var scale = BitConverter.GetBytes((Half)(deviation / byteDeviation));
        for (var block = 0; block < count; block++)
        {
            var at = block * BlockBytes;
            scale.CopyTo(bytes, at);
            for (var i = at + 2; i < at + BlockBytes; i++)
            {
                if (bytes[i] == 0x80) bytes[i] = 0; // -128 is not used by the format's own quantiser
            }
        }
        return bytes;
    }

    private static int CopyVocabulary(GgufFile from, GgufWriter to)
    {
        foreach (var entry in from.Entries.Where(e => e.Key.StartsWith("tokenizer.", StringComparison.Ordinal)))
        {
            switch (entry)
            {
                case { IsArray: true, Type: GgufValueType.String }: to.AddArray(entry.Key, from.GetStrings(entry.Key)); break;
                case { IsArray: true, Type: GgufValueType.Float32 }: to.AddArray<float>(entry.Key, from.GetArray<float>(entry.Key)); break;
                case { IsArray: true, Type: GgufValueType.Int32 }: to.AddArray<int>(entry.Key, from.GetArray<int>(entry.Key)); break;
                case { Type: GgufValueType.String }: to.Add(entry.Key, from.GetString(entry.Key)); break;
                case { Type: GgufValueType.Bool }: to.Add(entry.Key, from.GetBool(entry.Key)); break;
                case { Type: GgufValueType.UInt32 }: to.Add(entry.Key, (uint)from.GetInteger(entry.Key)); break;
                default: throw new NativeSteerException($"{from.Path}: vocabulary key {entry.Key} has type {entry.TypeName}, which is not copied here.");
            }
        }
        return (int)from.Find("tokenizer.ggml.tokens")!.Count;
    }
}
