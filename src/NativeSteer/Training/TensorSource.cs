using NativeSteer.Tensors;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>The tensors of a model, whichever of its files they lie in.</summary>
internal sealed class TensorSource : IDisposable
{
    private readonly List<GgufFile> _files = [];

    /// <summary>The first file, which has the key-values.</summary>
    public GgufFile First => _files[0];

    /// <summary>Opens a model and all its parts.</summary>
    /// <exception cref="NativeSteerException">A file cannot be read or is not a model.</exception>
    public static TensorSource Open(string path)
    {
        var source = new TensorSource();
        try
        {
            foreach (var part in GgufParts.CheckModel(path)) source._files.Add(GgufFile.Open(part));
            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    public GgufTensor? Find(string name)
    {
        foreach (var file in _files)
        {
            if (file.FindTensor(name) is { } tensor) return tensor;
        }
        return null;
    }

    /// <summary>Copies a tensor's bytes, a piece at a time.</summary>
    public void CopyTo(GgufTensor stored, Tensor target)
    {
        const int Piece = 16 << 20;
        var file = _files.First(file => ReferenceEquals(file.FindTensor(stored.Name), stored));
        var buffer = new byte[(int)Math.Min(Piece, stored.Bytes)];
        for (var done = 0L; done < stored.Bytes; done += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, stored.Bytes - done));
            file.ReadTensorBytes(stored, done, part);
            target.Write<byte>(part, done);
        }
    }

    public void Dispose()
    {
        foreach (var file in _files) file.Dispose();
    }
}
