using System.Buffers.Binary;
using System.Text;
using NativeSteer.Vectors;

namespace NativeSteer.Tests.Vectors;

/// <summary>A model as small as one can be, and hand-made GGUF bytes for what the writer refuses to write.</summary>
internal static class TinyGguf
{
    public const int Layers = 3, Width = 8, Tokens = 20;

    /// <summary>A llama model with the key-values and tensor names of a real one (compare stories260K).</summary>
    public static GgufWriter Model(int layers = Layers, int width = Width)
    {
        var writer = new GgufWriter()
            .Add("general.architecture", "llama")
            .Add("general.name", "tiny")
            .Add("llama.block_count", (uint)layers)
            .Add("llama.embedding_length", (uint)width)
            .Add("llama.context_length", 64U)
            .Add("llama.attention.layer_norm_rms_epsilon", 1e-5f)
            .Add("tokenizer.ggml.model", "llama")
            .Add("tokenizer.ggml.add_bos_token", true)
            .AddArray("tokenizer.ggml.tokens", Enumerable.Range(0, Tokens).Select(i => $"▁t{i}"))
            .AddArray<float>("tokenizer.ggml.scores", new float[Tokens])
            .AddArray<int>("tokenizer.ggml.token_type", new int[Tokens])
            .AddTensor("token_embd.weight", Numbers(width * Tokens), width, Tokens);
        for (var layer = 0; layer < layers; layer++)
        {
            writer.AddTensor($"blk.{layer}.attn_q.weight", Numbers(width * width), width, width)
                .AddTensor($"blk.{layer}.attn_norm.weight", Numbers(width))
                .AddTensor($"blk.{layer}.ffn_up.weight", Array.ConvertAll(Numbers(width * 16), value => (Half)value), width, 16);
        }
        return writer.AddTensor("output_norm.weight", Numbers(width));
    }

    public static byte[] Bytes(GgufWriter writer)
    {
        using var stream = new MemoryStream();
        writer.WriteTo(stream);
        return stream.ToArray();
    }

    public static float[] Numbers(int count) => Enumerable.Range(0, count).Select(i => i * 0.25f - 3).ToArray();

    /// <summary>A header field by field: integers little endian at their own size, text with its 64-bit length.</summary>
    public static byte[] Raw(params object[] fields)
    {
        using var stream = new MemoryStream();
        foreach (var field in fields)
        {
            switch (field)
            {
                case byte[] bytes: stream.Write(bytes); break;
                case string text:
                    stream.Write(BitConverter.GetBytes((long)Encoding.UTF8.GetByteCount(text)));
                    stream.Write(Encoding.UTF8.GetBytes(text));
                    break;
                case int number: stream.Write(BitConverter.GetBytes(number)); break;
                case long number: stream.Write(BitConverter.GetBytes(number)); break;
                default: throw new ArgumentException($"{field.GetType()}");
            }
        }
        return stream.ToArray();
    }

    /// <summary>Magic, version 3 and the two counts.</summary>
    public static byte[] Head(long tensors, long entries) => Raw("GGUF"u8.ToArray(), 3, tensors, entries);

    /// <summary>A file of one tensor description and so many bytes of data.</summary>
    public static byte[] OneTensor(string name, long[] shape, int type, long offset, int data)
    {
        byte[] bytes =
        [
            .. Head(1, 0), .. Raw(name, shape.Length), .. shape.SelectMany(BitConverter.GetBytes), .. Raw(type, offset),
        ];
        return [.. bytes, .. new byte[(32 - bytes.Length % 32) % 32], .. new byte[data]];
    }
}

/// <summary>
/// GGUF read by a second hand: straight through a byte array, without the engine's code, and from the format's text alone.
/// It follows llama.cpp's control-vector loader: the buffer it builds holds block 1 at its start.
/// </summary>
internal sealed class MiniGguf
{
    private readonly byte[] _bytes;
    private int _at = 24;

    public MiniGguf(byte[] bytes)
    {
        _bytes = bytes;
        if (!bytes.AsSpan().StartsWith("GGUF"u8) || Int32At(4) != 3) throw new FormatException();
        var tensors = Int64At(8);
        var entries = Int64At(16);
        for (var i = 0; i < entries; i++)
        {
            var key = Text();
            var type = Int32();
            Values[key] = type == 9 ? List() : Value(type);
        }
        var found = new List<(string Name, int Dimensions, long Count, int Type, long Offset)>();
        for (var i = 0; i < tensors; i++)
        {
            var name = Text();
            var dimensions = Int32();
            var count = 1L;
            for (var d = 0; d < dimensions; d++) count *= Int64();
            found.Add((name, dimensions, count, Int32(), Int64()));
        }
        var data = (_at + 31) / 32 * 32;
        var expected = 0L;
        foreach (var (name, dimensions, count, type, offset) in found)
        {
            if (dimensions != 1 || type != 0 || offset != expected) throw new FormatException(name);
            var values = new float[count];
            for (var j = 0; j < count; j++) values[j] = BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan((int)(data + offset + j * 4)));
            Tensors[name] = values;
            expected = (offset + count * 4 + 31) / 32 * 32;
        }
        // llama.cpp reads the data section whole, the padding after the last tensor included.
        if (found.Count > 0 && bytes.Length < data + expected) throw new FormatException("the last padding is missing");
    }

    public Dictionary<string, object> Values { get; } = [];

    public Dictionary<string, float[]> Tensors { get; } = [];

    /// <summary>common_control_vector_load_one: direction.N goes to n_embd * (N - 1).</summary>
    public float[] LlamaBuffer(float strength)
    {
        var buffer = Array.Empty<float>();
        foreach (var (name, values) in Tensors)
        {
            var layer = int.Parse(name["direction.".Length..], System.Globalization.CultureInfo.InvariantCulture);
            if (!name.StartsWith("direction.", StringComparison.Ordinal) || layer <= 0) throw new FormatException(name);
            if (buffer.Length < layer * values.Length) Array.Resize(ref buffer, layer * values.Length);
            for (var j = 0; j < values.Length; j++) buffer[(layer - 1) * values.Length + j] += values[j] * strength;
        }
        return buffer;
    }

    private List<object> List()
    {
        var type = Int32();
        var count = Int64();
        var list = new List<object>();
        for (var i = 0; i < count; i++) list.Add(Value(type));
        return list;
    }

    private object Value(int type) => type switch
    {
        4 => (uint)Int32(),
        5 => Int32(),
        6 => BitConverter.Int32BitsToSingle(Int32()),
        8 => Text(),
        _ => throw new FormatException($"type {type}"),
    };

    private string Text()
    {
        var length = (int)Int64();
        _at += length;
        return Encoding.UTF8.GetString(_bytes, _at - length, length);
    }

    private int Int32()
    {
        _at += 4;
        return Int32At(_at - 4);
    }

    private long Int64()
    {
        _at += 8;
        return Int64At(_at - 8);
    }

    private int Int32At(int at) => BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(at));

    private long Int64At(int at) => BinaryPrimitives.ReadInt64LittleEndian(_bytes.AsSpan(at));
}
