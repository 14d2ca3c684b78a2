using System.Buffers.Binary;
using System.Security.Cryptography;
using NativeSteer.Files;

namespace NativeSteer.Vectors;

/// <summary>Tells model files apart without reading them whole.</summary>
public static class ModelFingerprint
{
    private const int Sample = 4096; // bytes of each tensor

    /// <summary>
    /// <c>sampled-sha256:</c> and 64 hex digits: the SHA-256 of the file's size (64 bits, little endian), its header
    /// (everything before the tensor data), and the first 4 KiB of each tensor in file order. Two quantisations, and a model
    /// and its fine-tuned copy, differ; milliseconds for files of any size.
    /// </summary>
    /// <exception cref="NativeSteerException">The file cannot be read.</exception>
    public static string Of(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 16];
        BinaryPrimitives.WriteInt64LittleEndian(buffer, file.Size);
        hash.AppendData(buffer, 0, sizeof(long));
        try
        {
            using var handle = File.OpenHandle(file.Path);
            Append(0, file.DataOffset);
            foreach (var tensor in file.Tensors) Append(tensor.Offset, Math.Min(tensor.Bytes, Sample));

            void Append(long offset, long count)
            {
                for (var end = offset + count; offset < end;)
                {
                    var read = RandomAccess.Read(handle, buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - offset)), offset);
                    if (read == 0) break; // cut since it was opened; the hash differs then, as it should
                    hash.AppendData(buffer, 0, read);
                    offset += read;
                }
            }
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Reading(file.Path, error);
        }
        return "sampled-sha256:" + Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
