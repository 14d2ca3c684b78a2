using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Engine;

/// <summary>
/// Reads a model's key-values in the types that llama.cpp takes them in, and within the ranges that it survives. Each method
/// returns null for a key that the file does not have.
/// </summary>
internal sealed class ModelKeys(GgufFile file)
{
    /// <summary>The error that the file is not what it should be.</summary>
    public NativeSteerException Fault(string what) => GgufFile.Fault(file.Path, what);

    /// <summary>Whether the file has the key.</summary>
    public bool Has(string key) => file.Find(key) is not null;

    /// <summary>A u32.</summary>
    public long? Number(string key, long least = 0, long most = uint.MaxValue)
    {
        if (!Is(key, GgufValueType.UInt32, isArray: false, "u32")) return null;
        return InRange(key, file.GetInteger(key), least, most);
    }

    /// <summary>A u32 that the file must have.</summary>
    public long Required(string key, long least, long most) =>
        Number(key, least, most) ?? throw Fault($"it has no key {FileErrors.Printable(key)}");

    /// <summary>A u32, or an array of a given length (one for each layer mostly), as which it is returned.</summary>
    public long[]? PerLayer(string key, int layers, long least, long most)
    {
        if (file.Find(key) is not { IsArray: true } entry)
        {
            return Number(key, least, most) is { } all ? [.. Enumerable.Repeat(all, layers)] : null;
        }
        if (entry.Type is not (GgufValueType.UInt32 or GgufValueType.Int32))
            throw Fault($"its key {FileErrors.Printable(key)} is {entry.TypeName}, not u32 or an array of u32");
        if (entry.Count != layers) throw Fault($"its key {FileErrors.Printable(key)} has {entry.Count} elements, not {layers}");
        long[] values = entry.Type == GgufValueType.UInt32
            ? [.. file.GetArray<uint>(key).Select(value => (long)value)]
            : [.. file.GetArray<int>(key).Select(value => (long)value)];
        foreach (var value in values) InRange(key, value, least, most);
        return values;
    }

    /// <summary>A finite f32.</summary>
    public double? Real(string key, double least = double.MinValue)
    {
        if (!Is(key, GgufValueType.Float32, isArray: false, "f32")) return null;
        var value = file.GetNumber(key);
        return double.IsFinite(value) && value >= least ? value : throw Fault($"its key {FileErrors.Printable(key)} is {value}");
    }

    /// <summary>A text.</summary>
    public string? Text(string key) => Is(key, GgufValueType.String, isArray: false, "str") ? file.GetString(key) : null;

    /// <summary>A truth value.</summary>
    public bool? Flag(string key) => Is(key, GgufValueType.Bool, isArray: false, "bool") ? file.GetBool(key) : null;

    /// <summary>The length of an array whose elements are of one of the types.</summary>
    public long? ArrayLength(string key, params ReadOnlySpan<GgufValueType> types)
    {
        if (file.Find(key) is not { } entry) return null;
        if (entry.IsArray && types.Contains(entry.Type)) return entry.Count;
        var wanted = string.Join(" or ", types.ToArray().Select(type => new GgufEntry("", type, true, 0, 0, 0).TypeName));
        throw Fault($"its key {FileErrors.Printable(key)} is {entry.TypeName}, not {wanted}");
    }

    private bool Is(string key, GgufValueType type, bool isArray, string wanted)
    {
        if (file.Find(key) is not { } entry) return false;
        if (entry.IsArray == isArray && entry.Type == type) return true;
        throw Fault($"its key {FileErrors.Printable(key)} is {entry.TypeName}, not {wanted}");
    }

    private long InRange(string key, long value, long least, long most) =>
        value >= least && value <= most ? value : throw Fault($"its key {FileErrors.Printable(key)} is {value}, not {least} to {most}");
}
