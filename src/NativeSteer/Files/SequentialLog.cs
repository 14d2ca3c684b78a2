using System.Text.Json;

namespace NativeSteer.Files;

/// <summary>
/// A JSONL log whose lines are a fixed sequence: a run that is started again writes the same lines in the same order. So an
/// interrupted run needs no account of what it did: it passes over as many lines as the file has, and goes on with the next.
/// </summary>
public sealed class SequentialLog : IDisposable
{
    private readonly JsonLinesWriter _file;

    private SequentialLog(JsonLinesWriter file, long present)
    {
        _file = file;
        Present = present;
    }

    /// <summary>Lines that the file had when it was opened.</summary>
    public long Present { get; }

    /// <summary>Lines of the sequence that are behind: passed over or written.</summary>
    public long Position { get; private set; }

    /// <summary>Starts a new log; an existing file is emptied.</summary>
    /// <exception cref="NativeSteerException">The file cannot be written.</exception>
    public static SequentialLog Create(string path) => new(JsonLinesWriter.Create(path), 0);

    /// <summary>Goes on with a log; a last line that was cut off is dropped first.</summary>
    /// <exception cref="NativeSteerException">The file cannot be read and written, or a whole line is no object.</exception>
    public static SequentialLog Continue(string path)
    {
        var file = JsonLinesWriter.Append(path);
        try
        {
            return new SequentialLog(file, new FileInfo(path).Length == 0 ? 0 : JsonLines.Read(path).LongCount());
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Passes over the next lines when the file has all of them; otherwise they have to be made again.</summary>
    public bool TryPass(long lines)
    {
        if (Position + lines > Present) return false;
        Position += lines;
        return true;
    }

    /// <summary>Writes the next line, unless the file has it.</summary>
    /// <exception cref="NativeSteerException">The disk is full or the file went away.</exception>
    public void Write(Action<Utf8JsonWriter> fields)
    {
        if (TryPass(1)) return;
        _file.Write(fields);
        Position++;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();
}
