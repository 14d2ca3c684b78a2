using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>The shape of a model to be trained from nothing.</summary>
public sealed record ModelInitializerOptions
{
    /// <summary><c>llama</c> or <c>qwen2</c> (biases on queries, keys and values).</summary>
    public string Architecture { get; init; } = "llama";

    /// <summary>Length of a residual row.</summary>
    public int Width { get; init; } = 256;

    /// <summary>Transformer blocks.</summary>
    public int Layers { get; init; } = 6;

    /// <summary>Attention heads.</summary>
    public int Heads { get; init; } = 8;

    /// <summary>Key and value heads; 0 for as many as heads.</summary>
    public int KeyValueHeads { get; init; }

    /// <summary>Length of the feed-forward network's middle row; 0 for 8/3 of the width, rounded up to a multiple of 32.</summary>
    public int FeedForward { get; init; }

    /// <summary>Tokens of context.</summary>
    public int Context { get; init; } = 512;

    /// <summary>Base of the rotary position encoding's wave lengths.</summary>
    public float RopeBase { get; init; } = 10000;

    /// <summary>Whether the head is a matrix of its own instead of the embedding.</summary>
    public bool Untied { get; init; }

    /// <summary>Decides the weights.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>The model's name in the file.</summary>
    public string Name { get; init; } = "untrained";
}

/// <summary>
/// Writes a random F32 model that llama.cpp runs and a <see cref="Trainer"/> trains: embedding and matrices normal with deviation
/// 0.02, those that write to the residual stream divided by sqrt(2 x layers) (GPT-2's initialisation), norms 1, biases 0.
/// </summary>
public static class ModelInitializer
{
    private const double Deviation = 0.02;

    /// <summary>Writes a model with the vocabulary of another GGUF.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="options">The model's shape.</param>
    /// <param name="vocabulary">A GGUF with a tokenizer; it may be without weights.</param>
    /// <exception cref="NativeSteerException">The shape is impossible, a file cannot be read or written.</exception>
    public static void Write(string path, ModelInitializerOptions options, string vocabulary)
    {
        using var source = GgufFile.Open(vocabulary);
        const string tokens = "tokenizer.ggml.tokens";
        if (source.Find(tokens) is not { IsArray: true, Count: > 0 } entry)
            throw new NativeSteerException($"{FileErrors.Shown(vocabulary)} has no tokenizer (no key {tokens}); give a GGUF with one.");
        Write(path, options, (int)entry.Count, writer =>
        {
            foreach (var key in source.Entries.Where(key => key.Key.StartsWith("tokenizer.", StringComparison.Ordinal))) writer.CopyEntry(source, key);
        });
    }

    /// <summary>Writes a model with any vocabulary.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="options">The model's shape.</param>
    /// <param name="tokens">Number of tokens.</param>
    /// <param name="addVocabulary">Adds the tokenizer's key-values.</param>
    /// <exception cref="NativeSteerException">The shape is impossible, or the file cannot be written.</exception>
    public static void Write(string path, ModelInitializerOptions options, int tokens, Action<GgufWriter> addVocabulary)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(addVocabulary);
        options = Checked(options);
        var writer = new GgufWriter();
        AddNumbers(writer, options, tokens);
        addVocabulary(writer);
        AddTensors(new Filler(writer, options.Seed), options, tokens);
        writer.Write(path);
    }

    private static ModelInitializerOptions Checked(ModelInitializerOptions options)
    {
        var keyValueHeads = options.KeyValueHeads == 0 ? options.Heads : options.KeyValueHeads;
        var feedForward = options.FeedForward == 0 ? ((options.Width * 8L / 3) + 31) / 32 * 32 : options.FeedForward;
        Require(options.Architecture is "llama" or "qwen2", $"--arch is '{options.Architecture}'; give llama or qwen2.");
        Require(options.Width is >= 1 and <= 1 << 16, $"--width is {options.Width}; give 1 to 65536.");
        Require(options.Layers is >= 1 and <= 512, $"--layers is {options.Layers}; give 1 to 512.");
        Require(options.Heads >= 1 && options.Width % options.Heads == 0 && options.Width / options.Heads % 2 == 0,
            $"--width {options.Width} cannot be split into {options.Heads} heads of an even size; give another --heads.");
        Require(keyValueHeads >= 1 && options.Heads % keyValueHeads == 0,
            $"--heads {options.Heads} cannot share --kv-heads {keyValueHeads}; give a divisor.");
        Require(feedForward is >= 1 and <= 1 << 20, $"--ff is {options.FeedForward}; give 1 to 1048576.");
        Require(options.Context is >= 2 and <= 1 << 20, $"--context is {options.Context}; give 2 to 1048576.");
        Require(float.IsFinite(options.RopeBase) && options.RopeBase > 1, $"The rope base is {options.RopeBase}; give a number above 1.");
        return options with { KeyValueHeads = keyValueHeads, FeedForward = (int)feedForward };
    }

    private static void Require(bool holds, FormattableString problem)
    {
        if (!holds) throw new NativeSteerException(FormattableString.Invariant(problem));
    }

    private static void AddNumbers(GgufWriter writer, ModelInitializerOptions options, int tokens)
    {
        string Key(string name) => $"{options.Architecture}.{name}";
        writer
            .Add("general.architecture", options.Architecture)
            .Add("general.type", "model")
            .Add("general.name", options.Name)
            .Add("general.file_type", 0u) // all F32
            .Add(Key("block_count"), (uint)options.Layers)
            .Add(Key("context_length"), (uint)options.Context)
            .Add(Key("embedding_length"), (uint)options.Width)
            .Add(Key("feed_forward_length"), (uint)options.FeedForward)
            .Add(Key("attention.head_count"), (uint)options.Heads)
            .Add(Key("attention.head_count_kv"), (uint)options.KeyValueHeads)
            .Add(Key("attention.layer_norm_rms_epsilon"), 1e-5f)
            .Add(Key("rope.dimension_count"), (uint)(options.Width / options.Heads))
            .Add(Key("rope.freq_base"), options.RopeBase)
            .Add(Key("vocab_size"), (uint)tokens);
    }

    private static void AddTensors(Filler add, ModelInitializerOptions options, int tokens)
    {
        var (width, hidden) = ((long)options.Width, (long)options.FeedForward);
        var keys = width / options.Heads * options.KeyValueHeads;
        var toResidual = Deviation / Math.Sqrt(2.0 * options.Layers);
        add.Normal("token_embd.weight", Deviation, width, tokens);
        add.Constant("output_norm.weight", 1, width);
        if (options.Untied) add.Normal("output.weight", Deviation, width, tokens);
        for (var layer = 0; layer < options.Layers; layer++)
        {
            var block = $"blk.{layer}.";
            add.Constant(block + "attn_norm.weight", 1, width);
            add.Normal(block + "attn_q.weight", Deviation, width, width);
            add.Normal(block + "attn_k.weight", Deviation, width, keys);
            add.Normal(block + "attn_v.weight", Deviation, width, keys);
            if (options.Architecture is "qwen2")
            {
                add.Constant(block + "attn_q.bias", 0, width);
                add.Constant(block + "attn_k.bias", 0, keys);
                add.Constant(block + "attn_v.bias", 0, keys);
            }
            add.Normal(block + "attn_output.weight", toResidual, width, width);
            add.Constant(block + "ffn_norm.weight", 1, width);
            add.Normal(block + "ffn_gate.weight", Deviation, width, hidden);
            add.Normal(block + "ffn_up.weight", Deviation, width, hidden);
            add.Normal(block + "ffn_down.weight", toResidual, hidden, width);
        }
    }

    // Each tensor has random numbers of its own, so that a model with more layers begins like one with fewer.
    private sealed class Filler(GgufWriter writer, ulong seed)
    {
        internal void Constant(string name, float value, long length) => writer.AddTensor(name, GgmlType.F32, stream =>
        {
            var values = new float[length];
            Array.Fill(values, value);
            GgmlRows.Encode(GgmlType.F32, values, length, stream);
        }, length);

        internal void Normal(string name, double deviation, long columns, long rows)
        {
            var stream = name.Aggregate(0UL, (hash, letter) => StableRandom.Mix(hash ^ letter));
            writer.AddTensor(name, GgmlType.F32, target =>
            {
                var random = new StableRandom(seed, stream);
                var row = new float[columns];
                for (var i = 0L; i < rows; i++)
                {
                    for (var j = 0; j < row.Length; j++) row[j] = (float)(deviation * random.NextNormal());
                    GgmlRows.Encode(GgmlType.F32, row, columns, target);
                }
            }, columns, rows);
        }
    }
}
