using System.Text;

namespace NativeSteer.Files;

/// <summary>
/// Whole files or none: the bytes go to a temporary file in the same folder, are flushed to the disk, and are renamed
/// over the target. On any failure the temporary file is deleted and an existing target is left as it was.
/// </summary>
public static class AtomicFile
{
    /// <summary>
    /// Writes <paramref name="path"/> with what <paramref name="write"/> puts into the stream (seekable, empty at first).
    /// </summary>
    /// <param name="path">The file to create or replace. Devices such as <c>/dev/null</c> are written directly.</param>
    /// <param name="write">Fills the stream; it must not keep it. Exceptions that are not file errors pass through unchanged.</param>
    /// <exception cref="NativeSteerException">
    /// The folder is missing or not writable, the path is a directory, or the disk is full.
    /// </exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(write);
        using var pending = PendingFile.Create(path);
        try
        {
            write(pending.Stream);
        }
        catch (IOException error)
        {
            throw FileErrors.Writing(path, error);
        }
        pending.Commit();
    }

    /// <summary>Writes <paramref name="path"/> by a library that opens files itself.</summary>
    /// <param name="path">As for <see cref="Write(string, Action{Stream})"/>.</param>
    /// <param name="write">Fills the file at the path it is given, which exists and is empty.</param>
    /// <inheritdoc cref="Write(string, Action{Stream})" path="/exception"/>
    public static void WriteAt(string path, Action<string> write)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(write);
        using var pending = PendingFile.Create(path);
        write(pending.WritePath);
        pending.Commit();
    }

    /// <summary>Writes <paramref name="text"/> as UTF-8 without a byte order mark.</summary>
    /// <inheritdoc cref="Write(string, Action{Stream})" path="/exception"/>
    public static void WriteAllText(string path, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
    }
}
