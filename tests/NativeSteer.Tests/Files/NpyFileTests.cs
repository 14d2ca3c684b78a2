using System.Runtime.InteropServices;
using System.Text;
using NativeSteer.Files;
using Xunit;

namespace NativeSteer.Tests.Files;

public sealed class NpyFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The bytes numpy.save writes.</summary>
    internal static byte[] Npy(string type, string shape, ReadOnlySpan<byte> data, string order = "False")
    {
        var header = $"{{'descr': '{type}', 'fortran_order': {order}, 'shape': ({shape}), }}";
        header = header.PadRight((10 + header.Length + 64) / 64 * 64 - 11) + "\n";
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8), .. Encoding.ASCII.GetBytes(header), .. data];
    }

    [Fact]
    public void Floats_of_every_size_are_read()
    {
        float[] expected = [1, -2.5f, 3, 4, 5, 0.125f];
        var doubles = Array.ConvertAll(expected, value => (double)value);
        var halves = Array.ConvertAll(expected, value => (Half)value);
        foreach (var bytes in new[]
                 {
                     Npy("<f4", "2, 3", MemoryMarshal.AsBytes<float>(expected)),
                     Npy("<f8", "2, 3", MemoryMarshal.AsBytes<double>(doubles)),
                     Npy("<f2", "2, 3", MemoryMarshal.AsBytes<Half>(halves)),
                 })
        {
            var (shape, values) = NpyFile.Read(_folder.Write("a.npy", bytes));
            Assert.Equal([2, 3], shape);
            Assert.Equal(expected, values);
        }
    }

    [Fact]
    public void Bad_files_are_named()
    {
        Fails.With(() => NpyFile.Read(_folder.Write("a", "not numpy at all")), "does not start like one");
        Fails.With(() => NpyFile.Read(_folder.Write("a", Npy("<f4", "2, 3", new byte[23]))), "truncated");
        Fails.With(() => NpyFile.Read(_folder.Write("a", Npy("<f4", "2, 3", new byte[24], "True"))), "Fortran order");
        Fails.With(() => NpyFile.Read(_folder.Write("a", Npy("<i8", "3,", new byte[24]))), "<i8", "float32");
        Fails.With(() => NpyFile.Read(_folder.Write("a", Npy("|O", "3,", new byte[24]))), "|O");
        Fails.With(() => NpyFile.Read(_folder.Write("a", Npy("<f4", "2000000000, 2000000000, 9", []))), "too large");
        Fails.With(() => NpyFile.Read(_folder.Write("a", Npy("<f4", "99999999999999999999,", []))), "too large");
        Fails.With(() => NpyFile.Read(_folder["none"]), "does not exist");
        var whole = Npy("<f4", "2, 3", new byte[24]);
        for (var length = 0; length < whole.Length; length++) Fails.With(() => NpyFile.Read(_folder.Write("a", whole[..length])));
    }
}
