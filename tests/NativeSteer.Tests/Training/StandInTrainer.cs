using NativeSteer.Training;

namespace NativeSteer.Tests.Training;

/// <summary>
/// What a run can drive in no time: two small tensors whose updates depend on every token, position and target of a batch, on the
/// learning rate, the number of updates and the moments, so that nothing can be left out or done twice unnoticed.
/// </summary>
internal sealed class StandInTrainer : ITrainable
{
    private readonly Part[] _parts = [new("blk.0.attn_q.weight", 4, 3), new("blk.0.vector", 4)];

    /// <summary>The update whose loss is not a number, or none.</summary>
    internal long BrokenStep { get; init; } = -1;

    /// <summary>The update that there is not enough memory for, or none.</summary>
    internal long FailingStep { get; init; } = -1;

    /// <summary>The update after which no loss is a number, or none.</summary>
    internal long RuiningStep { get; init; } = -1;

    /// <summary>Called after each update.</summary>
    internal Action<long>? Stepped { get; init; }

    /// <summary>All batches that were trained on, as texts.</summary>
    internal List<string> Seen { get; } = [];

    public IReadOnlyList<ITrainableTensor> Tensors => _parts;

    public long Updates { get; set; }

    public StepResult Step(IReadOnlyList<TrainingBatch> batches, float learningRate)
    {
        if (Updates + 1 == FailingStep) throw new NativeSteerException("There is not enough memory.");
        if (Updates + 1 == BrokenStep) return new StepResult(double.NaN, 1, 1, 0);
        var targets = batches.Sum(batch => batch.Targets.Length);
        var sum = 0.0;
        foreach (var batch in batches)
        {
            Seen.Add(string.Join(' ', batch.Tokens));
            for (var i = 0; i < batch.Targets.Length; i++) sum += Math.Sin(batch.Tokens[batch.Outputs[i]] * 1.7 + batch.Targets[i]) * batch.Weights[i];
        }
        Updates++;
        foreach (var part in _parts) part.Move((float)(sum / targets), learningRate, Updates);
        var result = new StepResult(2 + sum / targets + _parts[0].Values[0], targets, Math.Abs(sum), 0);
        Stepped?.Invoke(Updates);
        return result;
    }

    public float[] LogProbabilities(TrainingBatch batch) =>
        [.. batch.Targets.Select(target => Updates == RuiningStep ? float.NaN : -1 - target * 0.01f + _parts[1].Values[0])];

    public void Dispose() { }

    internal sealed class Part(string name, params long[] shape) : ITrainableTensor
    {
        private readonly float[] _values = [.. Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(i => i * 0.1f)];
        private readonly float[] _first = new float[shape.Aggregate((a, b) => a * b)], _second = new float[shape.Aggregate((a, b) => a * b)];

        public string Name => name;

        public IReadOnlyList<long> Shape => shape;

        public float[] Values { get => [.. _values]; set => value.CopyTo(_values, 0); }

        public float[] FirstMoment { get => [.. _first]; set => value.CopyTo(_first, 0); }

        public float[] SecondMoment { get => [.. _second]; set => value.CopyTo(_second, 0); }

        internal void Move(float gradient, float learningRate, long update)
        {
            for (var i = 0; i < _values.Length; i++)
            {
                _first[i] = 0.9f * _first[i] + 0.1f * gradient * (i + 1);
                _second[i] = 0.99f * _second[i] + 0.01f * gradient * gradient;
                _values[i] -= learningRate * _first[i] / (MathF.Sqrt(_second[i]) + 1e-3f) * (1 + 1f / update);
            }
        }
    }
}
