namespace NativeSteer.Vectors;

/// <summary>A GGUF model as files: the key-values, and the tensors of all its parts.</summary>
internal sealed class ModelSource : IDisposable
{
    private readonly List<GgufFile> _parts = [];
    private readonly Dictionary<string, (GgufFile File, GgufTensor Tensor)> _byName = new(StringComparer.Ordinal);

    private ModelSource(GgufFile first) => _parts.Add(first);

    /// <summary>The first part, which holds the key-values.</summary>
    internal GgufFile First => _parts[0];

    /// <summary>All tensors with the part they lie in, in file order.</summary>
    internal IEnumerable<(GgufFile File, GgufTensor Tensor)> Tensors => _parts.SelectMany(part => part.Tensors.Select(tensor => (part, tensor)));

    /// <summary>Opens a model and the parts it is split into.</summary>
    /// <exception cref="NativeSteerException">A part is missing or broken, or this is no model.</exception>
    internal static ModelSource Open(string path)
    {
        var first = GgufFile.Open(path);
        var source = new ModelSource(first);
        try
        {
            foreach (var part in GgufParts.CheckModel(first).Skip(1)) source._parts.Add(GgufFile.Open(part));
            foreach (var (file, tensor) in source.Tensors) source._byName.Add(tensor.Name, (file, tensor));
            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    internal (GgufFile File, GgufTensor Tensor)? Find(string name) => _byName.TryGetValue(name, out var found) ? found : null;

    public void Dispose()
    {
        foreach (var part in _parts) part.Dispose();
    }
}
