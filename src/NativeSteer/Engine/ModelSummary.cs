using NativeSteer.Vectors;

namespace NativeSteer.Engine;

/// <summary>How much of a model is stored as one tensor type.</summary>
/// <param name="Type">The type.</param>
/// <param name="Tensors">Number of tensors.</param>
/// <param name="Weights">Number of their elements.</param>
/// <param name="Bytes">Their size in the file.</param>
public sealed record TensorTypeShare(GgmlType Type, int Tensors, long Weights, long Bytes);

/// <summary>What a model file says of itself, read from its header alone: no weights, no native library.</summary>
public sealed record ModelSummary
{
    /// <summary>Architecture, number of layers and width of the residual stream.</summary>
    public required ModelShape Shape { get; init; }

    /// <summary><c>general.name</c>, or null.</summary>
    public string? Name { get; init; }

    /// <summary>Attention heads; null where the file does not say or they differ between layers.</summary>
    public long? Heads { get; init; }

    /// <summary>Heads of keys and values; null where the file does not say or they differ between layers.</summary>
    public long? KeyValueHeads { get; init; }

    /// <summary>Width of the feed-forward network; null where the file does not say or it differs between layers.</summary>
    public long? FeedForwardWidth { get; init; }

    /// <summary>Experts of a mixture, or null.</summary>
    public long? Experts { get; init; }

    /// <summary>Tokens of context it was trained with, or null.</summary>
    public long? ContextLength { get; init; }

    /// <summary>Number of tokens, or null.</summary>
    public long? VocabularySize { get; init; }

    /// <summary>Kind of tokenizer and how text is split before it, e.g. <c>gpt2/qwen2</c>; null where the file has none.</summary>
    public string? Tokenizer { get; init; }

    /// <summary>Whether the file brings a chat template.</summary>
    public bool HasChatTemplate { get; init; }

    /// <summary>The tensor types, those with most bytes first.</summary>
    public required IReadOnlyList<TensorTypeShare> Types { get; init; }

    /// <summary>The files it is split into; one for most.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>Bytes of all files.</summary>
    public required long FileBytes { get; init; }

    /// <summary>Number of weights.</summary>
    public long Weights => Types.Sum(t => t.Weights);

    /// <summary>Reads the summary of a model that is open, its other parts included.</summary>
    /// <exception cref="NativeSteerException">The file is not a model, or a part of it is missing or damaged.</exception>
    public static ModelSummary Of(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        var shape = ModelShape.Of(file);
        var parts = GgufParts.Find(file);
        var tensors = file.Tensors.ToList();
        var bytes = file.Size;
        foreach (var path in parts.Skip(1))
        {
            using var part = GgufFile.Open(path);
            tensors.AddRange(part.Tensors);
            bytes += part.Size;
        }
        return new ModelSummary
        {
            Shape = shape,
            Name = Text(file, "general.name"),
            Heads = Number(file, "attention.head_count"),
            KeyValueHeads = Number(file, "attention.head_count_kv"),
            FeedForwardWidth = Number(file, "feed_forward_length"),
            Experts = Number(file, "expert_count"),
            ContextLength = Number(file, "context_length"),
            VocabularySize = file.Find("tokenizer.ggml.tokens") is { IsArray: true } tokens ? tokens.Count : Number(file, "vocab_size"),
            Tokenizer = TokenizerOf(file),
            HasChatTemplate = file.Find("tokenizer.chat_template") is not null,
            Types = [.. tensors.GroupBy(t => t.Type)
                .Select(g => new TensorTypeShare(g.Key, g.Count(), g.Sum(t => t.Count), g.Sum(t => t.Bytes)))
                .OrderByDescending(t => t.Bytes)],
            Files = parts,
            FileBytes = bytes,
        };
    }

    private static string? TokenizerOf(GgufFile file)
    {
        var model = Text(file, "tokenizer.ggml.model");
        return model is not null && Text(file, "tokenizer.ggml.pre") is { } split ? $"{model}/{split}" : model;
    }

    private static string? Text(GgufFile file, string key) =>
        file.Find(key) is { IsArray: false, Type: GgufValueType.String } ? file.GetString(key) : null;

    private static long? Number(GgufFile file, string key)
    {
        key = $"{file.Architecture}.{key}";
        return file.Find(key) is { IsArray: false } entry
            && entry.Type is not (GgufValueType.String or GgufValueType.Bool or GgufValueType.Float32 or GgufValueType.Float64)
                ? file.GetInteger(key)
                : null;
    }
}
