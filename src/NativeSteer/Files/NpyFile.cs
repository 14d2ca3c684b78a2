using System.Buffers.Binary;
using System.Globalization;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace NativeSteer.Files;

/// <summary>Reads NumPy's <c>.npy</c> arrays of floats (f2, f4, f8; little endian; C order), as papers publish them.</summary>
/// <remarks>Format: numpy.lib.format, versions 1 to 3.</remarks>
public static partial class NpyFile
{
    private const long LargestFile = 1L << 31; // a [layers, width] matrix has some MB

    /// <summary>Reads an array whole.</summary>
    /// <param name="path">The file to read.</param>
    /// <returns>The dimensions, slowest first, and the elements, row-major.</returns>
    /// <exception cref="NativeSteerException">
    /// The file cannot be read, is not .npy, is truncated, or holds something else than floats.
    /// </exception>
    public static (int[] Shape, float[] Values) Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: >= LargestFile }) throw Fault(path, "it is larger than 2 GiB");
            return Parse(path, File.ReadAllBytes(path));
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Reading(path, error);
        }
    }

    private static (int[] Shape, float[] Values) Parse(string path, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 12 || bytes[0] != 0x93 || !bytes[1..].StartsWith("NUMPY"u8))
            throw Fault(path, "it does not start like one");
        var wide = bytes[6] >= 2; // version 2 and 3 have a length of 4 bytes
        var length = wide ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) : BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]);
        var start = wide ? 12 : 10;
        if (length > 65535) throw Fault(path, $"its header claims {length} bytes");
        if (length > bytes.Length - start) throw Fault(path, "its header is cut off");
        var header = Encoding.UTF8.GetString(bytes.Slice(start, (int)length));
        var data = bytes[(start + (int)length)..];

        var match = Header().Match(header);
        if (!match.Success) throw Fault(path, "its header is not understood");
        if (match.Groups["order"].ValueSpan is "True")
            throw Fault(path, "it is in Fortran order; save np.ascontiguousarray of it");
        var shape = Shape(path, match.Groups["shape"].Value, out var count);
        var size = match.Groups["type"].ValueSpan switch
        {
            "<f4" => 4,
            "<f8" => 8,
            "<f2" => 2,
            _ => throw Fault(path, $"its elements are {FileErrors.Printable(match.Groups["type"].Value)}; save it as float32"),
        };
        if (data.Length < count * size)
            throw Fault(path, $"it is truncated: {count * size} bytes of data are announced, {data.Length} are there");
        var values = new float[count];
        if (size == 4) MemoryMarshal.Cast<byte, float>(data)[..(int)count].CopyTo(values);
        else if (size == 8) TensorPrimitives.ConvertTruncating<double, float>(MemoryMarshal.Cast<byte, double>(data)[..(int)count], values);
        else TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(data)[..(int)count], values);
        return (shape, values);
    }

    private static int[] Shape(string path, string text, out long count)
    {
        var sizes = new List<int>();
        count = 1;
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var size) || count * size > LargestFile)
                throw Fault(path, $"its shape ({FileErrors.Printable(text)}) is too large");
            sizes.Add(size);
            count *= size;
        }
        return [.. sizes];
    }

    private static NativeSteerException Fault(string path, string what) =>
        new($"{FileErrors.Shown(path)} is not a usable .npy file: {what}.");

    // numpy writes the three keys in this order, always.
    [GeneratedRegex(
        """^\{\s*'descr':\s*'(?<type>[^']*)',\s*'fortran_order':\s*(?<order>True|False),\s*'shape':\s*\((?<shape>[0-9, ]*)\)\s*,?\s*\}\s*$""",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Header();
}
