namespace NativeSteer.Files;

/// <summary>
/// A file being written beside its final place. <see cref="Commit"/> renames it over the target; disposing without a
/// commit deletes it, so the target is at every moment the old file or the whole new one.
/// </summary>
/// <remarks>
/// Devices (<c>/dev/null</c>, <c>/dev/full</c>, <c>/dev/stdout</c>) and <c>/proc</c> entries cannot be renamed over and are
/// written directly. A symbolic link is followed: its target is replaced, the link stays.
/// </remarks>
internal sealed class PendingFile : IDisposable
{
    private readonly string _target;
    private readonly string? _temporary; // null when the target is written directly
    private bool _committed;

    private PendingFile(string path, string target, string? temporary, FileStream stream)
    {
        Path = path;
        _target = target;
        _temporary = temporary;
        Stream = stream;
    }

    /// <summary>The path as the caller gave it; every error names it.</summary>
    public string Path { get; }

    /// <summary>The file that is written to until the commit.</summary>
    public string WritePath => _temporary ?? _target;

    /// <summary>Where to write. Errors from it are plain IO exceptions; <see cref="FileErrors.Writing"/> words them.</summary>
    public FileStream Stream { get; }

    /// <summary>Opens the temporary file.</summary>
    /// <exception cref="NativeSteerException">The folder is missing or not writable, or the path is a directory.</exception>
    public static PendingFile Create(string path)
    {
        try
        {
            if (Directory.Exists(path)) throw new IOException("is a directory");
            var target = System.IO.Path.GetFullPath(path);
            if (IsDevice(target))
                return new PendingFile(path, target, null, new FileStream(target, FileMode.Open, FileAccess.Write, FileShare.ReadWrite));
            if (new FileInfo(target).LinkTarget is not null && File.ResolveLinkTarget(target, returnFinalTarget: true) is { } final)
                target = final.FullName;
            // A name of fixed length: the target's own name may already be as long as the file system allows.
            var temporary = System.IO.Path.Combine(
                System.IO.Path.GetDirectoryName(target)!, $".nativesteer-{Guid.NewGuid():n}.tmp");
            // An unwritable existing file is the user's "no", even where the folder would allow the rename.
            if (File.Exists(target))
                File.OpenHandle(target, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete).Dispose();
            var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 1 << 16);
            return new PendingFile(path, target, temporary, stream);
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Writing(path, error);
        }
    }

    /// <summary>Flushes to the disk and renames over the target.</summary>
    /// <exception cref="NativeSteerException">The disk is full, or the rename was refused; the temporary file is gone.</exception>
    public void Commit()
    {
        try
        {
            // Without the sync a crash after the rename could leave an empty file under the final name. Devices cannot sync.
            Stream.Flush(flushToDisk: _temporary is not null);
            Stream.Dispose();
            if (_temporary is not null)
            {
                if (!OperatingSystem.IsWindows() && File.Exists(_target)) File.SetUnixFileMode(_temporary, File.GetUnixFileMode(_target));
                File.Move(_temporary, _target, overwrite: true);
            }
            _committed = true;
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            Discard();
            throw FileErrors.Writing(Path, error);
        }
    }

    /// <summary>Closes the file and, when it was not committed, deletes it.</summary>
    public void Dispose()
    {
        if (!_committed) Discard();
    }

    private void Discard()
    {
        _committed = true;
        try
        {
            Stream.Dispose(); // flushes what is buffered and so can fail again on the full disk we are leaving
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            // The first error is the one the user needs.
        }
        try
        {
            if (_temporary is not null) File.Delete(_temporary);
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            // A folder that vanished took the temporary file with it.
        }
    }

    /// <summary>Whether a path is a device's. .NET does not tell it from a regular file, so the places where devices live decide.</summary>
    public static bool IsDevice(string fullPath) =>
        !OperatingSystem.IsWindows()
        && (fullPath.StartsWith("/dev/", StringComparison.Ordinal) || fullPath.StartsWith("/proc/", StringComparison.Ordinal))
        && !fullPath.StartsWith("/dev/shm/", StringComparison.Ordinal)
        && File.Exists(fullPath);
}
