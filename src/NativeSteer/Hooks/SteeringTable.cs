using System.Numerics.Tensors;
using NativeSteer.Engine;
using NativeSteer.Interop;
using NativeSteer.Vectors;

namespace NativeSteer.Hooks;

/// <summary>
/// Turns plans and a batch into what the native side edits by: a matrix of directions, and a list of (slot, row,
/// direction, operation, scale). Directions are copied into the matrix once, on first sight of a plan.
/// </summary>
internal sealed class SteeringTable(ModelShape model)
{
    private readonly record struct Edit(int Direction, int Operation, float Scale, PositionRange Positions);

    private readonly Dictionary<SteeringPlan, Edit[]?[]> _compiled = [];
    private readonly Dictionary<SteeringVector, Dictionary<(int Layer, bool UnitLength), int>> _rows = new(ReferenceEqualityComparer.Instance);
    private float[] _directions = [];
    private ShimEdit[] _edits = [];
    private (Edit[]?[] Edits, int PromptLength)[] _ofRow = [];

    /// <summary>Width of the residual stream.</summary>
    internal int Width => model.Width;

    /// <summary>Number of directions.</summary>
    internal int Count { get; private set; }

    /// <summary>(directions, width).</summary>
    internal ReadOnlySpan<float> Directions => _directions.AsSpan(0, Count * model.Width);

    /// <summary>The edits for a batch, ordered by slot, then row, then the plan's order. Valid until the next call.</summary>
    internal ReadOnlySpan<ShimEdit> Compile(TokenBatch batch, SequencePlans plans)
    {
        Resolve(batch, plans);
        var count = 0;
        var positions = batch.Positions;
        var outputs = batch.Outputs;
        for (var layer = 0; layer < model.Layers; layer++)
        {
            var last = layer == model.Layers - 1;
            for (var row = 0; row < batch.Count; row++)
            {
                var (edits, promptLength) = _ofRow[row];
                if (edits is null || edits[layer] is not { } here) continue;
                if (last && outputs[row] == 0) continue; // after the last block only rows with output live on
                foreach (var edit in here)
                {
                    if (!edit.Positions.Contains(positions[row], promptLength)) continue;
                    if (count == _edits.Length) Array.Resize(ref _edits, Math.Max(64, count * 2));
                    _edits[count++] = new ShimEdit { Slot = layer, Row = row, Vector = edit.Direction, Operation = edit.Operation, Scale = edit.Scale };
                }
            }
        }
        return _edits.AsSpan(0, count);
    }

    private void Resolve(TokenBatch batch, SequencePlans plans)
    {
        if (_ofRow.Length < batch.Count) _ofRow = new (Edit[]?[], int)[batch.Count];
        var sequences = batch.Sequences;
        for (var row = 0; row < batch.Count; row++)
        {
            _ofRow[row] = plans.TryGet(sequences[row], out var found) ? (EditsOf(found.Plan), found.PromptLength) : default;
        }
    }

    /// <summary>Edits per layer, null where the plan has none.</summary>
    private Edit[]?[] EditsOf(SteeringPlan plan)
    {
        if (_compiled.TryGetValue(plan, out var known)) return known;
        plan.CheckAgainst(model);
        var edits = new Edit[]?[model.Layers];
        foreach (var layer in plan.Steps.GroupBy(s => s.Layer))
        {
            edits[layer.Key] = [.. layer.Select(s => new Edit(RowOf(s), (int)s.Operation, s.Scale, s.Positions))];
        }
        _compiled.Add(plan, edits);
        return edits;
    }

    private int RowOf(SteeringStep step)
    {
        if (step.Vector is not { } vector) return -1;
        if (!_rows.TryGetValue(vector, out var ofVector)) _rows.Add(vector, ofVector = []);
        if (ofVector.TryGetValue((step.Layer, step.UnitLength), out var row)) return row;

        row = Count++;
        if (Count * model.Width > _directions.Length) Array.Resize(ref _directions, Math.Max(16, Count * 2) * model.Width);
        var direction = _directions.AsSpan(row * model.Width, model.Width);
        vector.Direction(step.Layer).Span.CopyTo(direction);
        if (step.UnitLength) TensorPrimitives.Divide(direction, (float)vector.Norm(step.Layer), direction);
        ofVector.Add((step.Layer, step.UnitLength), row);
        return row;
    }
}
