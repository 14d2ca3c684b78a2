using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Extraction;

/// <summary>
/// What one pass over labelled traces leaves behind: the sums of all labels at all offsets and layers. Any number of
/// vectors can be made of it.
/// </summary>
/// <param name="Sums">Sums of residual rows per layer and group.</param>
/// <param name="Groups">What the groups are.</param>
/// <param name="Model">The model that was run.</param>
/// <param name="Source">Model, data, tool and time, for the vectors' provenance.</param>
public sealed record LabelledSums(ActivationSums Sums, CaptureGroups Groups, ModelShape Model, Provenance Source)
{
    /// <summary>Adds the sums of another part of the data, taken with the same labels, offsets and layers.</summary>
    /// <exception cref="ArgumentException">The parts differ in one of these.</exception>
    public void Merge(LabelledSums other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var same = Groups.Labels.SequenceEqual(other.Groups.Labels, StringComparer.Ordinal)
            && Groups.Offsets == other.Groups.Offsets && Model == other.Model;
        if (!same)
            throw new ArgumentException("The parts have other labels, offsets or models.", nameof(other));
        Sums.Merge(other.Sums);
    }
}
