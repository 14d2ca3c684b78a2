using System.Text;
using NativeSteer.Vectors;

namespace NativeSteer.Tests.Support;

/// <summary>A GGUF file taken apart, to be put together again with something changed: GgufWriter that refuses nothing.</summary>
internal sealed class RawGguf
{
    internal sealed class Entry
    {
        internal required string Key { get; set; }
        internal required uint Type { get; set; } // the element's, for an array
        internal required bool IsArray { get; init; }
        internal required long Count { get; set; }
        internal required byte[] Value { get; set; }
    }

    internal sealed class Tensor
    {
        internal required string Name { get; set; }
        internal required uint Type { get; set; }
        internal required long[] Shape { get; set; }
        internal required byte[] Data { get; set; }
    }

    internal List<Entry> Entries { get; } = [];

    internal List<Tensor> Tensors { get; } = [];

    internal static RawGguf Read(string path)
    {
        using var file = GgufFile.Open(path);
        var bytes = File.ReadAllBytes(path);
        var raw = new RawGguf();
        foreach (var entry in file.Entries)
        {
            raw.Entries.Add(new Entry
            {
                Key = entry.Key,
                Type = (uint)entry.Type,
                IsArray = entry.IsArray,
                Count = entry.Count,
                Value = bytes.AsSpan((int)entry.Offset, (int)entry.Bytes).ToArray(),
            });
        }
        foreach (var tensor in file.Tensors)
        {
            raw.Tensors.Add(new Tensor
            {
                Name = tensor.Name,
                Type = (uint)tensor.Type,
                Shape = [.. tensor.Shape],
                Data = bytes.AsSpan((int)tensor.Offset, (int)tensor.Bytes).ToArray(),
            });
        }
        return raw;
    }

    internal Entry? Find(string key) => Entries.Find(entry => entry.Key == key);

    /// <summary>Sets or adds a u32.</summary>
    internal void SetNumber(string key, uint value)
    {
        Entries.RemoveAll(entry => entry.Key == key);
        Add(key, GgufValueType.UInt32, BitConverter.GetBytes(value));
    }

    internal void Add(string key, GgufValueType type, byte[] value) =>
        Entries.Add(new() { Key = key, Type = (uint)type, IsArray = false, Count = 1, Value = value });

    internal byte[] Write() => Write(out _);

    /// <param name="headerLength">Where tensor data begins.</param>
    internal byte[] Write(out int headerLength)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write((ulong)Tensors.Count);
        writer.Write((ulong)Entries.Count);
        foreach (var entry in Entries)
        {
            Text(entry.Key);
            if (entry.IsArray) writer.Write((uint)GgufValueType.Array);
            writer.Write(entry.Type);
            if (entry.IsArray) writer.Write((ulong)entry.Count);
            writer.Write(entry.Value);
        }
        var offset = 0L;
        foreach (var tensor in Tensors)
        {
            Text(tensor.Name);
            writer.Write((uint)tensor.Shape.Length);
            foreach (var size in tensor.Shape) writer.Write(size);
            writer.Write(tensor.Type);
            writer.Write(offset);
            offset += (tensor.Data.Length + 31) / 32 * 32;
        }
        Pad();
        headerLength = (int)stream.Position;
        foreach (var tensor in Tensors)
        {
            writer.Write(tensor.Data);
            Pad();
        }
        return stream.ToArray();

        void Text(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            writer.Write((ulong)bytes.Length);
            writer.Write(bytes);
        }

        void Pad()
        {
            while (stream.Position % 32 != 0) writer.Write((byte)0);
        }
    }
}
