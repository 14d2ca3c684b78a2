using System.Runtime.InteropServices;
using System.Security.Cryptography;
using NativeSteer.Vectors;

namespace NativeSteer.Studies;

/// <summary>Tells vectors apart by their numbers: a file that was made anew under the same name is another vector.</summary>
internal static class VectorHash
{
    /// <summary>16 hex digits over all layers' directions.</summary>
    internal static string Of(SteeringVector vector)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var layer in vector.Layers) hash.AppendData(MemoryMarshal.AsBytes(vector.Direction(layer).Span));
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }
}
