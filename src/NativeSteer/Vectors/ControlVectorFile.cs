using System.Globalization;
using NativeSteer.Files;

namespace NativeSteer.Vectors;

/// <summary>
/// Steering vectors as GGUF control vectors, which llama.cpp (<c>--control-vector</c>) and repeng read: the F32 tensor
/// <c>direction.N</c> is added to the output of 0-based block N.
/// </summary>
/// <remarks>
/// llama.cpp rejects a whole file for a tensor of another name and for <c>direction.0</c> (common/common.cpp,
/// <c>common_control_vector_load_one</c>). So layer 0 and everything else of ours lies in key-values, which it skips:
/// <c>nativesteer.format</c> (u32, 1), <c>nativesteer.layers</c> (u32), <c>nativesteer.direction.0</c> and
/// <c>nativesteer.residual_norms</c> (f32 arrays), <c>nativesteer.provenance.KEY</c> (text).
/// </remarks>
public static class ControlVectorFile
{
    internal const string FormatKey = "nativesteer.format";
    internal const string TensorPrefix = "direction.";
    private const uint Format = 1;
    private const string Kind = "controlvector";
    private const string LayersKey = "nativesteer.layers";
    private const string LayerZeroKey = "nativesteer.direction.0";
    private const string NormsKey = "nativesteer.residual_norms";
    internal const string ProvenancePrefix = "nativesteer.provenance.";

    /// <summary>Writes a vector, atomically.</summary>
    /// <returns>A note where llama.cpp's own loader will see less than the file holds (a direction at layer 0), otherwise null.</returns>
    /// <exception cref="NativeSteerException">The path cannot be written, or the disk is full.</exception>
    public static string? Write(string path, SteeringVector vector)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(vector);
        var shape = vector.Shape;
        var tensors = vector.Layers.Where(layer => layer > 0).ToList();
        var writer = new GgufWriter()
            .Add("general.architecture", Kind)
            .Add("controlvector.model_hint", shape.Architecture)
            .Add("controlvector.layer_count", (uint)tensors.Count) // u32 and a count, as repeng writes it
            .Add(FormatKey, Format)
            .Add(LayersKey, (uint)shape.Layers);
        if (vector.Has(0)) writer.AddArray(LayerZeroKey, vector.Direction(0).Span);
        if (!vector.ResidualNorms.IsEmpty) writer.AddArray(NormsKey, vector.ResidualNorms.Span);
        foreach (var (key, value) in vector.Provenance) writer.Add(ProvenancePrefix + key, value);
        foreach (var layer in tensors) writer.AddTensor(TensorName(layer), vector.Direction(layer).ToArray());
        writer.Write(path);
        if (!vector.Has(0)) return null;
        return tensors.Count == 0
            ? "the only direction is at layer 0, which llama.cpp's --control-vector cannot apply; NativeSteer does"
            : "the direction at layer 0 is kept for NativeSteer; llama.cpp's --control-vector applies the other layers only";
    }

    /// <summary>
    /// Reads a control vector with llama.cpp's meaning of <c>direction.N</c>: the same file steers the same blocks here and
    /// there. Files of tools that number one late are for <see cref="ControlVectorImport"/>.
    /// </summary>
    /// <exception cref="NativeSteerException">The file cannot be read, is not a control vector, or llama.cpp would reject it.</exception>
    public static SteeringVector Read(string path)
    {
        using var file = GgufFile.Open(path);
        RequireControlVector(file);
        var directions = Directions(file);
        if (directions.ContainsKey(0))
            throw Fault(
                file, "it has direction.0, for which llama.cpp rejects the whole file; 'nativesteer vector import' makes a usable one");
        return Assemble(file, directions, 0, null);
    }

    internal static string TensorName(int layer) => TensorPrefix + layer.ToString(CultureInfo.InvariantCulture);

    /// <summary>Says what a file is that is no control vector.</summary>
    internal static void RequireControlVector(GgufFile file)
    {
        var architecture = file.Architecture;
        if (architecture is Kind or "steeringvector" || file.Tensors.Any(tensor => IsDirection(tensor.Name))) return;
        var shown = FileErrors.Shown(file.Path);
        throw new NativeSteerException(architecture.Length == 0
            ? $"{shown} is a GGUF file without directions, not a control vector; give a file made by 'nativesteer vector extract'."
            : $"{shown} is a model or adapter for {FileErrors.Printable(architecture)}, not a control vector; give models with -m.");
    }

    /// <summary>The directions as the file numbers them. All are F32, one-dimensional and of one width.</summary>
    internal static SortedList<int, float[]> Directions(GgufFile file)
    {
        var directions = new SortedList<int, float[]>();
        foreach (var tensor in file.Tensors)
        {
            var shown = FileErrors.Printable(tensor.Name);
            var number = LayerNumber(tensor.Name) ?? throw Fault(
                file, $"its tensor {shown} is not named direction.N, for which llama.cpp rejects the whole file");
            if (tensor.Type != GgmlType.F32) throw Fault(file, $"{shown} is {tensor.Type}; a direction is F32");
            // ggml drops trailing dimensions of 1, so [n, 1] is one-dimensional to llama.cpp.
            if (tensor.Count != tensor.Shape[0]) throw Fault(file, $"{shown} has {tensor.Shape.Count} dimensions; a direction has one");
            var values = file.ReadTensor(tensor.Name);
            if (directions.Count > 0 && directions.Values[0].Length != values.Length)
                throw Fault(
                    file, $"{shown} has {values.Length} values, {TensorName(directions.Keys[0])} has {directions.Values[0].Length}");
            if (!directions.TryAdd(number, values)) throw Fault(file, $"it has two directions for {number}");
        }
        return directions;
    }

    /// <summary>Makes the vector: the file's directions moved by an offset, and what else the file knows.</summary>
    internal static SteeringVector Assemble(GgufFile file, SortedList<int, float[]> numbered, int offset, ModelShape? model)
    {
        var directions = new SortedList<int, float[]>();
        foreach (var (number, values) in numbered) directions.Add(checked(number + offset), values);
        if (file.Find(LayerZeroKey) is not null && !directions.TryAdd(offset, file.GetArray<float>(LayerZeroKey)))
            throw Fault(file, $"it has both direction.0 and {LayerZeroKey}");
        if (directions.Count == 0) throw Fault(file, "it holds no direction");
        if (directions.Keys[0] < 0)
        {
            throw Fault(
                file, $"{TensorName(directions.Keys[0] - offset)} moved by the layer offset {offset} lies before layer 0; "
                + "give another --layer-offset");
        }
        if (file.Find(FormatKey) is not null && file.GetInteger(FormatKey) is var format && format != Format)
            throw Fault(file, $"its format is {format}, this version reads {Format}; update NativeSteer");
        var layers = file.Find(LayersKey) is null ? 0 : file.GetInteger(LayersKey);
        if (layers is < 0 or > SteeringVector.LargestLayer + 1) throw Fault(file, $"its {LayersKey} is {layers}");
        var stored = new ModelShape(Hint(file), (int)layers, directions.Values[0].Length);
        // Only a file that knows its model's depth is ours and speaks GGUF's architecture names; a foreign hint proves nothing.
        if (model is not null && layers > 0 && !stored.Fits(model))
            throw Fault(file, $"it is for {stored}, the model is {model}; use a vector of this model");
        var shape = model ?? stored;
        var norms = file.Find(NormsKey) is null ? [] : file.GetArray<float>(NormsKey);
        try
        {
            return new SteeringVector(shape, directions, ReadProvenance(file), norms);
        }
        catch (NativeSteerException error)
        {
            throw new NativeSteerException($"{FileErrors.Shown(file.Path)}: {error.Message}", error);
        }
    }

    internal static string Hint(GgufFile file)
    {
        foreach (var key in (ReadOnlySpan<string>)["controlvector.model_hint", "steeringvector.model_hint"])
        {
            if (file.Find(key) is { IsArray: false, Type: GgufValueType.String }) return file.GetString(key);
        }
        return "";
    }

    internal static NativeSteerException Fault(GgufFile file, string what) =>
        new($"{FileErrors.Shown(file.Path)} is not a usable control vector: {what}.");

    internal static bool IsDirection(string name) => LayerNumber(name) is not null;

    // Stricter than llama.cpp's stoi, which reads direction.3x as 3.
    internal static int? LayerNumber(string name, string prefix = TensorPrefix) =>
        name.StartsWith(prefix, StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && number <= SteeringVector.LargestLayer
            ? number
            : null;

    private static Provenance ReadProvenance(GgufFile file)
    {
        var provenance = Provenance.Empty;
        foreach (var entry in file.Entries)
        {
            if (!entry.Key.StartsWith(ProvenancePrefix, StringComparison.Ordinal)) continue;
            if (entry is not { IsArray: false, Type: GgufValueType.String }) continue;
            var key = entry.Key[ProvenancePrefix.Length..];
            if (Provenance.IsKey(key)) provenance = provenance.With(key, file.GetString(entry.Key));
        }
        return provenance;
    }
}
