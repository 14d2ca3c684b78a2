using NativeSteer.Vectors;

namespace NativeSteer.Engine;

/// <summary>
/// The numbers of a model that decide the shapes of its tensors, checked as far as llama.cpp divides by them, asserts on
/// them (<c>llama_model_base::load_hparams</c> in src/llama-model.cpp) or takes them as sizes to allocate.
/// </summary>
/// <param name="Layers">Transformer blocks.</param>
/// <param name="Width">Length of a residual row.</param>
/// <param name="Heads">Attention heads of block 0; 0 for models without attention.</param>
/// <param name="KeyValueHeads">Key and value heads of block 0.</param>
/// <param name="HeadSize">Length of one head's key.</param>
/// <param name="FeedForward">Length of the feed-forward network's middle row in block 0; 0 where the file does not say.</param>
/// <param name="Experts">Experts of a mixture, or 0.</param>
internal sealed record ModelNumbers(int Layers, int Width, int Heads, int KeyValueHeads, int HeadSize, int FeedForward, int Experts)
{
    private const int MostLayers = 512; // LLAMA_MAX_LAYERS
    private const int MostExperts = 1024; // LLAMA_MAX_EXPERTS
    private const int MostContext = 1 << 30;
    private const int Widest = 1 << 20; // rows and heads; far above any model, far below overflow

    /// <summary>The architectures whose graphs are known here well enough to check every fact they rest on.</summary>
    public static bool IsDense(string architecture) => architecture is "llama" or "qwen2";

    /// <summary>Reads and checks the numbers; null where an unknown architecture lacks the first of them, which llama.cpp then says.</summary>
    /// <exception cref="NativeSteerException">A key is missing, of the wrong type or out of range; it is named.</exception>
    public static ModelNumbers? Read(GgufFile file)
    {
        var keys = new ModelKeys(file);
        var architecture = file.Architecture;
        string Key(string name) => $"{architecture}.{name}";

        if (!IsDense(architecture) && !keys.Has(Key("block_count"))) return null;
        var layers = (int)keys.Required(Key("block_count"), 1, MostLayers);
        var width = (int)keys.Required(Key("embedding_length"), 1, Widest);
        keys.Required(Key("context_length"), 1, MostContext);
        keys.Number(Key("embedding_length_out"), 0, Widest);
        keys.Number(Key("nextn_predict_layers"), 0, IsDense(architecture) ? 0 : layers - 1);
        keys.Number(Key("vocab_size"), 0, VocabularyCheck.MostTokens);
        keys.Flag(Key("attention.causal"));
        var experts = CheckExperts(keys, Key, layers);

        var feedForward = keys.PerLayer(Key("feed_forward_length"), layers, 0, 1 << 24);
        var heads = keys.PerLayer(Key("attention.head_count"), layers, 0, Widest);
        var keyValueHeads = keys.PerLayer(Key("attention.head_count_kv"), layers, 0, Widest) ?? heads;
        var headSize = 0L;
        if (heads?[0] > 0)
        {
            headSize = keys.Number(Key("attention.key_length"), 1, Widest) ?? width / heads[0];
            keys.Number(Key("attention.value_length"), 1, Widest);
        }
        CheckRope(keys, Key);
        CheckSections(keys, architecture);

        var numbers = new ModelNumbers(
            layers, width, (int)(heads?[0] ?? 0), (int)(keyValueHeads?[0] ?? 0), (int)headSize, (int)(feedForward?[0] ?? 0), experts);
        if (IsDense(architecture)) numbers.CheckDense(keys, Key, [heads, keyValueHeads, feedForward]);
        return numbers;
    }

    private static int CheckExperts(ModelKeys keys, Func<string, string> key, int layers)
    {
        var experts = keys.Number(key("expert_count"), 0, MostExperts) ?? 0;
        var used = keys.PerLayer(key("expert_used_count"), layers, 0, MostExperts)?.Max() ?? 0;
        if (used > experts || (experts > 0 && used == 0))
            throw keys.Fault($"its keys {key("expert_count")} and {key("expert_used_count")} are {experts} and {used}");
        var groups = keys.Number(key("expert_group_count"), 0, MostExperts) ?? 0;
        var groupsUsed = keys.Number(key("expert_group_used_count"), 0, MostExperts) ?? 0;
        if (groups > 0 && (groups >= experts || (groups > 1 && (experts % groups != 0 || groupsUsed == 0 || groupsUsed >= groups))))
            throw keys.Fault($"it has {experts} experts in {groups} groups of which {groupsUsed} are used");
        return (int)experts;
    }

    private static void CheckRope(ModelKeys keys, Func<string, string> key)
    {
        keys.Number(key("rope.dimension_count"), 0, Widest);
        keys.Real(key("rope.freq_base"), 0);
        keys.Real(key("rope.scaling.factor"), 0);
        keys.Real(key("rope.scale_linear"), 0);
        keys.Real(key("rope.scaling.attn_factor"));
        keys.Number(key("rope.scaling.original_context_length"), 0, MostContext);
        keys.Flag(key("rope.scaling.finetuned"));
        if (keys.Text(key("rope.scaling.type")) is { } type and not ("none" or "linear" or "yarn" or "longrope"))
            throw keys.Fault($"its key {key("rope.scaling.type")} is '{Files.FileErrors.Printable(type)}', which llama.cpp v0.5.0 does not know");
    }

    // Positions in three dimensions, for pictures: the CPU code asserts in the middle of a decode that one has any room.
    private static void CheckSections(ModelKeys keys, string architecture)
    {
        var key = $"{architecture}.rope.dimension_sections";
        var sections = keys.PerLayer(key, 4, 0, Widest);
        var needed = architecture is "qwen2vl" or "paddleocr" or "qwen3vl" or "qwen3vlmoe" or "qwen35" or "qwen35moe" or "qwen4exp" or "qwen3tts";
        if (needed && (sections is null || sections.Take(3).Sum() == 0)) throw keys.Fault($"its key {key} is missing or all zero");
    }

    // What the graphs of llama and qwen2 assert: every head of one size, all of it rotated, the same in every block.
    private void CheckDense(ModelKeys keys, Func<string, string> key, ReadOnlySpan<long[]?> perLayer)
    {
        foreach (var values in perLayer)
        {
            if (values is not null && values.Distinct().Skip(1).Any())
                throw keys.Fault($"its blocks differ in heads or feed-forward length ({string.Join(", ", values.Distinct().Order())}), which its architecture has no place for");
        }
        if (Heads < 1) throw keys.Fault($"its key {key("attention.head_count")} is missing or 0");
        if (KeyValueHeads < 1 || Heads % KeyValueHeads != 0)
            throw keys.Fault($"its {Heads} attention heads cannot share {KeyValueHeads} key and value heads");
        if (FeedForward < 1 && Experts == 0) throw keys.Fault($"its key {key("feed_forward_length")} is missing or 0");
        if (!keys.Has(key("attention.key_length")) && Width % Heads != 0)
            throw keys.Fault($"its width {Width} is not a multiple of its {Heads} attention heads");
        if (HeadSize % 2 != 0) throw keys.Fault($"its attention heads have the odd size {HeadSize}, which cannot be rotated");
        if ((keys.Number(key("attention.value_length")) ?? Width / Heads) is var valueSize && valueSize != HeadSize)
            throw keys.Fault($"its attention heads have keys of {HeadSize} and values of {valueSize} numbers");
        if (keys.Number(key("rope.dimension_count")) is { } rotated && rotated != HeadSize)
            throw keys.Fault($"its key {key("rope.dimension_count")} is {rotated}, its attention heads have {HeadSize} numbers");
        if (keys.Real(key("attention.layer_norm_rms_epsilon"), 0) is null)
            throw keys.Fault($"it has no key {key("attention.layer_norm_rms_epsilon")}");
    }
}
