using NativeSteer.Hooks;
using NativeSteer.Reinforcement;
using NativeSteer.Vectors;

namespace NativeSteer.Studies;

/// <summary>The trained vectors of a run, as plans of their parts.</summary>
/// <param name="path">The control vector, or null for none.</param>
/// <param name="options">The study.</param>
internal sealed class BiasVectors(string? path, BiasStudyOptions options)
{
    private readonly SteeringVector? _vector = path is null ? null : ControlVectorFile.Read(path);

    /// <summary>The vectors.</summary>
    internal SteeringVector Vector => _vector ?? throw new InvalidOperationException("There are no vectors.");

    /// <summary>All layers, or some, times a factor.</summary>
    internal SteeringPlan Plan(float scale, Func<int, bool>? layers = null)
    {
        if (_vector is null || scale == 0) return SteeringPlan.None;
        var chosen = _vector.Layers.Where(layer => layers?.Invoke(layer) ?? true).ToList();
        return chosen.Count == 0 ? SteeringPlan.None : SteeringPlan.Add(_vector.OnLayers(chosen), scale);
    }

    /// <summary>A model with the study's held-out tasks.</summary>
    internal TaskEvaluator Evaluator(string model) =>
        new(model, options.HeldOut, options.Training.MaxTokens, options.Training.Parallel, options.Training.Trainer.Threads);
}
