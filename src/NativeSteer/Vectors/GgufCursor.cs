using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using NativeSteer.Files;

namespace NativeSteer.Vectors;

/// <summary>
/// Walks forward over a GGUF header through one buffer. Every length is held against the bytes that remain in the file
/// before anything is read or allocated for it, so a lying header costs nothing.
/// </summary>
internal sealed class GgufCursor(string path, SafeFileHandle handle)
{
    // Large enough that a vocabulary of 8 MB takes few system calls, small enough to stay in the cache.
    private readonly byte[] _buffer = new byte[1 << 17];
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private long _bufferStart;
    private int _bufferLength;

    /// <summary>The file's size in bytes.</summary>
    public long Size { get; } = RandomAccess.GetLength(handle);

    /// <summary>The next byte to read, from the file's start.</summary>
    public long Position { get; private set; }

    /// <summary>Bytes from here to the end of the file.</summary>
    public long Remaining => Size - Position;

    public uint ReadUInt32(string what) => BinaryPrimitives.ReadUInt32LittleEndian(Take(4, what));

    public ulong ReadUInt64(string what) => BinaryPrimitives.ReadUInt64LittleEndian(Take(8, what));

    /// <summary>A name: not empty, valid UTF-8, at most <paramref name="longest"/> bytes.</summary>
    public string ReadName(string what, int longest)
    {
        var length = ReadUInt64($"the length of {what}");
        if (length == 0) throw Fault($"{what} is empty");
        if (length > (ulong)longest) throw Fault($"{what} claims to be {length} bytes long, more than {longest}");
        var bytes = Take((int)length, what);
        if (bytes.Contains((byte)0)) throw Fault($"{what} contains a zero byte");
        try
        {
            return s_strictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Fault($"{what} is not valid UTF-8");
        }
    }

    /// <summary>Steps over text values. A vocabulary has up to a million of them, so this is the one loop that must be fast.</summary>
    // Optimised at once: a process that only opens one file would otherwise spend its time in unoptimised code.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void SkipStrings(long count, string what)
    {
        for (; count > 0; count--)
        {
            ulong length;
            var start = Position - _bufferStart;
            if (start >= 0 && start <= _bufferLength - 8)
            {
                length = BinaryPrimitives.ReadUInt64LittleEndian(_buffer.AsSpan((int)start));
                Position += 8;
            }
            else
            {
                length = ReadUInt64(what);
            }
            if (length > (ulong)Remaining) throw Fault($"{what} holds text that claims {length} bytes where the file has {Remaining}");
            Position += (long)length;
        }
    }

    /// <summary>Steps over bytes.</summary>
    public void Skip(long bytes, string what)
    {
        if (bytes > Remaining) throw Truncated(what, bytes);
        Position += bytes;
    }

    /// <summary>The error that the file is not what it should be.</summary>
    public NativeSteerException Fault(string what) => GgufFile.Fault(path, what);

    /// <summary>The next bytes, valid until the next call.</summary>
    public ReadOnlySpan<byte> Take(int count, string what)
    {
        if (count > Remaining) throw Truncated(what, count);
        if (Position < _bufferStart || Position + count > _bufferStart + _bufferLength) Fill(count);
        var span = _buffer.AsSpan((int)(Position - _bufferStart), count);
        Position += count;
        return span;
    }

    private NativeSteerException Truncated(string what, long needed) => new(
        $"{FileErrors.Shown(path)} is truncated: {what} needs {needed} bytes at byte {Position}, the file has {Size}; "
        + "download or write it again.");

    private void Fill(int count)
    {
        _bufferStart = Position;
        _bufferLength = 0;
        while (_bufferLength < count)
        {
            var read = RandomAccess.Read(handle, _buffer.AsSpan(_bufferLength), _bufferStart + _bufferLength);
            if (read == 0) throw Fault("it was cut while being read");
            _bufferLength += read;
        }
    }
}
