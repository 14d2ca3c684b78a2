using System.Text;

namespace NativeSteer.Files;

/// <summary>Turns what the file system throws into one line that names the path and the next step.</summary>
internal static class FileErrors
{
    // Raw errno values: on Unix .NET keeps errno in HResult for errors that have no exception type of their own.
    private const int FileTooBig = 27, NoSpace = 28, ReadOnlyFileSystem = 30, QuotaExceeded = 122;
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int LongestQuote = 80;

    /// <summary>True for the exceptions that file access raises, so that defects still surface as what they are.</summary>
    public static bool IsFileError(Exception error) =>
        error is IOException or UnauthorizedAccessException or System.Security.SecurityException
            or NotSupportedException or ArgumentException;

    /// <summary>The error for a file that could not be read.</summary>
    public static NativeSteerException Reading(string path, Exception error)
    {
        var shown = Shown(path);
        if (string.IsNullOrWhiteSpace(path)) return new NativeSteerException("An empty path was given; give the path of a file.", error);
        if (Directory.Exists(path)) return new NativeSteerException($"{shown} is a directory; give the path of a file.", error);
        return error switch
        {
            FileNotFoundException or DirectoryNotFoundException =>
                new NativeSteerException($"{shown} does not exist; check the path.", error),
            UnauthorizedAccessException => new NativeSteerException($"{shown} may not be read by this user; check its permissions.", error),
            _ => new NativeSteerException($"{shown} cannot be read: {Reason(error)}.", error),
        };
    }

    /// <summary>The error for a file that could not be written.</summary>
    public static NativeSteerException Writing(string path, Exception error)
    {
        var shown = Shown(path);
        if (string.IsNullOrWhiteSpace(path)) return new NativeSteerException(
            "An empty path was given; give the path of a file to write.", error);
        if (Directory.Exists(path)) return new NativeSteerException($"{shown} is a directory; give the path of a file to write.", error);
        return error switch
        {
            DirectoryNotFoundException =>
                new NativeSteerException(
                    $"{shown} cannot be written: its folder does not exist; create the folder or write elsewhere.", error),
            UnauthorizedAccessException =>
                new NativeSteerException($"{shown} cannot be written: permission denied; choose a folder you may write to.", error),
            IOException { HResult: NoSpace or QuotaExceeded or WindowsDiskFull } =>
                new NativeSteerException($"{shown} cannot be written: the disk is full; free some space or write elsewhere.", error),
            IOException { HResult: FileTooBig } =>
                new NativeSteerException($"{shown} cannot be written: the file would be larger than the file system allows.", error),
            IOException { HResult: ReadOnlyFileSystem } =>
                new NativeSteerException($"{shown} cannot be written: the file system is read-only; write elsewhere.", error),
            _ => new NativeSteerException($"{shown} cannot be written: {Reason(error)}.", error),
        };
    }

    /// <summary>A path, whole, fit for one line of output.</summary>
    public static string Shown(string path) => Printable(path, int.MaxValue);

    /// <summary>
    /// Text from a file or a user, fit for one line of output: control characters and unpaired surrogates escaped,
    /// cut after <paramref name="longest"/> characters.
    /// </summary>
    public static string Printable(string text, int longest = LongestQuote)
    {
        var result = new StringBuilder(Math.Min(text.Length, LongestQuote));
        foreach (var rune in text.EnumerateRunes())
        {
            if (result.Length >= longest) return result.Append('…').ToString();
            if (Rune.IsControl(rune) || rune == Rune.ReplacementChar || rune.Value is 0x2028 or 0x2029)
                result.Append("\\u").Append(rune.Value.ToString("x4"));
            else
                result.Append(rune.ToString());
        }
        return result.ToString();
    }

    // The system's own words, cut to their first line and without the full stop that our sentence adds.
    private static string Reason(Exception error)
    {
        var line = error.Message.AsSpan().Trim();
        var end = line.IndexOfAny('\r', '\n');
        if (end >= 0) line = line[..end];
        return Printable(line.TrimEnd('.').ToString(), 200);
    }
}
