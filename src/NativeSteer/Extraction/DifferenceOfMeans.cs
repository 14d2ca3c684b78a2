using System.Numerics.Tensors;
using NativeSteer.Files;
using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Extraction;

/// <summary>
/// Steering vectors as the difference of two means of residual rows: v = mean(positive) - mean(negative), each mean taken
/// over all rows of its side, rows weighing the same.
/// </summary>
/// <remarks>
/// Ward et al., arXiv 2507.12638, appendix A, eq. 3, as their code computes it (means over all rows, not over texts first).
/// Vectors are as long as the difference is; the paper steers with <see cref="SteeringVector.Normalized"/>.
/// Residual norms are the mean norms of the negative side's rows.
/// </remarks>
public static class DifferenceOfMeans
{
    // Of the residual norm. Means of equal texts differ by rounding: about 1e-7 with an F32 cache, more with others.
    private const double Zero = 1e-6;

    /// <summary>The vector of a label.</summary>
    /// <param name="sums">The sums of a pass.</param>
    /// <param name="label">The positive side.</param>
    /// <param name="against">The negative side.</param>
    /// <param name="offset">One offset of the window on both sides, or null for the union of all.</param>
    /// <exception cref="NativeSteerException">A label is not in the data, a side holds no row, or both have the same mean.</exception>
    public static SteeringVector Of(LabelledSums sums, string label, Against against = default, int? offset = null) =>
        Of(sums, label, offset is { } one ? OffsetRange.Window(one, one) : (sums ?? throw new ArgumentNullException(nameof(sums))).Groups.Offsets, against);

    /// <summary>The vector of a label at the offsets of a window, which the sums must hold.</summary>
    /// <inheritdoc cref="Of(LabelledSums, string, Against, int?)" path="/exception"/>
    public static SteeringVector Of(LabelledSums sums, string label, OffsetRange window, Against against = default)
    {
        ArgumentNullException.ThrowIfNull(sums);
        ArgumentNullException.ThrowIfNull(label);
        var groups = sums.Groups;
        var (positive, negative) = Sides(groups, label, against, window);
        RequireRows(sums, positive, $"label \"{FileErrors.Printable(label)}\"");
        RequireRows(sums, negative, $"\"{FileErrors.Printable(against.ToString())}\"");

        var provenance = sums.Source
            .With(Provenance.Method, "mean_difference")
            .With(Provenance.Label, label)
            .With("against", against.ToString())
            .With(Provenance.Offsets, window.ToString());
        return Between(sums.Sums, positive, negative, sums.Model, provenance);
    }

    /// <summary>The vector of a label at each offset of the window on its own; offsets without rows on one side are left out.</summary>
    /// <inheritdoc cref="Of(LabelledSums, string, Against, int?)" path="/exception"/>
    public static IReadOnlyDictionary<int, SteeringVector> PerOffset(LabelledSums sums, string label, Against against = default)
    {
        ArgumentNullException.ThrowIfNull(sums);
        ArgumentNullException.ThrowIfNull(label);
        var vectors = new SortedDictionary<int, SteeringVector>();
        for (var offset = sums.Groups.Offsets.First; offset <= sums.Groups.Offsets.Last; offset++)
        {
            var (positive, negative) = Sides(sums.Groups, label, against, OffsetRange.Window(offset, offset));
            if (Rows(sums.Sums, positive) > 0 && Rows(sums.Sums, negative) > 0) vectors.Add(offset, Of(sums, label, against, offset));
        }
        return vectors;
    }

    /// <summary>The difference of the means of two sets of groups, at every residual slot of the sums.</summary>
    /// <param name="sums">The sums; every group is to have the same rows at all slots.</param>
    /// <param name="positive">Groups of the positive side; at least one row.</param>
    /// <param name="negative">Groups of the negative side; at least one row.</param>
    /// <param name="model">The model that was run.</param>
    /// <param name="provenance">Where the rows come from; the counts are added.</param>
    /// <exception cref="NativeSteerException">A side holds no row, or both have the same mean at every layer.</exception>
    public static SteeringVector Between(
        ActivationSums sums, ReadOnlySpan<int> positive, ReadOnlySpan<int> negative, ModelShape model, Provenance provenance)
    {
        ArgumentNullException.ThrowIfNull(sums);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(provenance);
        var directions = new Dictionary<int, float[]>();
        var norms = new float[model.Layers];
        Array.Fill(norms, float.NaN);
        var differs = false;
        foreach (var slot in sums.Slots.Where(slot => slot.Site == HookSite.Residual))
        {
            var difference = sums.Mean(slot, positive) ?? throw Empty("positive");
            TensorPrimitives.Subtract(difference, sums.Mean(slot, negative) ?? throw Empty("negative"), difference);
            var norm = sums.MeanNorm(slot, negative);
            norms[slot.Layer] = (float)norm;
            differs |= TensorPrimitives.Norm<double>(difference) > Zero * norm;
            directions[slot.Layer] = ToFloats(difference);
        }
        if (!differs)
            throw new NativeSteerException(
                "The positive and the negative side have the same mean at every layer, so there is no direction between them; check " +
                    "that their texts differ.");
        var counts = $"positive={Rows(sums, positive)} negative={Rows(sums, negative)}";
        return new SteeringVector(model, directions, provenance.With(Provenance.Counts, counts), norms);
    }

    /// <summary>The groups on both sides. Throws where the data cannot have them, whatever the activations.</summary>
    internal static (int[] Positive, int[] Negative) Sides(CaptureGroups groups, string label, Against against, OffsetRange? window = null)
    {
        var offsets = window ?? groups.Offsets;
        RequireLabel(groups, label);
        var positive = groups.Of([label], offsets);
        switch (against.Kind)
        {
            case AgainstKind.Tokens when groups.AllTokens < 0:
                throw new NativeSteerException("The sums hold no row of all tokens, which the baseline 'tokens' needs; capture with it.");
            case AgainstKind.Tokens:
                return (positive, [groups.AllTokens]);
            case AgainstKind.Label:
                RequireLabel(groups, against.Name!);
                if (string.Equals(against.Name, label, StringComparison.Ordinal))
                    throw new NativeSteerException(
                        $"The label \"{FileErrors.Printable(label)}\" is on both sides; give another one to compare with.");
                return (positive, groups.Of([against.Name!], offsets));
            default:
                if (groups.Labels.Count < 2)
                    throw new NativeSteerException(
                        $"\"{FileErrors.Printable(label)}\" is the data's only label, so '{against}' leaves nothing to compare with; " +
                            "label other spans too, or use --against tokens.");
                var others = groups.Labels.Where(other => !string.Equals(other, label, StringComparison.Ordinal));
                return (positive, groups.Of(against.Kind == AgainstKind.All ? groups.Labels : others, offsets));
        }
    }

    private static void RequireLabel(CaptureGroups groups, string label)
    {
        if (groups.Has(label)) return;
        var known = string.Join(", ", groups.Labels.Take(20).Select(each => FileErrors.Printable(each)));
        var labels = known.Length == 0 ? "no labels" : "the labels " + known;
        throw new NativeSteerException($"No span is labelled \"{FileErrors.Printable(label)}\"; the data has {labels}.");
    }

    private static void RequireRows(LabelledSums sums, int[] side, string name)
    {
        if (Rows(sums.Sums, side) > 0) return;
        var groups = sums.Groups;
        var counts = groups.Labels.Take(20).Select(known => $"{FileErrors.Printable(known)} {Rows(sums.Sums, groups.Of([known]))}");
        throw new NativeSteerException(
            $"The offsets {groups.Offsets} reach no row for {name}; rows by label: {string.Join(", ", counts)}. Use smaller " +
                "offsets, or put the prompt before the text.");
    }

    internal static long Rows(ActivationSums sums, ReadOnlySpan<int> groups)
    {
        var rows = 0L;
        foreach (var group in groups) rows += sums.Count(sums.Slots[0], group);
        return rows;
    }

    private static float[] ToFloats(double[] values)
    {
        var floats = new float[values.Length];
        TensorPrimitives.ConvertChecked<double, float>(values, floats);
        return floats;
    }

    private static NativeSteerException Empty(string side) => new($"The {side} side holds no row; check the labels and offsets.");
}
