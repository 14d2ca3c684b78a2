using System.Globalization;
using NativeSteer.Files;

namespace NativeSteer.Training;

/// <summary>The folder of a run's checkpoints, of which it keeps the last and the one before.</summary>
internal sealed class CheckpointFolder
{
    private const string Prefix = "step-", Suffix = ".safetensors";
    private const int Kept = 2;

    private CheckpointFolder(string path) => Path = path;

    internal string Path { get; }

    /// <summary>Opens a folder; it may be missing yet.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="resume">Go on from what is in it; otherwise it must hold no checkpoint.</param>
    /// <exception cref="NativeSteerException">The folder cannot be read, or holds checkpoints that were not asked for.</exception>
    internal static CheckpointFolder Open(string path, bool resume)
    {
        var folder = new CheckpointFolder(path);
        if (!resume && folder.Last is { } last)
        {
            throw new NativeSteerException(
                $"{FileErrors.Shown(path)} holds the checkpoint {System.IO.Path.GetFileName(last)} of an earlier run; go on with it by --resume, or "
                + "delete it, or give another folder with --checkpoint.");
        }
        return folder;
    }

    /// <summary>Finds out whether checkpoints can be written; a folder that is missing is so again afterwards.</summary>
    /// <exception cref="NativeSteerException">They cannot.</exception>
    internal void Prepare()
    {
        var isMissing = !Directory.Exists(Path);
        MakeFolder();
        PendingFile.Create(System.IO.Path.Combine(Path, "probe")).Dispose();
        if (isMissing) DeleteFolderIfEmpty();
    }

    /// <summary>The newest checkpoint, or null.</summary>
    internal string? Last => Files().LastOrDefault();

    /// <summary>Writes a checkpoint and deletes those that are no longer kept.</summary>
    /// <returns>Its path.</returns>
    /// <exception cref="NativeSteerException">It cannot be written; the earlier ones are still there then.</exception>
    internal string Save(ITrainable trainer, RunState state, RunIdentity run)
    {
        var path = System.IO.Path.Combine(Path, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{state.Step:00000000}{Suffix}"));
        MakeFolder();
        CheckpointFile.Write(path, trainer, state, run);
        foreach (var old in Files().SkipLast(Kept)) Delete(old);
        return path;
    }

    /// <summary>Deletes the checkpoints, and the folder when nothing else is in it.</summary>
    internal void Clear()
    {
        foreach (var file in Files()) Delete(file);
        DeleteFolderIfEmpty();
    }

    private void DeleteFolderIfEmpty()
    {
        try
        {
            if (!Directory.EnumerateFileSystemEntries(Path).Any()) Directory.Delete(Path);
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            // An empty folder too many does no harm.
        }
    }

    private void MakeFolder()
    {
        try
        {
            Directory.CreateDirectory(Path);
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Writing(Path, error);
        }
    }

    // By step: the names are as long as each other, up to steps that no run reaches.
    private List<string> Files()
    {
        try
        {
            if (!Directory.Exists(Path)) return [];
            return [.. Directory.EnumerateFiles(Path, Prefix + "*" + Suffix).Order(StringComparer.Ordinal)];
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Reading(Path, error);
        }
    }

    private static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            // One checkpoint too many does no harm.
        }
    }
}
