using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using NativeSteer.Files;

namespace NativeSteer.Vectors;

/// <summary>
/// Reads and judges a GGUF header. The rules are those of <c>gguf_init_from_reader</c> (ggml/src/gguf.cpp) and of
/// llama.cpp's model loader, made strict where those abort or trust the file.
/// </summary>
internal sealed class GgufHeader
{
    private const int LongestKey = 65535; // bytes; the format's own limit
    private const int LongestTensorName = 63; // GGML_MAX_NAME - 1
    private const int SmallestEntry = 8 + 1 + 4 + 1; // key length, key, type, value
    private const int SmallestTensor = 8 + 1 + 4 + 8 + 4 + 8; // name length, name, dimension count, one dimension, type, offset

    // llama.cpp looks for duplicate names by comparing each with each: beyond this a crafted header would hang it.
    private const ulong MostEntries = 1 << 16, MostTensors = 1 << 16;

    // gguf.cpp refuses longer ones.
    private const ulong LongestArray = 1 << 30;

    private readonly string _path;
    private readonly GgufCursor _cursor;

    private GgufHeader(string path, GgufCursor cursor)
    {
        _path = path;
        _cursor = cursor;
        Size = cursor.Size;
    }

    public int Version { get; private set; }

    public int Alignment { get; private set; } = 32;

    public long DataOffset { get; private set; }

    public long Size { get; }

    public List<GgufEntry> Entries { get; } = [];

    public List<GgufTensor> Tensors { get; } = [];

    public Dictionary<string, GgufEntry> EntriesByKey { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, GgufTensor> TensorsByName { get; } = new(StringComparer.Ordinal);

    public static GgufHeader Read(string path, SafeFileHandle handle)
    {
        var header = new GgufHeader(path, new GgufCursor(path, handle));
        header.ReadMagicAndVersion();
        var tensors = header._cursor.ReadUInt64("the number of tensors");
        var entries = header._cursor.ReadUInt64("the number of key-values");
        header.CheckCount(tensors, MostTensors, SmallestTensor, "tensors");
        header.CheckCount(entries, MostEntries, SmallestEntry, "key-values");
        for (var i = 0; i < (int)entries; i++) header.ReadEntry(i);
        header.ReadAlignment(handle);
        for (var i = 0; i < (int)tensors; i++) header.ReadTensor(i);
        header.PlaceTensors();
        return header;
    }

    private void ReadMagicAndVersion()
    {
        var shown = FileErrors.Shown(_path);
        if (_cursor.Size == 0) throw new NativeSteerException($"{shown} is empty; download or write it again.");
        var magic = _cursor.Take((int)Math.Min(4, _cursor.Size), "the magic");
        if (!magic.SequenceEqual("GGUF"u8))
        {
            if (_cursor.Size < 4 && "GGUF"u8.StartsWith(magic)) throw _cursor.Fault("it is truncated after its first bytes");
            throw new NativeSteerException(
                $"{shown} is not a GGUF file (it starts with {ShowMagic(magic)}); give the path of a .gguf file.");
        }
        var version = _cursor.ReadUInt32("the version");
        if (version is not (2 or 3))
        {
            throw new NativeSteerException((version & 0xFFFF) == 0 && version != 0
                ? $"{shown} is a big-endian GGUF file; convert it to little endian with gguf-py's gguf_convert_endian."
                : version == 1
                    ? $"{shown} is GGUF version 1, which llama.cpp no longer reads; convert the model again."
                    : $"{shown} is GGUF version {version}, only versions 2 and 3 are known; download it again or update NativeSteer.");
        }
        Version = (int)version;
    }

    private static string ShowMagic(ReadOnlySpan<byte> magic)
    {
        var printable = magic.IndexOfAnyExceptInRange((byte)0x20, (byte)0x7E);
        if (printable < 0) printable = magic.Length;
        return printable >= 2 ? $"\"{Encoding.ASCII.GetString(magic[..printable])}\"" : $"the bytes {Convert.ToHexString(magic)}";
    }

    private void CheckCount(ulong count, ulong most, int smallest, string what)
    {
        if (count > most) throw _cursor.Fault($"it claims {count} {what}, more than any model has");
        if ((long)count > _cursor.Remaining / smallest)
            throw _cursor.Fault($"it claims {count} {what}, which cannot fit its {_cursor.Size} bytes");
    }

    private void ReadEntry(int index)
    {
        var key = _cursor.ReadName($"key {index}", LongestKey);
        var shown = $"the value of {FileErrors.Printable(key)}";
        var type = (GgufValueType)_cursor.ReadUInt32(shown);
        var isArray = type == GgufValueType.Array;
        var count = 1UL;
        if (isArray)
        {
            type = (GgufValueType)_cursor.ReadUInt32(shown);
            if (type == GgufValueType.Array) throw _cursor.Fault($"{shown} is an array of arrays, which llama.cpp cannot read");
            count = _cursor.ReadUInt64(shown);
        }
        var size = GgufEntry.SizeOf(type);
        if (size == 0 && type != GgufValueType.String) throw _cursor.Fault($"{shown} has the unknown type {(uint)type}");
        var smallest = size == 0 ? 8 : size;
        if (count > LongestArray || (long)count > _cursor.Remaining / smallest)
            throw _cursor.Fault($"{shown} claims {count} elements where the file has {_cursor.Remaining} bytes left");
        var start = _cursor.Position;
        if (size == 0) _cursor.SkipStrings((long)count, shown);
        else _cursor.Skip((long)count * size, shown);
        var entry = new GgufEntry(key, type, isArray, (long)count, start, _cursor.Position - start);
        if (!EntriesByKey.TryAdd(key, entry)) throw _cursor.Fault($"the key {FileErrors.Printable(key)} occurs twice");
        Entries.Add(entry);
    }

    private void ReadAlignment(SafeFileHandle handle)
    {
        if (!EntriesByKey.TryGetValue("general.alignment", out var entry)) return;
        if (entry.IsArray || entry.Type != GgufValueType.UInt32) throw _cursor.Fault($"general.alignment is {entry.TypeName}, not u32");
        Span<byte> bytes = stackalloc byte[4];
        if (RandomAccess.Read(handle, bytes, entry.Offset) < 4) throw _cursor.Fault("it was cut while being read");
        var alignment = BitConverter.ToUInt32(bytes);
        if (alignment is 0 or > 1 << 20 || (alignment & (alignment - 1)) != 0)
            throw _cursor.Fault($"its alignment {alignment} is not a power of two up to 1 MiB");
        Alignment = (int)alignment;
    }

    private void ReadTensor(int index)
    {
        var name = _cursor.ReadName($"the name of tensor {index}", LongestTensorName);
        var shown = $"tensor {FileErrors.Printable(name)}";
        var dimensions = _cursor.ReadUInt32(shown);
        if (dimensions is 0 or > 4) throw _cursor.Fault($"{shown} has {dimensions} dimensions, not 1 to 4");
        var shape = new long[dimensions];
        var count = (Int128)1;
        for (var i = 0; i < shape.Length; i++)
        {
            var size = _cursor.ReadUInt64(shown);
            if (size is 0 or > long.MaxValue) throw _cursor.Fault($"{shown} has the impossible dimension {size}");
            shape[i] = (long)size;
            count *= size; // at most 2^62 times 2^63: fits 128 bits
            if (count >= long.MaxValue) throw _cursor.Fault($"{shown} has more elements than 63 bits can count");
        }
        var type = (GgmlType)_cursor.ReadUInt32(shown);
        if (!GgmlTypes.IsKnown(type))
            throw _cursor.Fault(
                $"{shown} has type {((uint)type).ToString(CultureInfo.InvariantCulture)}, which llama.cpp v0.5.0 does not know");
        var block = GgmlTypes.BlockElements(type);
        if (shape[0] % block != 0)
            throw _cursor.Fault($"{shown} has rows of {shape[0]} elements, not a multiple of {type}'s block of {block}");
        var bytes = count / block * GgmlTypes.BlockBytes(type);
        if (bytes > long.MaxValue / 2) throw _cursor.Fault($"{shown} would be larger than any disk");
        var offset = _cursor.ReadUInt64(shown);
        if (offset > long.MaxValue / 2) throw _cursor.Fault($"{shown} has the impossible offset {offset}");
        if (offset % (ulong)Alignment != 0) throw _cursor.Fault($"{shown} starts at data byte {offset}, not a multiple of {Alignment}");
        var tensor = new GgufTensor(name, type, shape, (long)offset, (long)bytes);
        if (!TensorsByName.TryAdd(name, tensor)) throw _cursor.Fault($"the name {FileErrors.Printable(name)} is given to two tensors");
        Tensors.Add(tensor);
    }

    // gguf.cpp wants the tensors to follow each other without gaps, in header order, each padded to the alignment.
    private void PlaceTensors()
    {
        DataOffset = Tensors.Count == 0 ? _cursor.Position : Pad(_cursor.Position);
        var expected = 0L;
        for (var i = 0; i < Tensors.Count; i++)
        {
            var tensor = Tensors[i];
            var shown = FileErrors.Printable(tensor.Name);
            if (tensor.Offset != expected) throw _cursor.Fault($"tensor {shown} starts at data byte {tensor.Offset}, not at {expected}");
            var end = (Int128)DataOffset + tensor.Offset + tensor.Bytes;
            if (end > Size)
            {
                throw new NativeSteerException(
                    $"{FileErrors.Shown(_path)} is truncated: tensor {shown} ends at byte {end}, the file has {Size} "
                    + $"({Missing()} bytes are missing); download it again.");
            }
            expected = Pad(tensor.Offset + tensor.Bytes);
            Tensors[i] = TensorsByName[tensor.Name] = tensor with { Offset = DataOffset + tensor.Offset };
        }
    }

    private Int128 Missing()
    {
        var end = (Int128)0;
        foreach (var tensor in Tensors) end = (end + Alignment - 1) / Alignment * Alignment + tensor.Bytes;
        return end + DataOffset - Size;
    }

    private long Pad(long value) => (value + Alignment - 1) & ~((long)Alignment - 1);
}
