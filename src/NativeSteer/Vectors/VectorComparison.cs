using System.Runtime.InteropServices;

namespace NativeSteer.Vectors;

/// <summary>How two vectors relate at one layer.</summary>
/// <param name="Layer">The 0-based block.</param>
/// <param name="Cosine">The cosine of their directions; NaN where one has none or is zero.</param>
/// <param name="NormA">The first one's L2 norm; NaN where it has no direction.</param>
/// <param name="NormB">The second one's L2 norm; NaN where it has no direction.</param>
public sealed record LayerComparison(int Layer, double Cosine, double NormA, double NormB)
{
    /// <summary>Whether both have a direction here, with the same bits.</summary>
    public required bool Same { get; init; }

    /// <summary><see cref="NormB"/> / <see cref="NormA"/>; NaN where either is missing or the first is zero.</summary>
    public double NormRatio => NormA == 0 ? double.NaN : NormB / NormA;
}

/// <summary>Compares vectors of one model, layer by layer.</summary>
public static class VectorComparison
{
    /// <summary>One record for each layer that either vector has, ascending.</summary>
    /// <exception cref="NativeSteerException">The vectors are of different models.</exception>
    public static IReadOnlyList<LayerComparison> Compare(SteeringVector a, SteeringVector b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        a.RequireFit(b);
        return a.Layers.Union(b.Layers).Order().Select(layer => new LayerComparison(
            layer,
            a.Has(layer) && b.Has(layer) ? a.Cosine(b, layer) : double.NaN,
            a.Has(layer) ? a.Norm(layer) : double.NaN,
            b.Has(layer) ? b.Norm(layer) : double.NaN)
        {
            Same = a.Has(layer) && b.Has(layer) && Bytes(a, layer).SequenceEqual(Bytes(b, layer)),
        }).ToList();
    }

    private static ReadOnlySpan<byte> Bytes(SteeringVector vector, int layer) => MemoryMarshal.AsBytes(vector.Direction(layer).Span);
}
