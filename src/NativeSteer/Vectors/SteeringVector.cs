using System.Globalization;
using System.Numerics.Tensors;
using NativeSteer.Files;

namespace NativeSteer.Vectors;

/// <summary>
/// A direction in the residual stream for each of some layers of one model. Immutable; <c>+ - * /</c> make new vectors
/// (<c>var mix = happy - 0.5f * sad;</c>), where a layer that only one operand has counts as zero in the other.
/// </summary>
/// <remarks>
/// Layer L means the output of 0-based block L, layer 0 included (llama.cpp's <c>l_out-L</c>, <c>model.layers[L]</c> in
/// transformers). Values are in units of the residual stream, all finite.
/// </remarks>
public sealed class SteeringVector : IEquatable<SteeringVector>
{
    /// <summary>Beyond any model; keeps a mistaken number from a file or a user out of every table.</summary>
    internal const int LargestLayer = 65535;

    private readonly SortedList<int, float[]> _directions;
    private readonly float[] _norms; // one for each layer, or empty

    /// <summary>Makes a vector from one direction per layer; the values are copied.</summary>
    /// <param name="shape">The model it belongs to.</param>
    /// <param name="directions">Layer (0-based block) to direction of <see cref="ModelShape.Width"/> values; at least one.</param>
    /// <param name="provenance">Where it comes from.</param>
    /// <param name="residualNorms">
    /// Mean L2 norm of the residual at each layer, as measured during extraction; NaN where unknown, empty where nothing was
    /// measured. Its length is <see cref="ModelShape.Layers"/>, or anything where that is unknown.
    /// </param>
    /// <exception cref="NativeSteerException">
    /// No direction, a layer the model lacks, a wrong width, or a value that is not finite.
    /// </exception>
    public SteeringVector(
        ModelShape shape, IEnumerable<KeyValuePair<int, float[]>> directions,
        Provenance? provenance = null, ReadOnlySpan<float> residualNorms = default)
        : this(shape, Copy(directions), provenance ?? Provenance.Empty, residualNorms.ToArray())
    {
    }

    // Takes ownership of the arrays.
    private SteeringVector(ModelShape shape, SortedList<int, float[]> directions, Provenance provenance, float[] norms)
    {
        ArgumentNullException.ThrowIfNull(shape);
        if (shape.Width < 1 || shape.Layers < 0)
            throw new NativeSteerException($"A vector cannot belong to {shape}; check the file or model it comes from.");
        if (directions.Count == 0) throw new NativeSteerException("A vector needs a direction for at least one layer.");
        if (norms.Length > 0 && shape.Layers > 0 && norms.Length != shape.Layers)
            throw new NativeSteerException(
                $"{norms.Length} residual norms were given for a model of {shape.Layers} layers; give one for each layer.");
        if (Array.Exists(norms, norm => norm < 0 || float.IsInfinity(norm)))
            throw new NativeSteerException("A residual norm is negative or infinite; check what it was measured on, or give NaN for unknown.");
        foreach (var (layer, direction) in directions)
        {
            if (layer is < 0 or > LargestLayer)
                throw new NativeSteerException($"A direction was given for layer {layer}; layers start at 0 and no model has that many.");
            if (shape.Layers > 0 && layer >= shape.Layers)
                throw new NativeSteerException(
                    $"The vector has a direction for layer {layer}, the model has {shape.Layers} (0-{shape.Layers - 1}); "
                    + "use a vector of this model, or import it with another --layer-offset.");
            if (direction.Length != shape.Width)
                throw new NativeSteerException(
                    $"The direction for layer {layer} has {direction.Length} values, the model's width is {shape.Width}; "
                    + "use a vector of this model.");
            if (!TensorPrimitives.IsFiniteAll<float>(direction))
                throw new NativeSteerException(
                    $"The direction for layer {layer} holds a value that is not finite; check what it was made of.");
        }
        Shape = shape;
        Provenance = provenance;
        _directions = directions;
        _norms = norms;
    }

    /// <summary>The model the vector belongs to.</summary>
    public ModelShape Shape { get; }

    /// <summary>Where the vector comes from.</summary>
    public Provenance Provenance { get; }

    /// <summary>The layers that have a direction, ascending.</summary>
    public IReadOnlyList<int> Layers => _directions.Keys.AsReadOnly();

    /// <summary>Mean L2 norm of the residual at each layer, NaN where unknown; empty where nothing was measured.</summary>
    public ReadOnlyMemory<float> ResidualNorms => _norms;

    /// <summary>True where the layer has a direction.</summary>
    public bool Has(int layer) => _directions.ContainsKey(layer);

    /// <summary>The direction at a layer, <see cref="ModelShape.Width"/> values.</summary>
    /// <exception cref="NativeSteerException">The vector has none there.</exception>
    public ReadOnlyMemory<float> Direction(int layer) => At(layer);

    /// <summary>Mean L2 norm of the residual at a layer, or NaN where it was not measured.</summary>
    public float ResidualNorm(int layer) => (uint)layer < (uint)_norms.Length ? _norms[layer] : float.NaN;

    /// <summary>The L2 norm of the direction at a layer, in units of the residual stream.</summary>
    /// <exception cref="NativeSteerException">The vector has no direction there.</exception>
    public double Norm(int layer) => Norm(At(layer));

    /// <summary>The cosine between this vector's and another's direction at a layer; NaN where one of them is zero.</summary>
    /// <exception cref="NativeSteerException">One of them has no direction there, or they are of different models.</exception>
    public double Cosine(SteeringVector other, int layer)
    {
        ArgumentNullException.ThrowIfNull(other);
        RequireFit(other);
        float[] a = At(layer), b = other.At(layer);
        double normA = Norm(a), normB = Norm(b);
        if (normA == 0 || normB == 0) return double.NaN;
        // Divided before multiplied: two large directions would overflow the product.
        var unitA = Scaled(a, 1 / normA);
        var unitB = Scaled(b, 1 / normB);
        return Math.Clamp(TensorPrimitives.Dot<float>(unitA, unitB), -1, 1);
    }

    /// <summary>The same directions at length 1 each; a zero direction stays zero.</summary>
    public SteeringVector Normalized() => Map(
        direction => Norm(direction) is var norm && norm == 0 ? direction : Scaled(direction, 1 / norm), $"unit({Name})");

    /// <summary>The part on these layers.</summary>
    /// <exception cref="NativeSteerException">The vector has no direction at one of them, or none was given.</exception>
    public SteeringVector OnLayers(IEnumerable<int> layers)
    {
        ArgumentNullException.ThrowIfNull(layers);
        var part = new SortedList<int, float[]>();
        foreach (var layer in layers) part[layer] = At(layer);
        return new SteeringVector(Shape, part, Provenance, _norms);
    }

    /// <summary>The part on the layers <paramref name="first"/> to <paramref name="last"/>, both included.</summary>
    /// <exception cref="NativeSteerException">The vector has no direction in that range.</exception>
    public SteeringVector OnLayers(int first, int last)
    {
        var layers = Layers.Where(layer => layer >= first && layer <= last).ToList();
        if (layers.Count == 0)
            throw new NativeSteerException($"Layers {first} to {last} were asked for, the vector has {ShowLayers()}; choose among those.");
        return OnLayers(layers);
    }

    /// <summary>The same vector with other provenance.</summary>
    public SteeringVector With(Provenance provenance)
    {
        ArgumentNullException.ThrowIfNull(provenance);
        return new SteeringVector(Shape, _directions, provenance, _norms);
    }

    /// <summary>The sum, layer by layer.</summary>
    /// <exception cref="NativeSteerException">The vectors are of different models, or a sum is not finite.</exception>
    public static SteeringVector operator +(SteeringVector left, SteeringVector right) => Combine(left, right, '+');

    /// <summary>The difference, layer by layer.</summary>
    /// <exception cref="NativeSteerException">The vectors are of different models, or a difference is not finite.</exception>
    public static SteeringVector operator -(SteeringVector left, SteeringVector right) => Combine(left, right, '-');

    /// <summary>The vector pointing the other way.</summary>
    public static SteeringVector operator -(SteeringVector vector)
    {
        ArgumentNullException.ThrowIfNull(vector);
        return vector.Map(direction => Scaled(direction, -1), $"-{vector.Name}");
    }

    /// <summary>The vector, <paramref name="scale"/> times as long.</summary>
    /// <exception cref="NativeSteerException">The scale or a product is not finite.</exception>
    public static SteeringVector operator *(float scale, SteeringVector vector)
    {
        ArgumentNullException.ThrowIfNull(vector);
        return vector.Map(direction => Scaled(direction, scale), $"{Show(scale)}*{vector.Name}");
    }

    /// <inheritdoc cref="op_Multiply(float, SteeringVector)"/>
    public static SteeringVector operator *(SteeringVector vector, float scale) => scale * vector;

    /// <summary>The vector, divided by <paramref name="divisor"/>.</summary>
    /// <exception cref="NativeSteerException">The divisor is zero, or a quotient is not finite.</exception>
    public static SteeringVector operator /(SteeringVector vector, float divisor)
    {
        ArgumentNullException.ThrowIfNull(vector);
        if (divisor == 0) throw new NativeSteerException("A vector was divided by zero; divide by another number.");
        return vector.Map(
            direction =>
            {
                var result = new float[direction.Length];
                TensorPrimitives.Divide(direction, divisor, result);
                return result;
            },
            $"{vector.Name}/{Show(divisor)}");
    }

    /// <summary>
    /// True for the same model, layers, values and residual norms. Provenance says where a vector came from, not what it is,
    /// and does not count.
    /// </summary>
    public bool Equals(SteeringVector? other) =>
        other is not null
        && Shape == other.Shape
        && _norms.AsSpan().SequenceEqual(other._norms)
        && _directions.Keys.SequenceEqual(other._directions.Keys)
        && _directions.Keys.All(layer => _directions[layer].AsSpan().SequenceEqual(other._directions[layer]));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SteeringVector);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Shape);
        foreach (var (layer, direction) in _directions)
        {
            hash.Add(layer);
            hash.Add(direction[0]); // enough to tell vectors apart; Equals looks at all values
        }
        return hash.ToHashCode();
    }

    /// <summary>The model and the layers in one line.</summary>
    public override string ToString() => $"{Name}: {ShowLayers()} of {Shape}";

    private string Name =>
        Provenance.TryGetValue(Provenance.Expression, out var expression) ? expression
        : Provenance.TryGetValue(Provenance.Label, out var label) && label.Length > 0 ? label : "vector";

    // In float, except for factors near the ends of float's range, such as 1 / norm of a tiny direction.
    private static float[] Scaled(float[] direction, double factor)
    {
        var result = new float[direction.Length];
        if (Math.Abs(factor) is 0 or (> 1e-30 and < 1e30)) TensorPrimitives.Multiply(direction, (float)factor, result);
        else
            for (var i = 0; i < result.Length; i++) result[i] = (float)(direction[i] * factor);
        return result;
    }

    private static double Norm(float[] direction)
    {
        var largest = Math.Abs(TensorPrimitives.MaxMagnitude<float>(direction));
        // In between no square leaves float's range, whatever the width; outside, doubles hold every square of a float.
        if (largest is > 1e-10f and < 1e15f) return TensorPrimitives.Norm<float>(direction);
        var sum = 0.0;
        foreach (var value in direction) sum += (double)value * value;
        return Math.Sqrt(sum);
    }

    private static SteeringVector Combine(SteeringVector left, SteeringVector right, char sign)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        left.RequireFit(right);
        var sums = new SortedList<int, float[]>(left._directions);
        foreach (var (layer, other) in right._directions)
        {
            var sum = new float[other.Length];
            var mine = sums.GetValueOrDefault(layer) ?? sum; // a layer of one operand only: zero in the other
            if (sign == '+') TensorPrimitives.Add(mine, other, sum);
            else TensorPrimitives.Subtract(mine, other, sum);
            sums[layer] = sum;
        }
        var expression = VectorExpression.Join(left.Name, sign, right.Name);
        var provenance = left.Provenance.Common(right.Provenance).With(Provenance.Expression, expression);
        return new SteeringVector(left.Shape.Join(right.Shape), sums, provenance, JoinNorms(left._norms, right._norms));
    }

    // Both were measured on the same model: one side's stand, the other's fill the gaps.
    private static float[] JoinNorms(float[] left, float[] right)
    {
        if (left.Length < right.Length) (left, right) = (right, left);
        if (right.Length == 0 || !Array.Exists(left, float.IsNaN)) return left;
        var joined = left.ToArray();
        for (var i = 0; i < right.Length; i++)
        {
            if (float.IsNaN(joined[i])) joined[i] = right[i];
        }
        return joined;
    }

    /// <summary>Throws where the two cannot be of one model.</summary>
    internal void RequireFit(SteeringVector other)
    {
        if (Shape.Fits(other.Shape)) return;
        throw new NativeSteerException(
            $"The vectors {FileErrors.Printable(Name)} of {Shape} and {FileErrors.Printable(other.Name)} of "
            + $"{other.Shape} belong to different models; use vectors of one model.");
    }

    private static SortedList<int, float[]> Copy(IEnumerable<KeyValuePair<int, float[]>> directions)
    {
        ArgumentNullException.ThrowIfNull(directions);
        var copy = new SortedList<int, float[]>();
        foreach (var (layer, direction) in directions)
        {
            ArgumentNullException.ThrowIfNull(direction);
            if (!copy.TryAdd(layer, direction.ToArray()))
                throw new NativeSteerException($"Two directions were given for layer {layer}; give one.");
        }
        return copy;
    }

    private static string Show(float number) => number.ToString(CultureInfo.InvariantCulture);

    private SteeringVector Map(Func<float[], float[]> change, string expression)
    {
        var changed = new SortedList<int, float[]>(_directions.Count);
        foreach (var (layer, direction) in _directions) changed.Add(layer, change(direction));
        return new SteeringVector(Shape, changed, Provenance.With(Provenance.Expression, VectorExpression.Shorten(expression)), _norms);
    }

    private float[] At(int layer) => _directions.GetValueOrDefault(layer) ?? throw new NativeSteerException(
        $"Layer {layer} was asked for, the vector has {ShowLayers()}; 'nativesteer vector show' lists a file's layers.");

    private string ShowLayers() => VectorExpression.ShowLayers(Layers);
}
