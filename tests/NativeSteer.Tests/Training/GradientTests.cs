using NativeSteer.Tests.Support;
using NativeSteer.Training;
using Xunit;

namespace NativeSteer.Tests.Training;

/// <summary>Gradients against central differences of the loss.</summary>
public sealed class GradientTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nativesteer-tests-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData("llama", false), InlineData("llama", true), InlineData("qwen2", false), InlineData("qwen2", true)]
    public void All_weights(string architecture, bool recompute) =>
        Check(Model(architecture), new() { AllWeights = true, VectorLayers = [0, 1] }, new() { Compute = ComputeType.F32, Recompute = recompute });

    private string Model(string architecture) => architecture == "llama"
        ? TinyModel.Write(Path.Combine(_folder, "llama.gguf"), layers: 2)
        : TinyQwen2.Write(Path.Combine(_folder, "qwen2.gguf"));

    // For each trained tensor: the slope of the loss along the tensor's own gradient is the gradient's norm.
    private static void Check(string path, TrainableParts parts, TrainerOptions options, double tolerance = 0.01)
    {
        using var trainer = Trainer.Load(path, parts, options);
        var batch = Batches.Random(trainer.Shape.Vocabulary, 24, [[24], [10, 9], [5, 6, 7]], every: false);
        trainer.Gradient([batch]);
        var gradients = trainer.Tensors.Select(tensor => tensor.Gradient).ToList();
        for (var i = 0; i < trainer.Tensors.Count; i++)
        {
            var (tensor, gradient) = (trainer.Tensors[i], gradients[i]);
            var norm = Math.Sqrt(gradient.Sum(g => (double)g * g));
            Assert.True(norm > 0, $"{tensor.Name} has no gradient.");
            var values = tensor.Values;
            var step = 0.02 / norm * Math.Sqrt(values.Sum(v => (double)v * v) / values.Length + 1e-4);
            double Loss(double sign)
            {
                tensor.Values = [.. values.Zip(gradient, (v, g) => (float)(v + sign * step * g))];
                var logProbabilities = trainer.LogProbabilities(batch);
                return -logProbabilities.Zip(batch.Weights).Sum(pair => (double)pair.First * pair.Second) / batch.Outputs.Length;
            }
            var slope = (Loss(1) - Loss(-1)) / (2 * step * norm);
            tensor.Values = values;
            Assert.True(Math.Abs(slope / norm - 1) < tolerance, $"{tensor.Name}: slope {slope}, gradient {norm}.");
        }
    }
}
