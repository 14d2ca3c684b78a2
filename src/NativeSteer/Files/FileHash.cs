using System.Security.Cryptography;

namespace NativeSteer.Files;

/// <summary>Tells whether a file is still the one it was.</summary>
internal static class FileHash
{
    /// <summary><c>sha256:</c> and 64 hex digits, of the whole file.</summary>
    /// <exception cref="NativeSteerException">The file cannot be read.</exception>
    public static string Of(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return "sha256:" + Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Reading(path, error);
        }
    }
}
