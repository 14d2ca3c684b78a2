using NativeSteer.Vectors;

namespace NativeSteer.Hooks;

/// <summary>What is done to a residual row h with a direction v and a scale s; u is v at unit length. The values are the native side's.</summary>
public enum SteeringOperation
{
    /// <summary>h + s v</summary>
    Add = 0,

    /// <summary>h - s (h.u) u: with s = 1 the direction is removed.</summary>
    ProjectOut = 1,

    /// <summary>h + (s - h.u) u: the component along u becomes s.</summary>
    Clamp = 2,

    /// <summary>(h + s v) at h's length.</summary>
    AddKeepNorm = 3,

    /// <summary>h + s h/|h|: h becomes longer by s. Self-amplification in Ward et al. 2025, fig. 4; a vector gives layers and norms alone.</summary>
    SelfAmplify = 4,
}

/// <summary>What a scale means.</summary>
public enum ScaleUnit
{
    /// <summary>As it stands: multiples of the vector for additions, a length for clamping, a share for projecting out.</summary>
    Absolute = 0,

    /// <summary>
    /// A fraction of the mean residual norm at the layer, along the unit direction. The norms were measured when the
    /// vector was made and are read from it.
    /// </summary>
    ResidualNorm = 1,
}

/// <summary>One vector, where and how it acts.</summary>
/// <param name="Vector">The directions, by layer; null for self-amplification, which needs <see cref="Layers"/> then.</param>
/// <param name="Scale">How strong; see <see cref="Unit"/>.</param>
public sealed record Intervention(SteeringVector? Vector, float Scale)
{
    /// <summary>Makes the residual stream longer after these blocks, by an absolute amount, without any vector.</summary>
    public static Intervention SelfAmplification(IEnumerable<int> layers, float scale) =>
        new(null, scale) { Operation = SteeringOperation.SelfAmplify, Layers = [.. layers] };

    /// <summary>What is done.</summary>
    public SteeringOperation Operation { get; init; } = SteeringOperation.Add;

    /// <summary>The blocks it acts after, or null for all that the vector has.</summary>
    public IReadOnlyList<int>? Layers { get; init; }

    /// <summary>The blocks it acts after, ascending as in the vector or in the order given.</summary>
    internal IEnumerable<int> ActsAfter => (Layers ?? Vector?.Layers ?? []).Distinct();

    /// <summary>The positions it acts on.</summary>
    public PositionRange Positions { get; init; } = PositionRange.All;

    /// <summary>What the scale means.</summary>
    public ScaleUnit Unit { get; init; } = ScaleUnit.Absolute;

    /// <summary>Whether the scale has no effect under this operation. (Clamping to 0 has one.)</summary>
    internal bool IsIdle => Scale == 0 && Operation != SteeringOperation.Clamp;
}

/// <summary>
/// How one sequence is steered: interventions, applied at each layer in this order. Immutable; the same plan can serve
/// many sequences.
/// </summary>
public sealed class SteeringPlan
{
    /// <summary>No steering: the same as having no plan.</summary>
    public static SteeringPlan None { get; } = new();

    /// <summary>Checks and keeps the interventions.</summary>
    /// <exception cref="NativeSteerException">A scale is not finite, a layer is not in the vector, or a norm needed for the unit is missing.</exception>
    public SteeringPlan(params IEnumerable<Intervention> interventions)
    {
        Interventions = [.. interventions];
        foreach (var intervention in Interventions) Validate(intervention);
        Steps = [.. Interventions.Where(i => !i.IsIdle).SelectMany(Resolve).OrderBy(s => s.Layer)]; // OrderBy is stable
    }

    /// <summary>What the plan was made of.</summary>
    public IReadOnlyList<Intervention> Interventions { get; }

    /// <summary>Interventions that have an effect, one per layer, ordered by layer, scales in absolute units.</summary>
    internal IReadOnlyList<SteeringStep> Steps { get; }

    /// <summary>One addition of a vector at a scale, at all its layers and all positions.</summary>
    public static SteeringPlan Add(SteeringVector vector, float scale) => new(new Intervention(vector, scale));

    /// <summary>Whether any step acts on a position before this one, in a sequence whose prompt has this length.</summary>
    internal bool ActsBefore(int position, int promptLength) => Steps.Any(s => s.Positions.ActsBefore(position, promptLength));

    /// <summary>Throws when the plan does not fit the model.</summary>
    /// <exception cref="NativeSteerException">A vector belongs to another model or a layer is out of range.</exception>
    public void CheckAgainst(ModelShape model)
    {
        foreach (var intervention in Interventions)
        {
            if (intervention.Vector is { } vector && !vector.Shape.Fits(model))
            {
                throw new NativeSteerException($"The vector was made for {vector.Shape}, the model is {model}; extract it again on this model.");
            }
            foreach (var layer in intervention.ActsAfter)
            {
                if (layer < 0 || layer >= model.Layers) throw new NativeSteerException($"Layer {layer} was asked for, the model has {model.Layers} (0-{model.Layers - 1}).");
            }
        }
    }

    private static void Validate(Intervention intervention)
    {
        if (!float.IsFinite(intervention.Scale)) throw new NativeSteerException($"The steering scale is {intervention.Scale}; it must be a finite number.");
        if (intervention.Vector is not { } vector)
        {
            var complete = intervention is { Operation: SteeringOperation.SelfAmplify, Unit: ScaleUnit.Absolute, Layers.Count: > 0 };
            if (!complete) throw new NativeSteerException("Without a vector only self-amplification can act, at layers given and with an absolute scale; give a vector.");
            return;
        }
        foreach (var layer in intervention.Layers ?? [])
        {
            if (!vector.Has(layer))
            {
                throw new NativeSteerException($"Layer {layer} was asked for, the vector has {LayerList.Format(vector.Layers)}; 'nativesteer vector show FILE' lists them.");
            }
        }
    }

    private static IEnumerable<SteeringStep> Resolve(Intervention intervention)
    {
        var directed = intervention.Operation == SteeringOperation.SelfAmplify ? null : intervention.Vector;
        foreach (var layer in intervention.ActsAfter)
        {
            var unit = intervention.Unit == ScaleUnit.ResidualNorm
                || intervention.Operation is SteeringOperation.ProjectOut or SteeringOperation.Clamp;
            if (unit && directed?.Norm(layer) == 0)
            {
                throw new NativeSteerException($"The vector is zero at layer {layer}, so it has no direction there; leave the layer out with --layers.");
            }
            yield return new SteeringStep(layer, directed, unit, intervention.Operation, AbsoluteScale(intervention, layer), intervention.Positions);
        }
    }

    private static float AbsoluteScale(Intervention intervention, int layer)
    {
        // The share that projecting out removes has no unit.
        if (intervention.Unit == ScaleUnit.Absolute || intervention.Operation == SteeringOperation.ProjectOut) return intervention.Scale;
        var norm = intervention.Vector!.ResidualNorm(layer); // checked: without a vector scales are absolute
        return float.IsFinite(norm)
            ? intervention.Scale * norm
            : throw new NativeSteerException($"The vector file holds no residual norm for layer {layer}, which a relative scale needs; use --scale-unit abs, or extract the vector again.");
    }
}

/// <summary>One edit of a plan at one layer; the scale is absolute.</summary>
/// <param name="Layer">The block it acts after.</param>
/// <param name="Vector">Holds the direction; null where the operation has none.</param>
/// <param name="UnitLength">Whether the direction is taken at unit length.</param>
/// <param name="Operation">What is done.</param>
/// <param name="Scale">How strong.</param>
/// <param name="Positions">Where in the sequence.</param>
internal readonly record struct SteeringStep(
    int Layer, SteeringVector? Vector, bool UnitLength, SteeringOperation Operation, float Scale, PositionRange Positions);
