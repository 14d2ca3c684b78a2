using MathNet.Numerics.LinearAlgebra;
using NativeSteer.Vectors;

namespace NativeSteer.Extraction;

/// <summary>The first principal component of pair differences at a layer.</summary>
/// <param name="Direction">Unit length (width), pointing from the negative to the positive side on average.</param>
/// <param name="Share">Its share of the differences' sum of squares, 0 to 1.</param>
public sealed record PrincipalComponent(float[] Direction, double Share);

/// <summary>Steering vectors as the direction along which pairs of prompts differ most.</summary>
/// <remarks>
/// The component of largest variance about zero of d = positive - negative, one d per pair: uncentred, because centring
/// would take away the mean difference, which is the signal. llama.cpp's cvector-generator does the same by power
/// iteration (tools/cvector-generator/pca.hpp), as does repeng's "pca_center" (extract.py), whose centring of each pair on
/// its own midpoint gives +-d/2; repeng's "pca_diff" centres the differences. The sign makes the mean of d point along the
/// direction, so that adding the vector moves towards the positive side.
/// </remarks>
public static class PrincipalComponents
{
    /// <summary>The first component of rows.</summary>
    /// <param name="differences">(pairs, width), at least one pair.</param>
    /// <returns>Null where all differences are zero.</returns>
    public static PrincipalComponent? First(IReadOnlyList<float[]> differences)
    {
        ArgumentNullException.ThrowIfNull(differences);
        ArgumentOutOfRangeException.ThrowIfLessThan(differences.Count, 1);
        var (pairs, width) = (differences.Count, differences[0].Length);
        var rows = Matrix<double>.Build.Dense(pairs, width, (pair, column) => differences[pair][column]);
        // Both products have the same non-zero eigenvalues: the smaller one is decomposed.
        var viaGram = pairs < width;
        var product = viaGram ? rows.TransposeAndMultiply(rows) : rows.TransposeThisAndMultiply(rows);
        var total = product.Trace();
        if (total <= 0) return null;

        var eigen = product.Evd(Symmetricity.Symmetric);
        var largest = eigen.EigenValues.Real().MaximumIndex();
        var vector = eigen.EigenVectors.Column(largest);
        var direction = (viaGram ? rows.TransposeThisAndMultiply(vector) : vector).Normalize(2);
        if (rows.Multiply(direction).Sum() < 0) direction = direction.Negate();
        var share = Math.Clamp(eigen.EigenValues[largest].Real / total, 0, 1);
        return new PrincipalComponent([.. direction.Select(value => (float)value)], share);
    }

    /// <summary>The first component at each layer, as a vector of unit length.</summary>
    /// <param name="differences">Layer to (pairs, width).</param>
    /// <param name="model">The model that was run.</param>
    /// <param name="provenance">Where the pairs come from; method, length and counts are added.</param>
    /// <param name="residualNorms">Mean residual norm per layer, or empty.</param>
    /// <returns>The vector, and the share of the differences' sum of squares it explains at each layer.</returns>
    /// <exception cref="NativeSteerException">All differences are zero at a layer.</exception>
    public static (SteeringVector Vector, IReadOnlyDictionary<int, double> Shares) Of(
        IReadOnlyDictionary<int, IReadOnlyList<float[]>> differences, ModelShape model, Provenance provenance,
        ReadOnlySpan<float> residualNorms = default)
    {
        ArgumentNullException.ThrowIfNull(differences);
        ArgumentNullException.ThrowIfNull(provenance);
        var directions = new Dictionary<int, float[]>();
        var shares = new SortedDictionary<int, double>();
        foreach (var (layer, rows) in differences)
        {
            var component = First(rows)
                ?? throw new NativeSteerException(
                    $"All pairs are equal at layer {layer}, so there is no direction between them; check that their texts differ " +
                        "where they are read.");
            directions[layer] = component.Direction;
            shares[layer] = component.Share;
        }
        provenance = provenance
            .With(Provenance.Method, "pca")
            .With("length", "unit")
            .With(Provenance.Counts, $"pairs={differences.Values.First().Count}");
        return (new SteeringVector(model, directions, provenance, residualNorms), shares);
    }
}
