using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace NativeSteer.Files;

/// <summary>
/// An open safetensors file. The header is read and checked whole (sizes, offsets, overlaps, gaps) when opening; tensor
/// data only when asked for. Safe to read from several threads.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private const long LongestHeader = 100_000_000; // the reference implementation's limit
    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false };

    private readonly SafeFileHandle _handle;
    private readonly Dictionary<string, SafetensorsTensor> _byName;
    private readonly long _dataStart;

    private SafetensorsFile(
        string path, SafeFileHandle handle, long dataStart, List<SafetensorsTensor> tensors, Dictionary<string, string> metadata)
    {
        Path = path;
        _handle = handle;
        _dataStart = dataStart;
        Tensors = tensors;
        Metadata = metadata;
        _byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>The path as given.</summary>
    public string Path { get; }

    /// <summary>The tensors in the order of their data.</summary>
    public IReadOnlyList<SafetensorsTensor> Tensors { get; }

    /// <summary>The text key-values of <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="NativeSteerException">The file cannot be read, is not safetensors, is truncated, or contradicts itself.</exception>
    public static SafetensorsFile Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            return Parse(path, handle);
        }
        catch (Exception error)
        {
            handle?.Dispose();
            if (!FileErrors.IsFileError(error)) throw;
            throw FileErrors.Reading(path, error);
        }
    }

    /// <summary>The tensor of this name, or null.</summary>
    public SafetensorsTensor? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>A whole tensor as floats, row-major. F16, BF16 and F64 are converted.</summary>
    /// <exception cref="NativeSteerException">There is no such tensor, it is not of floats, or it is too large for one array.</exception>
    public float[] ReadFloats(string name)
    {
        var tensor = Require(name);
        var bytes = ReadBytes(name);
        var values = new float[tensor.Count];
        switch (tensor.Type)
        {
            case SafetensorsType.F32:
                bytes.CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
                break;
            case SafetensorsType.F16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), values);
                break;
            case SafetensorsType.BF16:
                var upper = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (var i = 0; i < values.Length; i++) values[i] = BitConverter.UInt32BitsToSingle((uint)upper[i] << 16);
                break;
            case SafetensorsType.F64:
                TensorPrimitives.ConvertTruncating<double, float>(MemoryMarshal.Cast<byte, double>(bytes), values);
                break;
            default:
                throw Fault(Path, $"the tensor {FileErrors.Printable(name)} does not hold floats");
        }
        return values;
    }

    /// <summary>A whole tensor of F64 as it lies in the file, row-major.</summary>
    /// <exception cref="NativeSteerException">There is no such tensor, it is not F64, or it is too large for one array.</exception>
    public double[] ReadDoubles(string name)
    {
        if (Require(name).Type != SafetensorsType.F64) throw Fault(Path, $"the tensor {FileErrors.Printable(name)} does not hold doubles");
        return MemoryMarshal.Cast<byte, double>(ReadBytes(name)).ToArray();
    }

    /// <summary>A whole tensor as 64-bit integers, row-major. I32 is widened.</summary>
    /// <exception cref="NativeSteerException">There is no such tensor, it is not of integers, or it is too large for one array.</exception>
    public long[] ReadIntegers(string name)
    {
        var tensor = Require(name);
        var bytes = ReadBytes(name);
        if (tensor.Type == SafetensorsType.I64) return MemoryMarshal.Cast<byte, long>(bytes).ToArray();
        if (tensor.Type != SafetensorsType.I32) throw Fault(Path, $"the tensor {FileErrors.Printable(name)} does not hold integers");
        return Array.ConvertAll(MemoryMarshal.Cast<byte, int>(bytes).ToArray(), value => (long)value);
    }

    /// <summary>A whole tensor's bytes, as they lie in the file.</summary>
    /// <exception cref="NativeSteerException">There is no such tensor, or it is too large for one array.</exception>
    public byte[] ReadBytes(string name)
    {
        var tensor = Require(name);
        if (tensor.Bytes > Array.MaxLength)
            throw Fault(Path, $"the tensor {FileErrors.Printable(name)} has {tensor.Bytes} bytes, more than fit one array");
        var bytes = new byte[tensor.Bytes];
        try
        {
            if (ReadFully(_handle, bytes, _dataStart + tensor.Offset) < bytes.Length)
                throw Fault(Path, "the file was cut while it was open");
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Reading(Path, error);
        }
        return bytes;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _handle.Dispose();

    private static SafetensorsFile Parse(string path, SafeFileHandle handle)
    {
        var size = RandomAccess.GetLength(handle);
        Span<byte> prefix = stackalloc byte[9];
        if (ReadFully(handle, prefix, 0) < prefix.Length) throw Fault(path, $"it has only {size} bytes; it is not a safetensors file");
        var header = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (prefix[8] != (byte)'{') throw Fault(path, "it does not start like a safetensors file");
        if (header > LongestHeader) throw Fault(path, $"its header claims {header} bytes; the format allows {LongestHeader}");
        if ((long)header > size - 8)
            throw Fault(path, $"it is truncated: the header needs {header} bytes, the file has {size - 8} after the length");
        var bytes = new byte[header];
        if (ReadFully(handle, bytes, 8) < bytes.Length) throw Fault(path, "it was cut while being read");
        try
        {
            using var json = JsonDocument.Parse(bytes, s_strict);
            var tensors = new List<SafetensorsTensor>();
            var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var property in json.RootElement.EnumerateObject())
            {
                if (property.NameEquals("__metadata__"u8)) ReadMetadata(path, property.Value, metadata);
                else tensors.Add(ReadTensor(path, property));
            }
            tensors.Sort((a, b) => a.Offset != b.Offset ? a.Offset.CompareTo(b.Offset) : a.Bytes.CompareTo(b.Bytes));
            CheckLayout(path, tensors, size - 8 - (long)header);
            return new SafetensorsFile(path, handle, 8 + (long)header, tensors, metadata);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or DecoderFallbackException)
        {
            throw new NativeSteerException(Fault(path, "its header is not valid JSON").Message, error);
        }
    }

    private static void ReadMetadata(string path, JsonElement element, Dictionary<string, string> metadata)
    {
        if (element.ValueKind != JsonValueKind.Object) throw Fault(path, "its __metadata__ is not an object");
        foreach (var entry in element.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String)
                throw Fault(path, $"its metadata {FileErrors.Printable(entry.Name)} is not text");
            metadata[entry.Name] = entry.Value.GetString()!;
        }
    }

    private static SafetensorsTensor ReadTensor(string path, JsonProperty property)
    {
        var shown = FileErrors.Printable(property.Name);
        var entry = property.Value;
        if (entry.ValueKind != JsonValueKind.Object
            || !entry.TryGetProperty("dtype", out var dtype) || dtype.ValueKind != JsonValueKind.String
            || !entry.TryGetProperty("shape", out var shape) || Integers(shape) is not { } dimensions
            || !entry.TryGetProperty("data_offsets", out var offsets) || Integers(offsets) is not [var begin, var end])
        {
            throw Fault(path, $"the tensor {shown} lacks a proper dtype, shape or data_offsets");
        }
        if (SafetensorsSizes.Parse(dtype.GetString()!) is not { } type)
            throw Fault(path, $"the tensor {shown} has the unknown type {FileErrors.Printable(dtype.GetString()!)}");
        if (SafetensorsSizes.Bytes(dimensions, type) is not { } bytes)
            throw Fault(path, $"the tensor {shown} has an impossible shape {FileErrors.Printable(SafetensorsSizes.Show(dimensions))}");
        if (begin < 0 || end < begin || end - begin != bytes)
            throw Fault(path, $"the tensor {shown} of {bytes} bytes claims bytes {begin} to {end}");
        return new SafetensorsTensor(property.Name, type, dimensions) { Offset = begin };
    }

    private static long[]? Integers(JsonElement array)
    {
        if (array.ValueKind != JsonValueKind.Array) return null;
        var values = new long[array.GetArrayLength()];
        var i = 0;
        foreach (var item in array.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out values[i++])) return null;
        }
        return values;
    }

    // The format wants the data covered exactly: a gap could hide bytes, an overlap means the header is not this file's.
    private static void CheckLayout(string path, List<SafetensorsTensor> tensors, long dataSize)
    {
        var expected = 0L;
        foreach (var tensor in tensors)
        {
            var shown = FileErrors.Printable(tensor.Name);
            if (tensor.Offset < expected) throw Fault(path, $"the tensor {shown} overlaps another");
            if (tensor.Offset > expected)
                throw Fault(path, $"there is a gap of {tensor.Offset - expected} bytes before the tensor {shown}");
            expected = checked(tensor.Offset + tensor.Bytes); // both come from data_offsets, which fit 63 bits
            if (expected > dataSize)
                throw Fault(path, $"it is truncated: the tensor {shown} ends at data byte {expected}, the file has {dataSize}");
        }
        if (expected != dataSize) throw Fault(path, $"{dataSize - expected} bytes at its end belong to no tensor");
    }

    private static int ReadFully(SafeFileHandle handle, Span<byte> target, long offset)
    {
        var done = 0;
        while (done < target.Length)
        {
            var read = RandomAccess.Read(handle, target[done..], offset + done);
            if (read == 0) break;
            done += read;
        }
        return done;
    }

    private SafetensorsTensor Require(string name) =>
        Find(name) ?? throw Fault(Path, $"it has no tensor {FileErrors.Printable(name)}; it has {Names()}");

    private string Names() =>
        Tensors.Count == 0 ? "none" : FileErrors.Printable(string.Join(", ", Tensors.Take(8).Select(tensor => tensor.Name)));

    private static NativeSteerException Fault(string path, string what) =>
        new($"{FileErrors.Shown(path)} is not a usable safetensors file: {what}.");
}
