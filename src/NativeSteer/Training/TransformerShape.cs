using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>The numbers of a Llama-family model that its training graph is built from.</summary>
public sealed record TransformerShape
{
    /// <summary><c>llama</c> or <c>qwen2</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>Transformer blocks.</summary>
    public required int Layers { get; init; }

    /// <summary>Length of a residual row.</summary>
    public required int Width { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads; a divisor of <see cref="Heads"/>.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Length of one head's query, key and value.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Length of the feed-forward network's middle row.</summary>
    public required int FeedForward { get; init; }

    /// <summary>Number of tokens.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>The epsilon of the RMS norms.</summary>
    public required float Epsilon { get; init; }

    /// <summary>The base of the rotary frequencies.</summary>
    public required float RopeBase { get; init; }

    /// <summary>Positions are multiplied by this before they are rotated in (linear scaling); 1 mostly.</summary>
    public required float RopeScale { get; init; }

    /// <summary>Whether the head is the embedding matrix.</summary>
    public required bool Tied { get; init; }

    /// <summary>Weights of the matrices of all blocks; a token costs two floating-point operations for each in a forward pass.</summary>
    public long BlockWeights =>
        Layers * ((long)Width * HeadSize * (2 * Heads + 2 * KeyValueHeads) + 3L * Width * FeedForward);

    /// <summary>Reads the shape of a model that can be trained.</summary>
    /// <exception cref="NativeSteerException">The file is not a sound model, or of a kind that cannot be trained here.</exception>
    public static TransformerShape Read(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        ModelFileCheck.Run(file, vocabularyOnly: false);
        var shown = FileErrors.Shown(file.Path);
        var architecture = file.Architecture;
        if (!ModelNumbers.IsDense(architecture))
        {
            throw new NativeSteerException(
                $"{shown} is of architecture {FileErrors.Printable(architecture)}; models of llama and qwen2 can be trained.");
        }
        var numbers = ModelNumbers.Read(file)!;
        if (numbers.Experts > 0) throw new NativeSteerException($"{shown} is a mixture of experts; dense models can be trained.");
        string Key(string name) => $"{architecture}.{name}";
        var keys = new ModelKeys(file);
        return new TransformerShape
        {
            Architecture = architecture,
            Layers = numbers.Layers,
            Width = numbers.Width,
            Heads = numbers.Heads,
            KeyValueHeads = numbers.KeyValueHeads,
            HeadSize = numbers.HeadSize,
            FeedForward = numbers.FeedForward,
            Vocabulary = (int)VocabularyCheck.Run(file),
            Epsilon = (float)keys.Real(Key("attention.layer_norm_rms_epsilon"))!.Value,
            RopeBase = (float)(keys.Real(Key("rope.freq_base")) ?? 10000),
            RopeScale = ReadRopeScale(keys, Key, shown),
            Tied = !ModelFileCheck.Tensors(file, GgufParts.Find(file)).ContainsKey("output.weight"),
        };
    }

    // As llama.cpp reads it: linear scaling unless the type says none; the newer key goes before the older one.
    private static float ReadRopeScale(ModelKeys keys, Func<string, string> key, string shown)
    {
        var type = keys.Text(key("rope.scaling.type")) ?? "linear";
        if (type == "none") return 1;
        if (type != "linear") throw new NativeSteerException($"{shown} scales its positions by {type}; models without or with linear scaling can be trained.");
        var factor = keys.Real(key("rope.scaling.factor")) ?? keys.Real(key("rope.scale_linear")) ?? 0;
        return factor == 0 ? 1 : (float)(1 / factor);
    }
}
