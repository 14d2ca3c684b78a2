using NativeSteer.Files;

namespace NativeSteer.Extraction;

/// <summary>The lines of a text file as prompts: empty ones skipped, escapes replaced, each with its place.</summary>
internal static class TextLines
{
    /// <summary>Reads while it is enumerated; memory is bounded by the longest line.</summary>
    /// <exception cref="NativeSteerException">While enumerating: the file cannot be read.</exception>
    internal static IEnumerable<(string Text, int Line)> Read(string path)
    {
        using var reader = Guarded(path, () => new StreamReader(path));
        for (var number = 1; Guarded(path, reader.ReadLine) is { } line; number++)
        {
            if (line.Length > 0) yield return (EscapedText.Decode(line), number);
        }
    }

    private static T Guarded<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Reading(path, error);
        }
    }
}
