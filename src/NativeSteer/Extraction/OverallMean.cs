using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Extraction;

/// <summary>
/// The mean residual of the rows of all labels: the baseline "overall mean" of Ward et al., arXiv 2507.12638, fig. 4, and the lengths
/// that relative scales are shares of.
/// </summary>
public static class OverallMean
{
    /// <summary>The mean over the rows of some groups, at every residual slot, as a vector.</summary>
    /// <param name="sums">The sums of a pass.</param>
    /// <param name="groups">The groups; at least one row.</param>
    /// <exception cref="NativeSteerException">The groups hold no row.</exception>
    public static SteeringVector Of(LabelledSums sums, params ReadOnlySpan<int> groups)
    {
        ArgumentNullException.ThrowIfNull(sums);
        var directions = new Dictionary<int, float[]>();
        foreach (var slot in Residuals(sums))
        {
            var mean = sums.Sums.Mean(slot, groups) ?? throw new NativeSteerException("There is no row to take the mean of; check the labels and offsets.");
            directions[slot.Layer] = Array.ConvertAll(mean, value => (float)value);
        }
        var provenance = sums.Source.With(Provenance.Method, "mean").With(Provenance.Label, "mean");
        return new SteeringVector(sums.Model, directions, provenance, Norms(sums, groups));
    }

    /// <summary>The mean L2 norm of the rows of some groups at each layer; NaN at layers that were not captured.</summary>
    public static float[] Norms(LabelledSums sums, params ReadOnlySpan<int> groups)
    {
        ArgumentNullException.ThrowIfNull(sums);
        var norms = new float[sums.Model.Layers];
        Array.Fill(norms, float.NaN);
        foreach (var slot in Residuals(sums)) norms[slot.Layer] = (float)sums.Sums.MeanNorm(slot, groups);
        return norms;
    }

    private static IEnumerable<HookSlot> Residuals(LabelledSums sums) => sums.Sums.Slots.Where(slot => slot.Site == HookSite.Residual);
}
