using NativeSteer.Training;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Training;

/// <summary>What must not matter to a trainer, and what must.</summary>
public sealed class TrainerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nativesteer-tests-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Computing_layers_again_changes_no_bit()
    {
        var path = GradientModels.Write(_folder, "llama", GgmlType.F32);
        var kept = Gradients(path, new() { AllWeights = true, VectorLayers = [1] }, new() { Recompute = false });
        var again = Gradients(path, new() { AllWeights = true, VectorLayers = [1] }, new() { Recompute = true });
        Assert.Equal(kept, again);
    }

    [Fact]
    public void The_number_of_threads_changes_no_bit()
    {
        var path = GradientModels.Write(_folder, "qwen2", GgmlType.F32);
        Assert.Equal(Gradients(path, new() { AllWeights = true }, new() { Threads = 1 }), Gradients(path, new() { AllWeights = true }, new() { Threads = 3 }));
    }

    [Fact]
    public void Sequences_side_by_side_in_a_row_are_sequences_alone()
    {
        using var trainer = Trainer.Load(GradientModels.Write(_folder, "llama", GgmlType.F32), new() { AllWeights = true }, new() { Compute = ComputeType.F32 });
        var packed = Batches.Random(trainer.Shape.Vocabulary, 40, [[12, 20, 8], [33]]);
        var alone = Alone(packed);
        var together = trainer.Gradient([packed]);
        var gradient = Flat(trainer);
        var apart = trainer.Gradient(alone);
        Assert.Equal(together.Targets, apart.Targets);
        Assert.Equal(together.Loss, apart.Loss, 6);
        Close(gradient, Flat(trainer), 1e-4);
    }

    [Fact]
    public void Batches_one_after_another_are_one_batch()
    {
        using var trainer = Trainer.Load(GradientModels.Write(_folder, "qwen2", GgmlType.F32), new() { AllWeights = true }, new() { Compute = ComputeType.F32 });
        var (both, first, second) = (Batches.Random(trainer.Shape.Vocabulary, 16, [[16], [16]]), default(TrainingBatch), default(TrainingBatch));
        (first, second) = (Row(both, 0), Row(both, 1));
        var one = trainer.Gradient([both]);
        var gradient = Flat(trainer);
        var two = trainer.Gradient([first, second]);
        Assert.Equal(one.Loss, two.Loss, 6);
        Assert.Equal(one.GradientNorm, two.GradientNorm, 5);
        Close(gradient, Flat(trainer), 1e-4);
    }

    [Fact]
    public void Masked_tokens_do_not_move_the_loss()
    {
        using var trainer = Trainer.Load(GradientModels.Write(_folder, "llama", GgmlType.F32), new() { VectorLayers = [0] });
        var all = Batches.Random(trainer.Shape.Vocabulary, 24, [[24], [24]]);
        var half = Pick(all, i => i % 2 == 0);
        var expected = trainer.Gradient([half]);
        // The same with the masked tokens' targets there, at no weight: the loss and the gradient are the same but for the count.
        var weightless = Pick(all, _ => true);
        for (var i = 0; i < weightless.Weights.Length; i++) weightless.Weights[i] = i % 2 == 0 ? 1 : 0;
        var measured = trainer.Gradient([weightless]);
        Assert.Equal(expected.Loss * expected.Targets, measured.Loss * measured.Targets, 4);
        // What the masked places would predict does not matter.
        for (var i = 1; i < weightless.Targets.Length; i += 2) weightless.Targets[i] = 5;
        Assert.Equal(measured.Loss, trainer.Gradient([weightless]).Loss);
    }

    [Fact]
    public void Targets_without_reference_have_no_penalty_and_the_others_keep_theirs()
    {
        var path = GradientModels.Write(_folder, "llama", GgmlType.F32);
        using var trainer = Trainer.Load(path, new() { VectorLayers = [0] }, new() { KlWeight = 0.5f });
        var batch = Batches.Random(trainer.Shape.Vocabulary, 24, [[24], [24]]);
        StepResult With(Func<int, float> reference) =>
            trainer.Gradient([Referred(batch, [.. Enumerable.Range(0, batch.Outputs.Length).Select(reference)])]);
        var plain = trainer.Gradient([batch]);
        var all = With(_ => -3);
        var (even, odd) = (With(i => i % 2 == 0 ? -3 : float.NaN), With(i => i % 2 == 1 ? -3 : float.NaN));
        Assert.InRange(even.Kl, 0.1 * all.Kl, 0.9 * all.Kl);
        Assert.Equal(all.Kl, even.Kl + odd.Kl, 6);
        Assert.Equal(all.Loss - plain.Loss, even.Loss + odd.Loss - (2 * plain.Loss), 5);
        Assert.Equal(plain, With(_ => float.NaN));
    }

    [Fact]
    public void Padding_does_not_matter()
    {
        using var trainer = Trainer.Load(GradientModels.Write(_folder, "llama", GgmlType.F32), new() { AllWeights = true });
        var batch = Batches.Random(trainer.Shape.Vocabulary, 32, [[20], [5, 9]]);
        var before = trainer.Gradient([batch]);
        for (var i = 0; i < batch.Tokens.Length; i++)
        {
            if (batch.Segments[i] < 0) (batch.Tokens[i], batch.Positions[i]) = (9, 31);
        }
        Assert.Equal(before, trainer.Gradient([batch]));
    }

    [Fact]
    public void A_step_lowers_the_loss_and_zero_rate_changes_nothing()
    {
        using var trainer = Trainer.Load(GradientModels.Write(_folder, "llama", GgmlType.Q8_0), new() { VectorLayers = [0, 1] }, new() { Threads = 1 });
        var batch = Batches.Random(trainer.Shape.Vocabulary, 24, [[24], [24]]);
        var first = trainer.Step([batch], 0);
        Assert.All(trainer.Tensors, tensor => Assert.All(tensor.Values, value => Assert.Equal(0, value)));
        for (var i = 0; i < 30; i++) trainer.Step([batch], 0.02f);
        Assert.Equal(31, trainer.Updates);
        Assert.True(trainer.Gradient([batch]).Loss < first.Loss - 0.1);
    }

    [Theory, InlineData(GgmlType.F32), InlineData(GgmlType.Q4_0)]
    public void What_is_frozen_does_not_change(GgmlType type)
    {
        using var trainer = Trainer.Load(GradientModels.Write(_folder, "qwen2", type), new() { VectorLayers = [0, 1], TokenRows = [4] });
        var batch = Batches.Random(trainer.Shape.Vocabulary, 24, [[24], [24]]);
        var values = trainer.Tensors.Select(tensor => tensor.Values).ToList();
        var before = trainer.Logits(batch);
        for (var i = 0; i < 5; i++) trainer.Step([batch], 0.05f);
        Assert.NotEqual(before, trainer.Logits(batch));
        for (var i = 0; i < values.Count; i++) trainer.Tensors[i].Values = values[i];
        Assert.Equal(before, trainer.Logits(batch));
    }

    [Fact]
    public void A_loss_that_is_no_number_changes_nothing()
    {
        using var trainer = Trainer.Load(GradientModels.Write(_folder, "llama", GgmlType.F32), new() { VectorLayers = [0, 1] });
        var batch = Batches.Random(trainer.Shape.Vocabulary, 16, [[16]]);
        batch.Weights[3] = float.NaN;
        var result = trainer.Step([batch], 0.1f);
        Assert.False(result.IsFinite);
        Assert.Equal(0, trainer.Updates);
        Assert.All(trainer.Tensors, tensor => Assert.All(tensor.Values, value => Assert.Equal(0, value)));
    }

    [Fact]
    public void Rounded_products_are_near_exact_ones()
    {
        var path = GradientModels.Write(_folder, "llama", GgmlType.F32);
        var exact = Gradients(path, new() { AllWeights = true }, new() { Compute = ComputeType.F32 });
        var rounded = Gradients(path, new() { AllWeights = true }, new() { Compute = ComputeType.BF16 });
        Close(exact, rounded, 0.02);
    }

    [Theory]
    [InlineData(-1, 0, "outside the vocabulary")]
    [InlineData(99999, 0, "outside the vocabulary")]
    [InlineData(3, 64, "outside the batch")]
    public void A_batch_that_does_not_fit_is_refused(int token, int output, string message)
    {
        using var trainer = Trainer.Load(GradientModels.Write(_folder, "llama", GgmlType.F32), new() { Norms = true });
        var batch = Batches.Random(trainer.Shape.Vocabulary, 16, [[16]]);
        batch.Tokens[2] = token;
        batch.Outputs[^1] = output == 0 ? batch.Outputs[^1] : output;
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => trainer.Gradient([batch])).Message, StringComparison.Ordinal);
    }

    private static float[] Gradients(string path, TrainableParts parts, TrainerOptions options)
    {
        using var trainer = Trainer.Load(path, parts, options);
        trainer.Gradient([Batches.Random(trainer.Shape.Vocabulary, 40, [[40], [10, 30], [7, 8, 20]])]);
        return Flat(trainer);
    }

    private static float[] Flat(Trainer trainer) => [.. trainer.Tensors.SelectMany(tensor => tensor.Gradient)];

    // The distance of two gradients, relative to their length.
    private static void Close(float[] expected, float[] actual, double tolerance)
    {
        var distance = Math.Sqrt(expected.Zip(actual).Sum(pair => Math.Pow(pair.First - pair.Second, 2)));
        Assert.InRange(distance / Math.Sqrt(expected.Sum(value => (double)value * value)), 0, tolerance);
    }

    private static TrainingBatch Referred(TrainingBatch batch, float[] references) => new()
    {
        Rows = batch.Rows, Length = batch.Length, Tokens = batch.Tokens, Positions = batch.Positions, Segments = batch.Segments,
        Outputs = batch.Outputs, Targets = batch.Targets, Weights = batch.Weights, ReferenceLogProbabilities = references,
    };

    private static TrainingBatch Row(TrainingBatch batch, int row)
    {
        var places = Enumerable.Range(0, batch.Outputs.Length).Where(i => batch.Outputs[i] / batch.Length == row).ToList();
        return new()
        {
            Rows = 1, Length = batch.Length,
            Tokens = batch.Tokens[(row * batch.Length)..((row + 1) * batch.Length)],
            Positions = batch.Positions[(row * batch.Length)..((row + 1) * batch.Length)],
            Segments = batch.Segments[(row * batch.Length)..((row + 1) * batch.Length)],
            Outputs = [.. places.Select(i => batch.Outputs[i] - (row * batch.Length))],
            Targets = [.. places.Select(i => batch.Targets[i])],
            Weights = [.. places.Select(i => batch.Weights[i])],
        };
    }

    private static List<TrainingBatch> Alone(TrainingBatch batch)
    {
        var alone = new List<TrainingBatch>();
        for (var start = 0; start < batch.Tokens.Length;)
        {
            var end = start + 1;
            while (end < batch.Tokens.Length && end % batch.Length != 0 && batch.Segments[end] == batch.Segments[start]) end++;
            var places = Enumerable.Range(0, batch.Outputs.Length).Where(i => batch.Outputs[i] >= start && batch.Outputs[i] < end).ToList();
            if (batch.Segments[start] >= 0)
            {
                alone.Add(new()
                {
                    Rows = 1, Length = end - start, Tokens = batch.Tokens[start..end], Positions = batch.Positions[start..end],
                    Segments = new int[end - start], Outputs = [.. places.Select(i => batch.Outputs[i] - start)],
                    Targets = [.. places.Select(i => batch.Targets[i])], Weights = [.. places.Select(i => batch.Weights[i])],
                });
            }
            start = end;
        }
        return alone;
    }

    private static TrainingBatch Pick(TrainingBatch batch, Func<int, bool> wanted)
    {
        var places = Enumerable.Range(0, batch.Outputs.Length).Where(wanted).ToList();
        return new()
        {
            Rows = batch.Rows, Length = batch.Length, Tokens = batch.Tokens, Positions = batch.Positions, Segments = batch.Segments,
            Outputs = [.. places.Select(i => batch.Outputs[i])], Targets = [.. places.Select(i => batch.Targets[i])],
            Weights = [.. places.Select(i => batch.Weights[i])],
        };
    }
}
