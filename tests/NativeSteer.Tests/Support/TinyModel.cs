using NativeSteer.Vectors;

namespace NativeSteer.Tests.Support;

/// <summary>
/// Writes small random Llama models that llama.cpp runs, so that tests need no file from elsewhere. The vocabulary is
/// SentencePiece's: three control tokens, 256 bytes, and some words.
/// </summary>
internal static class TinyModel
{
    internal const int Layers = 4;
    internal const int Width = 64;
    internal const int BeginOfText = 1;
    internal const int EndOfText = 2;

    private static readonly string[] s_words = ["▁", "e", "t", "a", "o", "▁the", "▁a", "wait", "hmm", "▁so", "é", "日"];

    internal static int VocabularySize => 3 + 256 + s_words.Length;

    /// <summary>A model of the default shape, written once per test run.</summary>
    internal static string Path => s_path.Value;

    private static readonly Lazy<string> s_path = new(() => Write(
        System.IO.Path.Combine(Directory.CreateTempSubdirectory("nativesteer-tests-").FullName, "tiny.gguf")));

    /// <summary>Writes a model and returns its path.</summary>
    internal static string Write(string path, int layers = Layers, int width = Width, int heads = 2, int keyValueHeads = 1, int hidden = 96, int seed = 1)
    {
        Build(layers, width, heads, keyValueHeads, hidden, seed).Write(path);
        return path;
    }

    internal static GgufWriter Build(int layers = Layers, int width = Width, int heads = 2, int keyValueHeads = 1, int hidden = 96, int seed = 1) =>
        Build(AddVocabulary, VocabularySize, layers, width, heads, keyValueHeads, hidden, seed);

    /// <summary>
    /// A model whose positions are rotated as those of Llama 3 (<c>rope_freqs.weight</c>, divisors of the frequencies) or scaled
    /// linearly, so strongly that a short text shows it.
    /// </summary>
    internal static string WriteRotated(string path, bool factors, float scaling = 1)
    {
        var writer = Build();
        Rotate(writer, "llama", Width / 2, factors, scaling);
        writer.Write(path);
        return path;
    }

    /// <summary>Adds what <see cref="WriteRotated"/> is about to a model.</summary>
    internal static void Rotate(GgufWriter writer, string architecture, int headSize, bool factors, float scaling)
    {
        if (scaling != 1) writer.Add($"{architecture}.rope.scaling.type", "linear").Add($"{architecture}.rope.scaling.factor", scaling);
        if (factors) writer.AddTensor("rope_freqs.weight", [.. Enumerable.Range(0, headSize / 2).Select(i => 1 + (0.5f * i))], headSize / 2);
    }

    /// <summary>With a vocabulary of its own.</summary>
    internal static GgufWriter Build(
        Action<GgufWriter> addVocabulary, int vocabularySize, int layers = Layers, int width = Width, int heads = 2, int keyValueHeads = 1,
        int hidden = 96, int seed = 1)
    {
        var writer = new GgufWriter()
            .Add("general.architecture", "llama")
            .Add("general.name", "tiny")
            .Add("llama.block_count", (uint)layers)
            .Add("llama.context_length", 512u)
            .Add("llama.embedding_length", (uint)width)
            .Add("llama.feed_forward_length", (uint)hidden)
            .Add("llama.attention.head_count", (uint)heads)
            .Add("llama.attention.head_count_kv", (uint)keyValueHeads)
            .Add("llama.attention.layer_norm_rms_epsilon", 1e-5f)
            .Add("llama.rope.dimension_count", (uint)(width / heads))
            .Add("llama.rope.freq_base", 10000f);
        addVocabulary(writer);

        var random = new Random(seed);
        var keyValueWidth = width / heads * keyValueHeads;
        Matrix("token_embd.weight", width, vocabularySize, 1f);
        Ones("output_norm.weight");
        Matrix("output.weight", width, vocabularySize);
        for (var layer = 0; layer < layers; layer++)
        {
            var block = $"blk.{layer}.";
            Ones(block + "attn_norm.weight");
            Matrix(block + "attn_q.weight", width, width);
            Matrix(block + "attn_k.weight", width, keyValueWidth);
            Matrix(block + "attn_v.weight", width, keyValueWidth);
            Matrix(block + "attn_output.weight", width, width);
            Ones(block + "ffn_norm.weight");
            Matrix(block + "ffn_gate.weight", width, hidden);
            Matrix(block + "ffn_up.weight", width, hidden);
            Matrix(block + "ffn_down.weight", hidden, width);
        }
        return writer;

        void Matrix(string name, int inputs, int outputs, float? deviation = null)
        {
            var scale = deviation ?? 1 / MathF.Sqrt(inputs);
            var values = new float[inputs * outputs];
            for (var i = 0; i < values.Length; i++) values[i] = scale * Normal(random);
            writer.AddTensor(name, values, inputs, outputs);
        }

        void Ones(string name)
        {
            var values = new float[width];
            Array.Fill(values, 1f);
            writer.AddTensor(name, values, width);
        }
    }

    private static void AddVocabulary(GgufWriter writer)
    {
        string[] tokens = ["<unk>", "<s>", "</s>", .. Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>"), .. s_words];
        var scores = new float[tokens.Length];
        for (var i = 259; i < tokens.Length; i++) scores[i] = 259 - i;
        var types = new int[tokens.Length]; // 1 normal, 2 unknown, 3 control, 6 byte
        Array.Fill(types, 1);
        (types[0], types[1], types[2]) = (2, 3, 3);
        Array.Fill(types, 6, 3, 256);
        writer
            .Add("tokenizer.ggml.model", "llama")
            .AddArray("tokenizer.ggml.tokens", tokens)
            .AddArray<float>("tokenizer.ggml.scores", scores)
            .AddArray<int>("tokenizer.ggml.token_type", types)
            .Add("tokenizer.ggml.bos_token_id", (uint)BeginOfText)
            .Add("tokenizer.ggml.eos_token_id", (uint)EndOfText)
            .Add("tokenizer.ggml.add_bos_token", true);
    }

    private static float Normal(Random random) =>
        MathF.Sqrt(-2 * MathF.Log(1 - random.NextSingle())) * MathF.Cos(2 * MathF.PI * random.NextSingle());
}
