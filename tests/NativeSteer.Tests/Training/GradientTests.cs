using NativeSteer.Training;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Training;

/// <summary>
/// Gradients against central differences of the loss: along its own gradient, each trained tensor's loss must rise by the gradient's
/// norm. The relative error allowed is one per cent.
/// </summary>
public sealed class GradientTests : IDisposable
{
    private const double Tolerance = 0.01;

    private readonly string _folder = Directory.CreateTempSubdirectory("nativesteer-tests-").FullName;

    public static TheoryData<string, GgmlType> Models
    {
        get
        {
            var data = new TheoryData<string, GgmlType>();
            foreach (var architecture in new[] { "llama", "qwen2" })
            {
                foreach (var type in new[] { GgmlType.F32, GgmlType.F16, GgmlType.Q8_0, GgmlType.Q4_0 }) data.Add(architecture, type);
            }
            return data;
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, MemberData(nameof(Models))]
    public void All_weights(string architecture, GgmlType type) => Check(architecture, type, new() { AllWeights = true });

    [Theory, MemberData(nameof(Models))]
    public void Vectors_through_frozen_weights(string architecture, GgmlType type) => Check(architecture, type, new() { VectorLayers = [0, 1] });

    [Theory, MemberData(nameof(Models))]
    public void Norms_through_frozen_weights(string architecture, GgmlType type) => Check(architecture, type, new() { Norms = true });

    [Theory, MemberData(nameof(Models))]
    public void Token_rows_through_frozen_weights(string architecture, GgmlType type) =>
        Check(architecture, type, vocabulary => new() { TokenRows = [7, vocabulary, 20] });

    [Theory, InlineData("llama"), InlineData("qwen2")]
    public void Everything_together(string architecture) =>
        Check(architecture, GgmlType.F32, vocabulary => new() { AllWeights = true, VectorLayers = [1], TokenRows = [vocabulary] });

    [Theory, InlineData("llama"), InlineData("qwen2")]
    public void Everything_but_the_matrices(string architecture) =>
        Check(architecture, GgmlType.F32, vocabulary => new() { Norms = true, VectorLayers = [0], TokenRows = [3, vocabulary] });

    [Theory, InlineData(GgmlType.F32), InlineData(GgmlType.Q8_0)]
    public void Transposed_copies_in_eight_bits(GgmlType type) =>
        Check("llama", type, _ => new() { VectorLayers = [0, 1] }, new() { Transposed = TransposedType.Q8_0 });

    [Fact]
    public void With_a_penalty_for_leaving_the_reference() =>
        Check("llama", GgmlType.F32, _ => new() { AllWeights = true }, new() { Compute = ComputeType.F32, KlWeight = 0.7f, Temperature = 1.3f }, reference: true);

    private void Check(string architecture, GgmlType type, TrainableParts parts) => Check(architecture, type, _ => parts);

    private void Check(string architecture, GgmlType type, Func<int, TrainableParts> parts, TrainerOptions? options = null, bool reference = false)
    {
        var path = GradientModels.Write(_folder, architecture, type);
        int vocabulary;
        using (var file = GgufFile.Open(path)) vocabulary = TransformerShape.Read(file).Vocabulary;
        options ??= new() { Compute = ComputeType.F32 };
        using var trainer = Trainer.Load(path, parts(vocabulary), options);
        var batch = Batches.Random(trainer.Shape.Vocabulary + (parts(vocabulary) is { AllWeights: false, TokenRows.Count: > 0 } ? 1 : 0), 48,
            [[48], [20, 28], [9, 12, 15, 10], [47]], weight: reference ? null : 1);
        if (parts(vocabulary).TokenRows is [_, ..] rows)
        {
            for (var i = 0; i < batch.Tokens.Length; i += 5) batch.Tokens[i] = rows[i % rows.Count];
            for (var i = 0; i < batch.Targets.Length; i++) batch.Targets[i] = batch.Tokens[batch.Outputs[i] + 1];
        }
        if (reference) batch = WithReference(batch);
        trainer.Gradient([batch]);
        var gradients = trainer.Tensors.Select(tensor => tensor.Gradient).ToList();
        using var smooth = Trainer.Load(GradientModels.WriteSmooth(path), parts(vocabulary), options);
        for (var i = 0; i < gradients.Count; i++) CheckTensor(smooth, smooth.Tensors[i], gradients[i], batch, options);
    }

    private static TrainingBatch WithReference(TrainingBatch batch)
    {
        var random = new Random(3);
        return new()
        {
            Rows = batch.Rows, Length = batch.Length, Tokens = batch.Tokens, Positions = batch.Positions, Segments = batch.Segments,
            Outputs = batch.Outputs, Targets = batch.Targets, Weights = batch.Weights,
            ReferenceLogProbabilities = [.. batch.Targets.Select(_ => -5 - random.NextSingle())],
        };
    }

    private static void CheckTensor(Trainer trainer, TrainedTensor smooth, float[] gradient, TrainingBatch batch, TrainerOptions options)
    {
        var norm = Math.Sqrt(gradient.Sum(g => (double)g * g));
        Assert.True(norm > 0, $"{smooth.Name} has no gradient.");
        var values = smooth.Values;

        // The odd part of the loss along the gradient is a s + b s^3 + ...: two steps give a up to the fifth order.
        var reach = Math.Min(0.03 / norm, 0.1 * Math.Sqrt(values.Sum(v => (double)v * v) + 1));
        var slope = (4 * Difference(reach / 2) - Difference(reach)) / 3;
        smooth.Values = values;
        Assert.True(Math.Abs(slope / norm - 1) < Tolerance, $"{smooth.Name}: the loss's slope is {slope}, the gradient's norm {norm}, off by {slope / norm - 1:P2}.");

        double Difference(double step) => (Loss(step) - Loss(-step)) / (2 * step);

        double Loss(double step)
        {
            smooth.Values = [.. values.Zip(gradient, (v, g) => (float)(v + step / norm * g))];
            var logProbabilities = trainer.LogProbabilities(batch);
            var loss = 0.0;
            for (var i = 0; i < logProbabilities.Length; i++)
            {
                loss -= batch.Weights[i] * (double)logProbabilities[i];
                if (batch.ReferenceLogProbabilities is not { } reference) continue;
                var rho = reference[i] - (double)logProbabilities[i];
                loss += options.KlWeight * (Math.Exp(rho) - rho - 1);
            }
            return loss / batch.Outputs.Length;
        }
    }
}
