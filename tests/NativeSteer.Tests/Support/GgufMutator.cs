using System.Buffers.Binary;
using System.Text;
using NativeSteer.Vectors;

namespace NativeSteer.Tests.Support;

/// <summary>
/// Damages a model file in one of the ways that files are damaged in, or crafted: by bits, by truncation, by absurd sizes,
/// and soundly, with one key-value or tensor changed and everything around it right. The same seed damages alike.
/// </summary>
internal sealed class GgufMutator(string path)
{
    private const int LargestTensor = 1 << 20;

    private static readonly ulong[] s_numbers =
    [
        0, 1, 2, 3, 5, 7, 8, 16, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 257, 511, 512, 513, 4096, 65535, 65536, 1 << 20, int.MaxValue - 1,
        int.MaxValue, 0x80000000, uint.MaxValue - 1, uint.MaxValue, 1UL << 32, 1UL << 40, long.MaxValue, 1UL << 63, ulong.MaxValue,
    ];

    private static readonly string[] s_texts =
    [
        "", "llama", "qwen2", "qwen3", "gpt2", "bert", "t5", "rwkv", "mamba", "clip", "gemma3", "falcon", "phi3", "controlvector", "none", "no_vocab",
        "plamo2", "test", "default", "llama-bpe", "gemma4", "linear", "yarn", "longrope", "a", " ", "\0", "%s%n", "phi-3", "deepseek2", "whitespace",
    ];

    // Keys that llama.cpp reads and the tiny models do not have.
    private static readonly (string Key, GgufValueType Type)[] s_additions =
    [
        ("llama.expert_count", GgufValueType.UInt32), ("llama.expert_used_count", GgufValueType.UInt32),
        ("llama.attention.key_length", GgufValueType.UInt32), ("llama.attention.value_length", GgufValueType.UInt32),
        ("llama.vocab_size", GgufValueType.UInt32), ("llama.nextn_predict_layers", GgufValueType.UInt32),
        ("llama.pooling_type", GgufValueType.UInt32), ("llama.attention.causal", GgufValueType.Bool),
        ("llama.rope.scaling.type", GgufValueType.String), ("llama.rope.scaling.factor", GgufValueType.Float32),
        ("llama.rope.scaling.original_context_length", GgufValueType.UInt32), ("llama.attention.scale", GgufValueType.Float32),
        ("llama.attention.sliding_window", GgufValueType.UInt32), ("llama.logit_scale", GgufValueType.Float32),
        ("llama.embedding_length_out", GgufValueType.UInt32), ("llama.attention.clamp_kqv", GgufValueType.Float32),
        ("tokenizer.ggml.pre", GgufValueType.String), ("tokenizer.ggml.add_eos_token", GgufValueType.Bool),
        ("tokenizer.ggml.add_sep_token", GgufValueType.Bool), ("tokenizer.ggml.add_space_prefix", GgufValueType.Bool),
        ("tokenizer.ggml.unknown_token_id", GgufValueType.UInt32), ("tokenizer.ggml.eot_token_id", GgufValueType.UInt32),
        ("tokenizer.ggml.padding_token_id", GgufValueType.UInt32), ("tokenizer.ggml.remove_extra_whitespaces", GgufValueType.Bool),
        ("tokenizer.ggml.precompiled_charsmap", GgufValueType.Array), ("tokenizer.ggml.suppress_tokens", GgufValueType.Array),
        ("tokenizer.chat_template", GgufValueType.String), ("general.file_type", GgufValueType.UInt32), ("general.type", GgufValueType.String),
        ("general.alignment", GgufValueType.UInt32), ("split.count", GgufValueType.UInt16), ("split.no", GgufValueType.UInt16),
    ];

    /// <summary>The damaged file of a seed.</summary>
    internal byte[] Mutate(int seed)
    {
        var random = new Random(seed);
        var raw = RawGguf.Read(path);
        var sound = random.Next(3) > 0;
        if (sound)
        {
            var changes = random.Next(5) == 0 ? 2 : 1;
            for (var i = 0; i < changes; i++) Change(raw, random);
            return raw.Write();
        }
        var bytes = raw.Write(out var header);
        return Damage(bytes, header, random);
    }

    private static byte[] Damage(byte[] bytes, int header, Random random)
    {
        switch (random.Next(5))
        {
            case 0: // bits of the header
                for (var i = random.Next(1, 9); i > 0; i--) bytes[random.Next(header)] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1: // bytes of the header
                for (var i = random.Next(1, 9); i > 0; i--) bytes[random.Next(header)] = (byte)random.Next(256);
                return bytes;
            case 2: // truncated
                return bytes[..random.Next(random.Next(2) == 0 ? header : bytes.Length)];
            case 3: // an absurd size where a size may stand
                var number = s_numbers[random.Next(s_numbers.Length)];
                if (random.Next(2) == 0) BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(random.Next(header - 8)), number);
                else BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(random.Next(header - 4)), (uint)number);
                return bytes;
            default: // two stretches swapped
                var length = random.Next(1, 33);
                var (from, to) = (random.Next(header - length), random.Next(header - length));
                var kept = bytes.AsSpan(from, length).ToArray();
                bytes.AsSpan(to, length).CopyTo(bytes.AsSpan(from));
                kept.CopyTo(bytes.AsSpan(to));
                return bytes;
        }
    }

    private static void Change(RawGguf raw, Random random)
    {
        switch (random.Next(raw.Tensors.Count > 0 ? 12 : 8))
        {
            case 0 or 1 or 2:
                ChangeValue(raw.Entries[random.Next(raw.Entries.Count)], random);
                break;
            case 3:
                ChangeType(raw.Entries[random.Next(raw.Entries.Count)], random);
                break;
            case 4:
                raw.Entries.RemoveAt(random.Next(raw.Entries.Count));
                break;
            case 5 or 6:
                Add(raw, random);
                break;
            case 7:
                var entry = raw.Entries[random.Next(raw.Entries.Count)];
                entry.Key = random.Next(2) == 0 ? entry.Key + "x" : raw.Entries[random.Next(raw.Entries.Count)].Key;
                break;
            default:
                ChangeTensor(raw, random);
                break;
        }
    }

    private static void Add(RawGguf raw, Random random)
    {
        var (key, type) = s_additions[random.Next(s_additions.Length)];
        if (key.StartsWith("llama.", StringComparison.Ordinal) && raw.Find("llama.block_count") is null) key = "qwen2." + key[6..];
        if (raw.Find(key) is not null) return;
        var isArray = type == GgufValueType.Array;
        var entry = new RawGguf.Entry { Key = key, Type = (uint)(isArray ? GgufValueType.Int32 : type), IsArray = isArray, Count = 1, Value = [] };
        ChangeValue(entry, random);
        raw.Entries.Add(entry);
    }

    private static void ChangeValue(RawGguf.Entry entry, Random random)
    {
        var type = (GgufValueType)entry.Type;
        if (!entry.IsArray)
        {
            entry.Value = Value(type, random);
            return;
        }
        var size = GgufEntry.SizeOf(type);
        if (random.Next(4) == 0 || entry.Value.Length == 0)
        {
            entry.Count = random.Next(2) == 0 ? random.Next(8) : random.Next(400);
            entry.Value = [.. Enumerable.Range(0, (int)entry.Count).SelectMany(_ => Value(type, random))];
        }
        else if (size > 0)
        {
            for (var i = random.Next(1, 5); i > 0; i--) Value(type, random).CopyTo(entry.Value, random.Next((int)entry.Count) * size);
        }
        else
        {
            ChangeTexts(entry, random);
        }
    }

    private static void ChangeTexts(RawGguf.Entry entry, Random random)
    {
        var texts = new List<byte[]>();
        for (var position = 0; position < entry.Value.Length;)
        {
            var length = (int)BinaryPrimitives.ReadInt64LittleEndian(entry.Value.AsSpan(position));
            texts.Add(entry.Value.AsSpan(position + 8, length).ToArray());
            position += 8 + length;
        }
        for (var i = random.Next(1, 5); i > 0; i--)
        {
            var at = random.Next(texts.Count);
            texts[at] = random.Next(4) switch
            {
                0 => texts[random.Next(texts.Count)],
                1 => Encoding.UTF8.GetBytes(s_texts[random.Next(s_texts.Length)]),
                2 => [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => (byte)random.Next(256))],
                _ => Encoding.UTF8.GetBytes(new string('é', random.Next(1, 400))),
            };
        }
        entry.Value = [.. texts.SelectMany(Prefixed)];
    }

    private static void ChangeType(RawGguf.Entry entry, Random random)
    {
        entry.Type = (uint)random.Next(14);
        if (entry.Type == (uint)GgufValueType.Array) entry.Type = (uint)GgufValueType.Int16;
        var count = entry.IsArray ? (int)entry.Count : 1;
        entry.Value = [.. Enumerable.Range(0, count).SelectMany(_ => Value((GgufValueType)entry.Type, random))];
    }

    private static void ChangeTensor(RawGguf raw, Random random)
    {
        var tensor = raw.Tensors[random.Next(raw.Tensors.Count)];
        var other = raw.Tensors[random.Next(raw.Tensors.Count)];
        switch (random.Next(8))
        {
            case 0:
                raw.Tensors.Remove(tensor);
                break;
            case 1:
                tensor.Name = random.Next(2) == 0 ? tensor.Name.Replace("weight", "bias", StringComparison.Ordinal) : other.Name + "x";
                break;
            case 2:
                (tensor.Name, other.Name) = (other.Name, tensor.Name);
                break;
            case 3:
                tensor.Shape[random.Next(tensor.Shape.Length)] = (long)(s_numbers[random.Next(s_numbers.Length)] % 1024);
                Fill(tensor, random);
                break;
            case 4:
                tensor.Shape = [.. tensor.Shape.Reverse()];
                break;
            case 5:
                tensor.Shape = random.Next(2) == 0 ? [.. tensor.Shape, 2] : tensor.Shape[..1];
                Fill(tensor, random);
                break;
            case 6:
                tensor.Type = (uint)random.Next(44);
                Fill(tensor, random);
                break;
            default: // weights that are no numbers
                for (var i = random.Next(1, 64); i > 0; i--) tensor.Data[random.Next(tensor.Data.Length)] = 0xFF;
                break;
        }
    }

    private static void Fill(RawGguf.Tensor tensor, Random random)
    {
        var type = (GgmlType)tensor.Type;
        if (!GgmlTypes.IsKnown(type)) return;
        var count = tensor.Shape.Aggregate((Int128)1, (product, size) => product * size);
        var bytes = count / GgmlTypes.BlockElements(type) * GgmlTypes.BlockBytes(type);
        tensor.Data = new byte[(int)Int128.Min(bytes, LargestTensor)];
        random.NextBytes(tensor.Data);
    }

    private static byte[] Value(GgufValueType type, Random random)
    {
        if (type == GgufValueType.String) return Prefixed(Encoding.UTF8.GetBytes(s_texts[random.Next(s_texts.Length)]));
        var size = Math.Max(GgufEntry.SizeOf(type), 1);
        var bytes = new byte[8];
        if (type == GgufValueType.Float32)
        {
            float[] values = [0, -1, 1, 1e-30f, 1e30f, float.NaN, float.PositiveInfinity, random.NextSingle()];
            BinaryPrimitives.WriteSingleLittleEndian(bytes, values[random.Next(values.Length)]);
        }
        else
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, random.Next(4) == 0 ? (ulong)random.Next(600) : s_numbers[random.Next(s_numbers.Length)]);
        }
        return bytes[..size];
    }

    private static byte[] Prefixed(byte[] text)
    {
        var bytes = new byte[8 + text.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, text.Length);
        text.CopyTo(bytes, 8);
        return bytes;
    }
}
