using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using NativeSteer.Files;

namespace NativeSteer.Vectors;

/// <summary>
/// Collects key-values and tensors and writes them as a GGUF file of version 3, atomically. Tensors given as arrays are held in
/// memory; those of another file and those that a function writes pass through in parts, so a model may be of any size.
/// </summary>
/// <remarks>
/// A misuse (a key given twice, a wrong size) throws <see cref="ArgumentException"/>. The data section is padded to its end,
/// because llama.cpp reads the padding of the last tensor too when it loads a control vector.
/// </remarks>
public sealed class GgufWriter
{
    private const int Alignment = 32;
    private readonly List<(string Key, GgufValueType Type, bool IsArray, byte[] Bytes)> _entries = [];
    private readonly List<(string Name, GgmlType Type, long[] Shape, long Bytes, Action<Stream> Write)> _tensors = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>The tensors added so far.</summary>
    internal IEnumerable<(string Name, GgmlType Type, IReadOnlyList<long> Shape)> Tensors =>
        _tensors.Select(tensor => (tensor.Name, tensor.Type, (IReadOnlyList<long>)tensor.Shape));

    /// <summary>Adds a text value.</summary>
    public GgufWriter Add(string key, string value) => AddEntry(key, GgufValueType.String, false, Text(value));

    /// <summary>Adds a truth value.</summary>
    public GgufWriter Add(string key, bool value) => AddEntry(key, GgufValueType.Bool, false, [value ? (byte)1 : (byte)0]);

    /// <summary>Adds a u8 value.</summary>
    public GgufWriter Add(string key, byte value) => AddEntry(key, GgufValueType.UInt8, false, [value]);

    /// <summary>Adds an i8 value.</summary>
    public GgufWriter Add(string key, sbyte value) => AddEntry(key, GgufValueType.Int8, false, [(byte)value]);

    /// <summary>Adds a u16 value.</summary>
    public GgufWriter Add(string key, ushort value) => AddEntry(key, GgufValueType.UInt16, false, BitConverter.GetBytes(value));

    /// <summary>Adds an i16 value.</summary>
    public GgufWriter Add(string key, short value) => AddEntry(key, GgufValueType.Int16, false, BitConverter.GetBytes(value));

    /// <summary>Adds a u32 value, the type llama.cpp reads most counts as.</summary>
    public GgufWriter Add(string key, uint value) => AddEntry(key, GgufValueType.UInt32, false, BitConverter.GetBytes(value));

    /// <summary>Adds an i32 value.</summary>
    public GgufWriter Add(string key, int value) => AddEntry(key, GgufValueType.Int32, false, BitConverter.GetBytes(value));

    /// <summary>Adds a u64 value.</summary>
    public GgufWriter Add(string key, ulong value) => AddEntry(key, GgufValueType.UInt64, false, BitConverter.GetBytes(value));

    /// <summary>Adds an i64 value.</summary>
    public GgufWriter Add(string key, long value) => AddEntry(key, GgufValueType.Int64, false, BitConverter.GetBytes(value));

    /// <summary>Adds an f32 value.</summary>
    public GgufWriter Add(string key, float value) => AddEntry(key, GgufValueType.Float32, false, BitConverter.GetBytes(value));

    /// <summary>Adds an f64 value.</summary>
    public GgufWriter Add(string key, double value) => AddEntry(key, GgufValueType.Float64, false, BitConverter.GetBytes(value));

    /// <summary>Adds an array of text.</summary>
    public GgufWriter AddArray(string key, IEnumerable<string> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var texts = values.Select(Text).ToList();
        return AddArray(key, GgufValueType.String, texts.Count, texts.SelectMany(bytes => bytes).ToArray());
    }

    /// <summary>Adds an array of numbers; its type is that of <typeparamref name="T"/>, with <see cref="bool"/> as bool.</summary>
    /// <exception cref="ArgumentException">GGUF has no arrays of this type.</exception>
    public GgufWriter AddArray<T>(string key, ReadOnlySpan<T> values) where T : unmanaged
    {
        var type = Type.GetTypeCode(typeof(T)) switch
        {
            TypeCode.Byte => GgufValueType.UInt8,
            TypeCode.SByte => GgufValueType.Int8,
            TypeCode.UInt16 => GgufValueType.UInt16,
            TypeCode.Int16 => GgufValueType.Int16,
            TypeCode.UInt32 => GgufValueType.UInt32,
            TypeCode.Int32 => GgufValueType.Int32,
            TypeCode.UInt64 => GgufValueType.UInt64,
            TypeCode.Int64 => GgufValueType.Int64,
            TypeCode.Single => GgufValueType.Float32,
            TypeCode.Double => GgufValueType.Float64,
            TypeCode.Boolean => GgufValueType.Bool,
            _ => throw new ArgumentException($"GGUF has no arrays of {typeof(T).Name}.", nameof(values)),
        };
        return AddArray(key, type, values.Length, MemoryMarshal.AsBytes(values));
    }

    /// <summary>Adds a tensor of floats, stored as F32.</summary>
    /// <param name="name">Its name, at most 63 bytes.</param>
    /// <param name="values">The elements, first dimension fastest. Not copied: leave them as they are until the file is written.</param>
    /// <param name="shape">1 to 4 dimensions, fastest first; none means one dimension of all elements.</param>
    public GgufWriter AddTensor(string name, float[] values, params long[] shape)
    {
        ArgumentNullException.ThrowIfNull(values);
        // A copy of the bytes: memory of floats cannot be handed on as memory of bytes without unsafe code.
        return AddTensor(name, GgmlType.F32, MemoryMarshal.AsBytes(values.AsSpan()).ToArray(), Given(shape, values.Length));
    }

    /// <summary>Adds a tensor of halves, stored as F16.</summary>
    /// <inheritdoc cref="AddTensor(string, float[], long[])"/>
    public GgufWriter AddTensor(string name, Half[] values, params long[] shape)
    {
        ArgumentNullException.ThrowIfNull(values);
        return AddTensor(name, GgmlType.F16, MemoryMarshal.AsBytes(values.AsSpan()).ToArray(), Given(shape, values.Length));
    }

    /// <summary>Adds a tensor of any type from its bytes.</summary>
    /// <param name="name">Its name, at most 63 bytes.</param>
    /// <param name="type">How the bytes are to be read.</param>
    /// <param name="data">The blocks, row after row. Not copied.</param>
    /// <param name="shape">1 to 4 dimensions, fastest first.</param>
    public GgufWriter AddTensor(string name, GgmlType type, ReadOnlyMemory<byte> data, params long[] shape)
    {
        var bytes = Declare(name, type, shape);
        if (bytes != data.Length)
            throw new ArgumentException($"Tensor {name} of type {type} takes {bytes} bytes, {data.Length} were given.", nameof(data));
        _tensors.Add((name, type, [.. shape], bytes, stream => stream.Write(data.Span)));
        return this;
    }

    /// <summary>Adds a tensor whose bytes a function writes when the file is written.</summary>
    /// <param name="name">Its name, at most 63 bytes.</param>
    /// <param name="type">How the bytes are to be read.</param>
    /// <param name="write">Writes the blocks, row after row, as many bytes as type and shape ask for.</param>
    /// <param name="shape">1 to 4 dimensions, fastest first.</param>
    public GgufWriter AddTensor(string name, GgmlType type, Action<Stream> write, params long[] shape)
    {
        ArgumentNullException.ThrowIfNull(write);
        _tensors.Add((name, type, [.. shape], Declare(name, type, shape), write));
        return this;
    }

    /// <summary>Adds a tensor of another file as it is. The file must stay open until this one is written.</summary>
    public GgufWriter CopyTensor(GgufFile source, GgufTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(tensor);
        return AddTensor(tensor.Name, tensor.Type, stream => CopyBytes(source, tensor, 0, tensor.Bytes, stream), [.. tensor.Shape]);
    }

    /// <summary>Adds a key-value of another file as it is.</summary>
    public GgufWriter CopyEntry(GgufFile source, GgufEntry entry)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(entry);
        var value = source.ReadEntryBytes(entry);
        return entry.IsArray
            ? AddArray(entry.Key, entry.Type, entry.Count, value)
            : AddEntry(entry.Key, entry.Type, false, value);
    }

    /// <summary>Writes the file: beside first, then renamed.</summary>
    /// <exception cref="NativeSteerException">The path cannot be written, or the disk is full.</exception>
    public void Write(string path) => AtomicFile.Write(path, WriteTo);

    /// <summary>Writes the file's bytes into a stream.</summary>
    public void WriteTo(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var header = new ArrayBufferWriter<byte>();
        header.Write("GGUF"u8);
        Number(header, 3U);
        Number(header, (ulong)_tensors.Count);
        Number(header, (ulong)_entries.Count);
        foreach (var (key, type, isArray, bytes) in _entries)
        {
            header.Write(Text(key));
            if (isArray) Number(header, (uint)GgufValueType.Array);
            Number(header, (uint)type);
            header.Write(bytes);
        }
        var offset = 0L;
        foreach (var (name, type, shape, bytes, _) in _tensors)
        {
            header.Write(Text(name));
            Number(header, (uint)shape.Length);
            foreach (var size in shape) Number(header, (ulong)size);
            Number(header, (uint)type);
            Number(header, (ulong)offset);
            offset += Padded(bytes);
        }
        if (_tensors.Count > 0) Pad(header, header.WrittenCount);
        stream.Write(header.WrittenSpan);
        foreach (var (name, _, _, bytes, write) in _tensors)
        {
            var start = stream.CanSeek ? stream.Position : 0;
            write(stream);
            if (stream.CanSeek && stream.Position - start != bytes)
                throw new InvalidOperationException($"Tensor {name} takes {bytes} bytes, {stream.Position - start} were written.");
            stream.Write(new byte[Padded(bytes) - bytes]);
        }
    }

    /// <summary>Copies some of a tensor's bytes in parts.</summary>
    internal static void CopyBytes(GgufFile source, GgufTensor tensor, long start, long count, Stream stream)
    {
        const int part = 1 << 22;
        for (var end = start + count; start < end; start += part)
            stream.Write(source.ReadTensorBytes(tensor, start, (int)Math.Min(part, end - start)));
    }

    private static long[] Given(long[] shape, int count) => shape is null or { Length: 0 } ? [count] : shape;

    private static long Padded(long size) => (size + Alignment - 1) / Alignment * Alignment;

    private static void Pad(ArrayBufferWriter<byte> buffer, int size) => buffer.Write(new byte[Padded(size) - size]);

    private static void Number(ArrayBufferWriter<byte> buffer, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(buffer.GetSpan(4), value);
        buffer.Advance(4);
    }

    private static void Number(ArrayBufferWriter<byte> buffer, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(buffer.GetSpan(8), value);
        buffer.Advance(8);
    }

    /// <summary>A text as the format stores it: its length in 64 bits, then its UTF-8 bytes.</summary>
    internal static byte[] Text(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        var bytes = new byte[8 + Encoding.UTF8.GetByteCount(value)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, bytes.Length - 8);
        Encoding.UTF8.GetBytes(value, bytes.AsSpan(8));
        return bytes;
    }

    // Checks a tensor's name and shape and returns its size in bytes.
    private long Declare(string name, GgmlType type, long[] shape)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(shape);
        if (name.Length == 0 || name.Contains('\0', StringComparison.Ordinal) || Encoding.UTF8.GetByteCount(name) > 63)
            throw new ArgumentException($"A tensor's name has 1 to 63 bytes: '{name}'.", nameof(name));
        if (shape.Length is 0 or > 4 || Array.Exists(shape, size => size <= 0))
            throw new ArgumentException($"Tensor {name} needs 1 to 4 positive dimensions.", nameof(shape));
        var block = GgmlTypes.BlockElements(type);
        var bytes = shape.Aggregate((Int128)1, (product, size) => product * size) / block * GgmlTypes.BlockBytes(type);
        if (shape[0] % block != 0 || bytes > long.MaxValue / 2)
            throw new ArgumentException($"Tensor {name} of type {type} cannot have rows of {shape[0]}, or is too large.", nameof(shape));
        if (!_names.Add("tensor " + name)) throw new ArgumentException($"Tensor {name} was added twice.", nameof(name));
        return (long)bytes;
    }

    /// <summary>Adds an array from its elements' bytes as the format stores them.</summary>
    internal GgufWriter AddArray(string key, GgufValueType type, long count, ReadOnlySpan<byte> elements)
    {
        var bytes = new byte[8 + elements.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, count);
        elements.CopyTo(bytes.AsSpan(8));
        return AddEntry(key, type, true, bytes);
    }

    private GgufWriter AddEntry(string key, GgufValueType type, bool isArray, byte[] bytes)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        if (string.Equals(key, "general.alignment", StringComparison.Ordinal))
            throw new ArgumentException("The alignment is always 32; do not set general.alignment.", nameof(key));
        if (key.Contains('\0', StringComparison.Ordinal) || Encoding.UTF8.GetByteCount(key) > 65535)
            throw new ArgumentException("A key has 1 to 65535 bytes, none of them zero.", nameof(key));
        if (!_names.Add("key " + key)) throw new ArgumentException($"Key {key} was added twice.", nameof(key));
        _entries.Add((key, type, isArray, bytes));
        return this;
    }
}
