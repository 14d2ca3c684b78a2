using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace NativeSteer.Files;

/// <summary>
/// An append-only log, one JSON object a line. Every line is handed to the system as a whole before the call returns, so
/// finished lines survive a killed process. Safe to use from several threads.
/// </summary>
public sealed class JsonLinesWriter : IDisposable
{
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Lock _lock = new();
    private readonly ArrayBufferWriter<byte> _line = new();
    private readonly FileStream _stream;

    private JsonLinesWriter(string path, FileStream stream)
    {
        Path = path;
        _stream = stream;
    }

    /// <summary>The log's path, as given.</summary>
    public string Path { get; }

    /// <summary>Starts a new log; an existing file is emptied.</summary>
    /// <exception cref="NativeSteerException">The file cannot be written.</exception>
    public static JsonLinesWriter Create(string path) => Open(path, FileMode.Create);

    /// <summary>
    /// Continues a log, or starts it where there is none. A last line that a killed process left half-written is cut off;
    /// one that is whole but lacks its line end gets it.
    /// </summary>
    /// <exception cref="NativeSteerException">The file cannot be read and written.</exception>
    public static JsonLinesWriter Append(string path) => Open(path, FileMode.OpenOrCreate);

    /// <summary>Writes objects into a stream, a line each.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="items">One for each line.</param>
    /// <param name="fields">Writes an item's fields; the braces around them are written here.</param>
    public static void Write<T>(Stream stream, IEnumerable<T> items, Action<Utf8JsonWriter, T> fields)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(fields);
        using var json = new Utf8JsonWriter(stream, s_options);
        foreach (var item in items)
        {
            json.WriteStartObject();
            fields(json, item);
            json.WriteEndObject();
            json.Flush();
            json.Reset();
            stream.Write("\n"u8);
        }
    }

    /// <summary>Adds one line.</summary>
    /// <exception cref="NativeSteerException">The disk is full or the file went away; the log ends with its last whole line.</exception>
    public void Write(JsonObject line)
    {
        ArgumentNullException.ThrowIfNull(line);
        WriteLine(json => line.WriteTo(json));
    }

    /// <summary>Adds one line whose fields <paramref name="fields"/> writes; the braces around them are written here.</summary>
    /// <inheritdoc cref="Write(JsonObject)" path="/exception"/>
    public void Write(Action<Utf8JsonWriter> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        WriteLine(json =>
        {
            json.WriteStartObject();
            fields(json);
            json.WriteEndObject();
        });
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _stream.Dispose(); // nothing is buffered, so this cannot fail on a full disk

    private static JsonLinesWriter Open(string path, FileMode mode)
    {
        ArgumentNullException.ThrowIfNull(path);
        FileStream? stream = null;
        try
        {
            var access = mode == FileMode.Create ? FileAccess.Write : FileAccess.ReadWrite;
            stream = new FileStream(path, mode, access, FileShare.Read, bufferSize: 0);
            if (mode == FileMode.OpenOrCreate) MendEnd(stream);
            return new JsonLinesWriter(path, stream);
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            stream?.Dispose();
            throw FileErrors.Writing(path, error);
        }
    }

    private void WriteLine(Action<Utf8JsonWriter> write)
    {
        lock (_lock)
        {
            _line.ResetWrittenCount();
            using (var json = new Utf8JsonWriter(_line, s_options)) write(json);
            _line.Write("\n"u8);
            var start = _stream.CanSeek ? _stream.Position : 0;
            try
            {
                _stream.Write(_line.WrittenSpan);
            }
            catch (Exception error) when (FileErrors.IsFileError(error))
            {
                CutBack(start);
                throw FileErrors.Writing(Path, error);
            }
        }
    }

    // What a full disk took of the line goes again, so the log stays readable.
    private void CutBack(long length)
    {
        try
        {
            _stream.SetLength(length);
            _stream.Position = length;
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            // A device has no length; the write's own error is the one to report.
        }
    }

    private static void MendEnd(FileStream stream)
    {
        var start = StartOfLastLine(stream);
        stream.Position = start;
        if (start < stream.Length)
        {
            if (IsWholeObject(stream, stream.Length - start)) stream.Write("\n"u8);
            else stream.SetLength(start);
        }
        stream.Position = stream.Length; // appending goes on from here
    }

    // The position after the last line end, which is the file's length when the last line is finished.
    private static long StartOfLastLine(FileStream stream)
    {
        var block = new byte[1 << 16];
        for (var end = stream.Length; end > 0;)
        {
            var size = (int)Math.Min(block.Length, end);
            stream.Position = end - size;
            stream.ReadExactly(block, 0, size);
            var found = block.AsSpan(0, size).LastIndexOf((byte)'\n');
            if (found >= 0) return end - size + found + 1;
            end -= size;
        }
        return 0;
    }

    private static bool IsWholeObject(FileStream stream, long length)
    {
        if (length > 256 << 20) return false;
        var bytes = new byte[length];
        stream.ReadExactly(bytes);
        return JsonLine.IsWhole(bytes);
    }
}
