using System.Buffers;
using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace NativeSteer.Files;

/// <summary>
/// Writes a safetensors file whose tensors are declared up front and filled piece by piece, in any order, without holding
/// them in memory. The file appears under its name with <see cref="Complete"/>; disposing before that leaves nothing.
/// </summary>
/// <remarks>
/// Layout: https://github.com/huggingface/safetensors. The header is padded with spaces so that data starts at a multiple of 8.
/// </remarks>
public sealed class SafetensorsWriter : IDisposable
{
    private readonly PendingFile _file;
    private readonly Dictionary<string, Slot> _slots = new(StringComparer.Ordinal);
    private readonly long _dataStart;

    private SafetensorsWriter(
        PendingFile file, IReadOnlyList<SafetensorsTensor> tensors, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        _file = file;
        var offset = 0L;
        foreach (var tensor in tensors)
        {
            Check(tensor);
            if (!_slots.TryAdd(tensor.Name, new Slot(tensor with { Offset = offset })))
                throw Fault($"the tensor {FileErrors.Printable(tensor.Name)} is declared twice");
            if (tensor.Bytes > long.MaxValue / 2 - offset) throw Fault("its tensors are larger than any disk");
            offset += tensor.Bytes;
        }
        var header = Header(tensors.Select(tensor => _slots[tensor.Name].Tensor), metadata);
        _dataStart = header.Length;
        WriteBytes(header);
    }

    /// <summary>Starts a file with the tensors it will hold, in file order.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="tensors">Names, types (F32, F16, F64, I32 or I64) and shapes.</param>
    /// <param name="metadata">Text key-values for <c>__metadata__</c>.</param>
    /// <exception cref="NativeSteerException">The path is not writable, or a declaration is impossible.</exception>
    public static SafetensorsWriter Create(
        string path, IReadOnlyList<SafetensorsTensor> tensors, IEnumerable<KeyValuePair<string, string>>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(tensors);
        var file = PendingFile.Create(path);
        try
        {
            return new SafetensorsWriter(file, tensors, metadata ?? []);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Appends elements to a tensor, after those already written to it.</summary>
    /// <param name="name">A declared tensor.</param>
    /// <param name="values">Elements of the tensor's own type; floats are also taken for F16 and rounded to nearest.</param>
    /// <exception cref="NativeSteerException">More than the tensor holds, or the disk is full.</exception>
    public void Write<T>(string name, ReadOnlySpan<T> values) where T : unmanaged => WriteAt(name, Find(name).Written, values);

    /// <summary>Writes elements of a tensor from element <paramref name="start"/> on. Each element is to be written once.</summary>
    /// <inheritdoc cref="Write{T}(string, ReadOnlySpan{T})"/>
    public void WriteAt<T>(string name, long start, ReadOnlySpan<T> values) where T : unmanaged
    {
        var slot = Find(name);
        var tensor = slot.Tensor;
        if (start < 0 || values.Length > tensor.Count - start)
            throw Fault(
                $"elements {start} to {start + values.Length} do not fit the tensor {FileErrors.Printable(name)} of {tensor.Count}");
        Seek(_dataStart + tensor.Offset + start * SafetensorsSizes.Of(tensor.Type));
        if (typeof(T) == typeof(float) && tensor.Type == SafetensorsType.F16)
        {
            WriteHalves(MemoryMarshal.Cast<T, float>(values));
        }
        else
        {
            if (!Matches<T>(tensor.Type))
                throw new ArgumentException(
                    $"The tensor {name} is {tensor.Type}; it cannot take elements of {typeof(T).Name}.", nameof(values));
            WriteBytes(MemoryMarshal.AsBytes(values));
        }
        slot.Written += values.Length;
    }

    /// <summary>Finishes the file: checks that every tensor was filled, flushes, and renames it to its path.</summary>
    /// <exception cref="NativeSteerException">A tensor is incomplete, or the disk is full; no file is left then.</exception>
    public void Complete()
    {
        foreach (var (name, slot) in _slots)
        {
            if (slot.Written != slot.Tensor.Count)
                throw Fault($"the tensor {FileErrors.Printable(name)} has {slot.Written} of its {slot.Tensor.Count} elements");
        }
        _file.Commit();
    }

    /// <summary>Deletes the unfinished file, if it was not completed.</summary>
    public void Dispose() => _file.Dispose();

    // All supported machines are little endian like the format, so bytes go out as they lie.
    private static bool Matches<T>(SafetensorsType type) => type switch
    {
        SafetensorsType.F32 => typeof(T) == typeof(float),
        SafetensorsType.F16 => typeof(T) == typeof(Half),
        SafetensorsType.F64 => typeof(T) == typeof(double),
        SafetensorsType.I32 => typeof(T) == typeof(int),
        SafetensorsType.I64 => typeof(T) == typeof(long),
        _ => false,
    };

    private void Check(SafetensorsTensor tensor)
    {
        if (tensor.Type is not (SafetensorsType.F32 or SafetensorsType.F16 or SafetensorsType.F64
            or SafetensorsType.I32 or SafetensorsType.I64))
            throw new ArgumentException($"Tensors of type {tensor.Type} cannot be written.", nameof(tensor));
        if (string.Equals(tensor.Name, "__metadata__", StringComparison.Ordinal)) throw Fault("a tensor cannot be called __metadata__");
        if (SafetensorsSizes.Bytes(tensor.Shape, tensor.Type) is null)
            throw Fault($"the tensor {FileErrors.Printable(tensor.Name)} has an impossible shape {SafetensorsSizes.Show(tensor.Shape)}");
    }

    private static byte[] Header(IEnumerable<SafetensorsTensor> tensors, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write(stackalloc byte[8]); // the length, known at the end
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            foreach (var (key, value) in metadata) json.WriteString(key, value);
            json.WriteEndObject();
            foreach (var tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Type.ToString());
                json.WriteStartArray("shape");
                foreach (var size in tensor.Shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(tensor.Offset);
                json.WriteNumberValue(tensor.Offset + tensor.Bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.WrittenCount % 8 != 0) buffer.Write(" "u8);
        var header = buffer.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - 8);
        return header;
    }

    private Slot Find(string name) =>
        _slots.TryGetValue(name, out var slot) ? slot : throw new ArgumentException($"No tensor {name} was declared.", nameof(name));

    private void WriteHalves(ReadOnlySpan<float> values)
    {
        Span<Half> halves = stackalloc Half[512];
        for (var i = 0; i < values.Length; i += halves.Length)
        {
            var part = values.Slice(i, Math.Min(halves.Length, values.Length - i));
            TensorPrimitives.ConvertToHalf(part, halves);
            WriteBytes(MemoryMarshal.AsBytes(halves[..part.Length]));
        }
    }

    private void Seek(long position)
    {
        if (_file.Stream.Position == position) return;
        try
        {
            _file.Stream.Position = position; // writes out what is buffered
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Writing(_file.Path, error);
        }
    }

    private void WriteBytes(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _file.Stream.Write(bytes);
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Writing(_file.Path, error);
        }
    }

    private NativeSteerException Fault(string what) => new($"{FileErrors.Shown(_file.Path)} cannot be written: {what}.");

    private sealed class Slot(SafetensorsTensor tensor)
    {
        public SafetensorsTensor Tensor { get; } = tensor;

        public long Written { get; set; }
    }
}
