using NativeSteer.Vectors;

namespace NativeSteer.Cli.Commands;

/// <summary>What a file is, as far as the choice of reader goes.</summary>
internal enum FileKind
{
    /// <summary>GGUF, not a control vector.</summary>
    Model,

    /// <summary>Safetensors.</summary>
    Tensors,

    /// <summary>A vector, or nothing known: the importer of vectors says which.</summary>
    Vector,
}

/// <summary>Tells kinds of files apart by their content.</summary>
internal static class FileKinds
{
    internal static FileKind Of(string path)
    {
        Span<byte> magic = stackalloc byte[9];
        var start = magic[..Read(path, magic)];
        if (start is [_, _, _, _, _, _, _, _, (byte)'{']) return FileKind.Tensors;
        if (!start.StartsWith("GGUF"u8)) return FileKind.Vector;
        using var file = GgufFile.Open(path);
        var vector = file.Architecture is "controlvector" or "steeringvector"
            || file.Tensors.Any(tensor => tensor.Name.StartsWith("direction.", StringComparison.Ordinal));
        return vector ? FileKind.Vector : FileKind.Model;
    }

    private static int Read(string path, Span<byte> target)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return file.ReadAtLeast(target, target.Length, throwOnEndOfStream: false);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return 0; // the reader that comes next says it in its own words
        }
    }
}
