using NativeSteer.Files;

namespace NativeSteer.Vectors;

/// <summary>What a vector must share with a model to be added to its residual stream.</summary>
/// <param name="Architecture">GGUF's <c>general.architecture</c>, e.g. <c>qwen2</c>; empty where a foreign file does not say.</param>
/// <param name="Layers">The number of transformer blocks; 0 where a foreign file does not say.</param>
/// <param name="Width">The length of a residual row (<c>n_embd</c>).</param>
public sealed record ModelShape(string Architecture, int Layers, int Width)
{
    /// <summary>The shape of a model from its key-values <c>ARCH.block_count</c> and <c>ARCH.embedding_length</c>.</summary>
    /// <exception cref="NativeSteerException">The file is not a model, or its numbers are impossible.</exception>
    public static ModelShape Of(GgufFile model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var architecture = model.Architecture;
        if (architecture.Length == 0) throw GgufFile.Fault(model.Path, "it names no architecture (general.architecture)");
        var layers = model.GetInteger($"{architecture}.block_count");
        var width = model.GetInteger($"{architecture}.embedding_length");
        if (layers is < 1 or > SteeringVector.LargestLayer + 1 || width is < 1 or > 1 << 24)
            throw GgufFile.Fault(model.Path, $"it claims {layers} layers of width {width}");
        return new ModelShape(architecture, (int)layers, (int)width);
    }

    /// <summary>True where nothing that both know differs.</summary>
    public bool Fits(ModelShape other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Width == other.Width
            && (Layers == other.Layers || Layers == 0 || other.Layers == 0)
            && (string.Equals(Architecture, other.Architecture, StringComparison.Ordinal)
                || Architecture.Length == 0 || other.Architecture.Length == 0);
    }

    /// <summary>The shape in words: <c>qwen2 with 28 layers of width 1536</c>.</summary>
    public override string ToString() =>
        (Architecture.Length == 0 ? "an unnamed model" : FileErrors.Printable(Architecture))
        + (Layers == 0 ? " with" : $" with {Layers} layers of") + $" width {Width}";

    /// <summary>The shape that holds what either knows; both must fit.</summary>
    internal ModelShape Join(ModelShape other) => new(
        Architecture.Length > 0 ? Architecture : other.Architecture, Math.Max(Layers, other.Layers), Width);
}
