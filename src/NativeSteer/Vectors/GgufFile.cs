using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using NativeSteer.Files;

namespace NativeSteer.Vectors;

/// <summary>
/// An open GGUF file: its key-values and tensors, read and checked without touching tensor data. What this class accepts,
/// llama.cpp's own reader accepts too; what it refuses would make that reader fail or abort. Safe to read from several threads.
/// </summary>
/// <remarks>Format: ggml/include/gguf.h of llama.cpp v0.5.0; versions 2 and 3, little endian.</remarks>
public sealed class GgufFile : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly Dictionary<string, GgufEntry> _entries;
    private readonly Dictionary<string, GgufTensor> _tensors;

    internal GgufFile(string path, SafeFileHandle handle, GgufHeader header)
    {
        Path = path;
        _handle = handle;
        _entries = header.EntriesByKey;
        _tensors = header.TensorsByName;
        Version = header.Version;
        Alignment = header.Alignment;
        DataOffset = header.DataOffset;
        Size = header.Size;
        Entries = header.Entries;
        Tensors = header.Tensors;
    }

    /// <summary>The path as given.</summary>
    public string Path { get; }

    /// <summary>The format's version, 2 or 3.</summary>
    public int Version { get; }

    /// <summary>The file's size in bytes.</summary>
    public long Size { get; }

    /// <summary>Every tensor starts at a multiple of this many bytes from <see cref="DataOffset"/>.</summary>
    public int Alignment { get; }

    /// <summary>Where tensor data starts, in bytes from the file's start.</summary>
    public long DataOffset { get; }

    /// <summary>The key-values in file order.</summary>
    public IReadOnlyList<GgufEntry> Entries { get; }

    /// <summary>The tensors in file order, which is also the order of their data.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; }

    /// <summary><c>general.architecture</c>, or an empty text where the file has none.</summary>
    public string Architecture =>
        Find("general.architecture") is { IsArray: false, Type: GgufValueType.String } ? GetString("general.architecture") : "";

    /// <summary>Opens a file and checks its whole header against its size.</summary>
    /// <exception cref="NativeSteerException">The file cannot be read, is not GGUF, is truncated, or contradicts itself.</exception>
    public static GgufFile Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, FileOptions.SequentialScan);
            return new GgufFile(path, handle, GgufHeader.Read(path, handle));
        }
        catch (Exception error)
        {
            handle?.Dispose();
            if (!FileErrors.IsFileError(error)) throw;
            throw FileErrors.Reading(path, error);
        }
    }

    /// <summary>The key-value of this key, or null.</summary>
    public GgufEntry? Find(string key) => _entries.GetValueOrDefault(key);

    /// <summary>The tensor of this name, or null.</summary>
    public GgufTensor? FindTensor(string name) => _tensors.GetValueOrDefault(name);

    /// <summary>A text value. Broken UTF-8 becomes U+FFFD.</summary>
    /// <exception cref="NativeSteerException">There is no such key, or it is not text.</exception>
    public string GetString(string key)
    {
        var entry = Require(key, isArray: false, "text");
        if (entry.Type != GgufValueType.String) throw WrongType(entry, "text");
        return Encoding.UTF8.GetString(ReadBytes(entry.Offset, entry.Bytes, key).AsSpan(8));
    }

    /// <summary>A whole number of any integer type.</summary>
    /// <exception cref="NativeSteerException">
    /// There is no such key, it is not an integer, or it is a u64 above the range of long.
    /// </exception>
    public long GetInteger(string key)
    {
        var entry = Require(key, isArray: false, "a whole number");
        ReadOnlySpan<byte> bytes = ReadBytes(entry.Offset, entry.Bytes, key);
        switch (entry.Type)
        {
            case GgufValueType.UInt8: return bytes[0];
            case GgufValueType.Int8: return (sbyte)bytes[0];
            case GgufValueType.UInt16: return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
            case GgufValueType.Int16: return BinaryPrimitives.ReadInt16LittleEndian(bytes);
            case GgufValueType.UInt32: return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            case GgufValueType.Int32: return BinaryPrimitives.ReadInt32LittleEndian(bytes);
            case GgufValueType.Int64: return BinaryPrimitives.ReadInt64LittleEndian(bytes);
            case GgufValueType.UInt64:
                var value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
                return value <= long.MaxValue ? (long)value : throw Fault(
                    Path, $"its key {FileErrors.Printable(key)} is {value}, an impossible count");
            default: throw WrongType(entry, "a whole number");
        }
    }

    /// <summary>A number of any numeric type.</summary>
    /// <exception cref="NativeSteerException">There is no such key, or it is not a number.</exception>
    public double GetNumber(string key)
    {
        var entry = Require(key, isArray: false, "a number");
        return entry.Type switch
        {
            GgufValueType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(ReadBytes(entry.Offset, 4, key)),
            GgufValueType.Float64 => BinaryPrimitives.ReadDoubleLittleEndian(ReadBytes(entry.Offset, 8, key)),
            GgufValueType.UInt64 => BinaryPrimitives.ReadUInt64LittleEndian(ReadBytes(entry.Offset, 8, key)),
            _ => GetInteger(key),
        };
    }

    /// <summary>A truth value.</summary>
    /// <exception cref="NativeSteerException">There is no such key, or it is not a bool.</exception>
    public bool GetBool(string key)
    {
        var entry = Require(key, isArray: false, "true or false");
        return entry.Type == GgufValueType.Bool ? ReadBytes(entry.Offset, 1, key)[0] != 0 : throw WrongType(entry, "true or false");
    }

    /// <summary>All elements of an array of text. A large vocabulary takes tens of MB.</summary>
    /// <exception cref="NativeSteerException">There is no such key, or it is not an array of text.</exception>
    public string[] GetStrings(string key)
    {
        var entry = Require(key, isArray: true, "an array of text");
        if (entry.Type != GgufValueType.String) throw WrongType(entry, "an array of text");
        ReadOnlySpan<byte> bytes = ReadBytes(entry.Offset, entry.Bytes, key);
        var values = new string[entry.Count];
        for (var i = 0; i < values.Length; i++)
        {
            var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
            values[i] = Encoding.UTF8.GetString(bytes.Slice(8, length));
            bytes = bytes[(8 + length)..];
        }
        return values;
    }

    /// <summary>All elements of an array of text with one character for each byte, so that no two texts become one.</summary>
    internal IEnumerable<string> GetLatin1Strings(string key)
    {
        var entry = Require(key, isArray: true, "an array of text");
        if (entry.Type != GgufValueType.String) throw WrongType(entry, "an array of text");
        var bytes = ReadBytes(entry.Offset, entry.Bytes, key);
        var position = 0;
        for (var i = 0L; i < entry.Count; i++)
        {
            var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(position));
            yield return Encoding.Latin1.GetString(bytes, position + 8, length);
            position += 8 + length;
        }
    }

    /// <summary>All elements of a numeric array, of exactly the type <typeparamref name="T"/> (bool as byte).</summary>
    /// <exception cref="NativeSteerException">There is no such key, or it is not an array of that type.</exception>
    public T[] GetArray<T>(string key) where T : unmanaged
    {
        var expected = $"an array of {typeof(T).Name}";
        var entry = Require(key, isArray: true, expected);
        if (!Holds<T>(entry.Type)) throw WrongType(entry, expected);
        return MemoryMarshal.Cast<byte, T>(ReadBytes(entry.Offset, entry.Bytes, key)).ToArray();
    }

    /// <summary>A whole tensor of type F32, F16 or BF16 as floats, in file order (first dimension fastest).</summary>
    /// <exception cref="NativeSteerException">There is no such tensor, it is of another type, or too large for one array.</exception>
    public float[] ReadTensor(string name)
    {
        var tensor = RequireTensor(name);
        if (tensor.Type is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16))
            throw Fault(
                Path, $"the tensor {FileErrors.Printable(name)} is {tensor.Type}; only F32, F16 and BF16 can be read as floats here");
        return Floats(tensor.Type, ReadTensorBytes(name));
    }

    /// <summary>Numbers of type F32, F16 or BF16 as floats.</summary>
    internal static float[] Floats(GgmlType type, ReadOnlySpan<byte> bytes)
    {
        if (type == GgmlType.F32) return MemoryMarshal.Cast<byte, float>(bytes).ToArray();
        var values = new float[bytes.Length / 2];
        if (type == GgmlType.F16)
        {
            TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), values);
            return values;
        }
        var upper = MemoryMarshal.Cast<byte, ushort>(bytes);
        for (var i = 0; i < values.Length; i++) values[i] = BitConverter.UInt32BitsToSingle((uint)upper[i] << 16);
        return values;
    }

    /// <summary>A whole tensor's bytes, as they lie in the file.</summary>
    /// <exception cref="NativeSteerException">There is no such tensor, or it is too large for one array.</exception>
    public byte[] ReadTensorBytes(string name)
    {
        var tensor = RequireTensor(name);
        return ReadBytes(tensor.Offset, tensor.Bytes, name);
    }

    /// <summary>Some of a tensor's bytes, as they lie in the file.</summary>
    /// <param name="tensor">A tensor of this file.</param>
    /// <param name="start">The first byte, counted from the tensor's own.</param>
    /// <param name="count">How many.</param>
    internal byte[] ReadTensorBytes(GgufTensor tensor, long start, int count) => ReadBytes(tensor.Offset + start, count, tensor.Name);

    /// <summary>The bytes of a value as the format stores them: an array without type and count, text with its length.</summary>
    internal byte[] ReadEntryBytes(GgufEntry entry) => ReadBytes(entry.Offset, entry.Bytes, entry.Key);

    /// <summary>Closes the file.</summary>
    public void Dispose() => _handle.Dispose();

    internal static NativeSteerException Fault(string path, string what) =>
        new($"{FileErrors.Shown(path)} is not a usable GGUF file: {what}; download or write it again.");

    private static bool Holds<T>(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Bool => typeof(T) == typeof(byte),
        GgufValueType.Int8 => typeof(T) == typeof(sbyte),
        GgufValueType.UInt16 => typeof(T) == typeof(ushort),
        GgufValueType.Int16 => typeof(T) == typeof(short),
        GgufValueType.UInt32 => typeof(T) == typeof(uint),
        GgufValueType.Int32 => typeof(T) == typeof(int),
        GgufValueType.Float32 => typeof(T) == typeof(float),
        GgufValueType.UInt64 => typeof(T) == typeof(ulong),
        GgufValueType.Int64 => typeof(T) == typeof(long),
        GgufValueType.Float64 => typeof(T) == typeof(double),
        _ => false,
    };

    private GgufEntry Require(string key, bool isArray, string expected)
    {
        var entry = Find(key) ?? throw new NativeSteerException(
            $"{FileErrors.Shown(Path)} has no key {FileErrors.Printable(key)}; give a file of the right kind.");
        return entry.IsArray == isArray ? entry : throw WrongType(entry, expected);
    }

    private GgufTensor RequireTensor(string name) => FindTensor(name) ?? throw new NativeSteerException(
        $"{FileErrors.Shown(Path)} has no tensor {FileErrors.Printable(name)}; 'nativesteer info' lists what it has.");

    private NativeSteerException WrongType(GgufEntry entry, string expected) =>
        Fault(Path, $"its key {FileErrors.Printable(entry.Key)} should be {expected}, but is {entry.TypeName}");

    private byte[] ReadBytes(long offset, long count, string what)
    {
        if (count > Array.MaxLength) throw Fault(Path, $"{FileErrors.Printable(what)} has {count} bytes, more than fit one array");
        var bytes = new byte[count];
        Fill(bytes, offset);
        return bytes;
    }

    private void Fill(Span<byte> bytes, long offset)
    {
        try
        {
            for (var done = 0; done < bytes.Length;)
            {
                var read = RandomAccess.Read(_handle, bytes[done..], offset + done);
                if (read == 0) throw Fault(Path, "it was cut while it was open");
                done += read;
            }
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Reading(Path, error);
        }
    }
}
