using NativeSteer.Training;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Training;

/// <summary>
/// Gradients against central differences of the loss: along its own gradient, each trained tensor's loss must rise by the gradient's
/// norm, within one per cent; along random directions by the gradient's product with them, within six per cent of what that
/// is on average.
/// </summary>
public sealed class GradientTests : IDisposable
{
    private const double Tolerance = 0.01;
    private const int Directions = 4;
    private const double DirectionTolerance = 0.06;

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

    [Theory, InlineData("llama"), InlineData("qwen2")]
    public void Rotations_that_are_scaled(string architecture) =>
        Check(architecture, GgmlType.F32, _ => new() { AllWeights = true, VectorLayers = [0] }, rotated: true);

    [Fact]
    public void A_gradient_with_a_hole_or_a_wrong_number_is_found()
    {
        var path = GradientModels.Write(_folder, "llama", GgmlType.F32);
        var options = new TrainerOptions { Compute = ComputeType.F32 };
        using var trainer = Trainer.Load(path, new() { AllWeights = true, VectorLayers = [0] }, options);
        var batch = Batches.Random(trainer.Shape.Vocabulary, 48, [[48], [20, 28], [9, 12, 15, 10], [47]]);
        trainer.Gradient([batch]);
        foreach (var tensor in trainer.Tensors.Where(tensor => tensor.Name is "blk.1.ffn_up.weight" or "blk.0.vector" or "token_embd.weight" or "blk.0.attn_k.weight"))
        {
            var gradient = tensor.Gradient;
            Assert.Null(Problem(trainer, tensor, gradient, batch, options));
            // An eighth of the rows is left out, as a kernel that ends too early would.
            var hole = gradient.ToArray();
            hole.AsSpan(hole.Length - (hole.Length / 8)).Clear();
            Assert.True(Problem(trainer, tensor, hole, batch, options) is not null, $"{tensor.Name} with a hole passes.");
            var turned = gradient.ToArray();
            turned.AsSpan(0, turned.Length / 8).Reverse();
            Assert.True(Problem(trainer, tensor, turned, batch, options) is not null, $"{tensor.Name} with a part turned around passes.");
        }
    }

    private void Check(string architecture, GgmlType type, TrainableParts parts) => Check(architecture, type, _ => parts);

    private void Check(string architecture, GgmlType type, Func<int, TrainableParts> parts, TrainerOptions? options = null, bool reference = false,
        bool rotated = false)
    {
        var path = GradientModels.Write(_folder, architecture, type, rotated);
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
        for (var i = 0; i < gradients.Count; i++)
        {
            if (Problem(smooth, smooth.Tensors[i], gradients[i], batch, options) is { } problem) Assert.Fail(problem);
        }
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

    // What is wrong with a gradient, or null: its slope along itself is its norm, and along random directions its product with them.
    // The first alone would not see entries that are missing.
    private static string? Problem(Trainer trainer, TrainedTensor tensor, float[] gradient, TrainingBatch batch, TrainerOptions options)
    {
        var norm = Norm(gradient);
        if (!(norm > 0)) return $"{tensor.Name} has no gradient.";
        var values = tensor.Values;
        var reach = Math.Min(0.03 / norm, 0.1 * Math.Sqrt(values.Sum(v => (double)v * v) + 1));
        var slope = Slope([.. gradient.Select(g => (float)(g / norm))]);
        if (!(Math.Abs(slope / norm - 1) < Tolerance))
            return $"{tensor.Name}: the loss's slope is {slope}, the gradient's norm {norm}, off by {slope / norm - 1:P2}.";

        // Along a random direction the slope is about norm / sqrt(n): what is allowed is a part of that.
        var random = new Random(17);
        var (off, expected) = (0.0, norm / Math.Sqrt(gradient.Length));
        for (var i = 0; i < Directions; i++)
        {
            var direction = Array.ConvertAll(gradient, _ => MathF.Sqrt(-2 * MathF.Log(1 - random.NextSingle())) * MathF.Cos(2 * MathF.PI * random.NextSingle()));
            var length = Norm(direction);
            for (var j = 0; j < direction.Length; j++) direction[j] = (float)(direction[j] / length);
            var product = gradient.Zip(direction).Sum(pair => (double)pair.First * pair.Second);
            off += Math.Pow(Slope(direction) - product, 2) / Directions;
        }
        return Math.Sqrt(off) < DirectionTolerance * expected
            ? null : $"{tensor.Name}: along random directions the slope is off by {Math.Sqrt(off) / expected:P1} of what it is there, {Math.Sqrt(off) / norm:P3} of the gradient's norm.";

        // The odd part of the loss along a unit vector is a s + b s^3 + ...: two steps give a up to the fifth order.
        double Slope(float[] direction)
        {
            var result = (4 * Difference(direction, reach / 2) - Difference(direction, reach)) / 3;
            tensor.Values = values;
            return result;
        }

        double Difference(float[] direction, double step) => (Loss(direction, step) - Loss(direction, -step)) / (2 * step);

        double Loss(float[] direction, double step)
        {
            tensor.Values = [.. values.Zip(direction, (v, d) => (float)(v + step * d))];
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

    private static double Norm(float[] vector) => Math.Sqrt(vector.Sum(v => (double)v * v));
}
