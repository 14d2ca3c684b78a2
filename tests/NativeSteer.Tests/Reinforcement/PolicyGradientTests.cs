using NativeSteer.Reinforcement;
using NativeSteer.Tests.Support;
using NativeSteer.Training;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Reinforcement;

/// <summary>
/// A model of six tokens, all of whose 216 answers of three tokens can be listed: the gradient that the trainer makes of answers weighed by
/// probability and advantage is that of the expected reward, by central differences of it.
/// </summary>
public sealed class PolicyGradientTests : IDisposable
{
    private const int Vocabulary = 6, Length = 3, Prompt = 2;

    private readonly string _folder = Directory.CreateTempSubdirectory("nativesteer-tests-").FullName;
    private readonly List<int[]> _answers = [.. from a in Enumerable.Range(0, Vocabulary) from b in Enumerable.Range(0, Vocabulary) from c in Enumerable.Range(0, Vocabulary) select new[] { a, b, c }];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string> Kinds => new("vectors", "one vector", "adapters", "one adapter", "norms", "all");

    private static TrainableParts Parts(string kind) => kind switch
    {
        "vectors" => new() { VectorLayers = [0, 1] },
        "one vector" => new() { VectorLayers = [0] },
        "adapters" => new() { AdapterRank = 3, AdapterLayers = [0, 1], AdapterSeed = 7 },
        "one adapter" => new() { AdapterRank = 1, AdapterLayers = [1] },
        "norms" => new() { Norms = true },
        _ => new() { AllWeights = true },
    };

    [Theory, MemberData(nameof(Kinds))]
    public void The_gradient_is_that_of_the_expected_reward(string kind)
    {
        using var trainer = Load(Parts(kind));
        var reward = Expected(trainer, out var probabilities);
        Assert.Equal(1, probabilities.Sum(), 4);
        trainer.Gradient([Batch(i => probabilities[i] * Reward(i))], 1);
        var gradients = trainer.Tensors.Select(tensor => tensor.Gradient).ToList();
        // Against the mean of the others nothing changes but rounding (frozen matrices go back in BF16): the gradient's expectation stays.
        trainer.Gradient([Batch(i => probabilities[i] * (Reward(i) - reward))], 1);
        for (var i = 0; i < gradients.Count; i++)
        {
            var tensor = trainer.Tensors[i];
            var norm = Norm(gradients[i]);
            Assert.True(norm > 1e-6, $"{tensor.Name} has no gradient.");
            var noise = Norm([.. tensor.Gradient.Zip(gradients[i], (a, b) => a - b)]) / norm;
            Assert.True(noise < 1e-2, $"{tensor.Name}: {noise} of {norm}");
            var slope = Slope(trainer, tensor, [.. gradients[i].Select(g => (float)(g / norm))], 0.02);
            Assert.InRange(slope / norm, 0.99, 1.01);
        }
    }

    [Theory, InlineData(1), InlineData(3), InlineData(1000)]
    public void Answers_that_share_their_prompt_have_the_gradient_of_answers_apart(int rows)
    {
        using var trainer = Load(new() { AllWeights = true });
        int[][] prompts = [[.. Enumerable.Range(0, 40).Select(i => i * i % Vocabulary)], [3], [.. Enumerable.Range(0, 9).Select(i => i * 5 % Vocabulary)]];
        var answers = _answers.Select((tokens, i) => new JudgedAnswer(prompts[i / 72], tokens[..(1 + i % Length)], (i % 7) - 3)).ToList();
        var apart = new BatchPacker([.. answers.Select(answer => new TrainingSequence(
            [.. answer.Prompt, .. answer.Tokens], [.. answer.Prompt.Select(_ => 0f), .. answer.Tokens.Select(_ => (float)answer.Advantage)]))], 216, 43, 0, shuffle: false);
        var expected = trainer.Gradient([.. Enumerable.Range(0, apart.Batches(0)).Select(i => apart.Batch(0, i))], 100);
        var gradients = trainer.Tensors.Select(tensor => tensor.Gradient).ToList();
        var packed = AnswerRows.Pack(answers, rows, penalised: false);
        var found = trainer.Gradient(packed, 100);
        Assert.Equal(expected.Loss, found.Loss, 1e-6); // losses of either sign all but cancel
        for (var i = 0; i < gradients.Count; i++)
            Assert.InRange(Norm([.. trainer.Tensors[i].Gradient.Zip(gradients[i], (a, b) => a - b)]) / Norm(gradients[i]), 0, 1e-4);
        Assert.True(packed.Sum(batch => batch.UsedTokens) < answers.Sum(answer => answer.Prompt.Count + answer.Tokens.Count) / 3);
    }

    [Fact]
    public void The_divisor_takes_the_place_of_the_number_of_targets()
    {
        using var trainer = Load(Parts("vectors"));
        var batch = Batch(i => Reward(i));
        trainer.Gradient([batch]);
        var mean = trainer.Tensors[0].Gradient;
        trainer.Gradient([batch], batch.Targets.Length * 4);
        Assert.All(trainer.Tensors[0].Gradient.Zip(mean), pair => Assert.Equal(pair.Second / 4, pair.First, 1e-6f + 1e-4f * Math.Abs(pair.Second)));
    }

    [Fact]
    public void An_adapter_that_begins_changes_nothing()
    {
        using var plain = Load(Parts("vectors"));
        using var adapted = Load(Parts("adapters"));
        Assert.Equal(plain.LogProbabilities(Batch(_ => 1)), adapted.LogProbabilities(Batch(_ => 1)));
    }

    private static void AddTokens(GgufWriter writer) => writer
        .Add("tokenizer.ggml.model", "llama")
        .AddArray("tokenizer.ggml.tokens", ["<unk>", "a", "b", "c", "d", "e"])
        .AddArray<float>("tokenizer.ggml.scores", new float[Vocabulary])
        .AddArray<int>("tokenizer.ggml.token_type", [2, 1, 1, 1, 1, 1]);

    private Trainer Load(TrainableParts parts)
    {
        var path = Path.Combine(_folder, "enumerable.gguf");
        if (!File.Exists(path)) TinyModel.Build(AddTokens, Vocabulary, layers: 2, width: 32, hidden: 48).Write(path);
        var trainer = Trainer.Load(path, parts, new() { Compute = ComputeType.F32, Threads = 1 });
        return trainer;
    }

    private double Expected(Trainer trainer, out double[] probabilities)
    {
        if (trainer.Tensors.Any(tensor => tensor.Name.EndsWith(".lora_b", StringComparison.Ordinal)) && _started.Add(trainer)) Start(trainer);
        var logs = trainer.LogProbabilities(Batch(_ => 1));
        var found = new double[_answers.Count];
        for (var i = 0; i < found.Length; i++) found[i] = Math.Exp(logs[Length * i] + (double)logs[Length * i + 1] + logs[Length * i + 2]);
        probabilities = found;
        return found.Select((probability, i) => probability * Reward(i)).Sum();
    }

    private readonly HashSet<Trainer> _started = [];

    // An adapter's outer matrix begins at zero, which hides the inner one's gradient.
    private static void Start(Trainer trainer)
    {
        var random = new Random(3);
        foreach (var tensor in trainer.Tensors.Where(tensor => tensor.Name.EndsWith(".lora_b", StringComparison.Ordinal)))
            tensor.Values = [.. tensor.Values.Select(_ => random.NextSingle() - 0.5f)];
    }

    // Right where the tokens add up to an even number; a few answers in a stranger way, so that nothing is symmetric.
    private double Reward(int answer) => (_answers[answer].Sum() % 2 == 0) ^ (_answers[answer][0] == 4) ? 1 : -1;

    private double Slope(Trainer trainer, TrainedTensor tensor, float[] direction, double reach)
    {
        var values = tensor.Values;
        var slope = (4 * Difference(reach / 2) - Difference(reach)) / 3;
        tensor.Values = values;
        return slope;

        double Difference(double step) => (At(step) - At(-step)) / (2 * step);

        double At(double step)
        {
            tensor.Values = [.. values.Zip(direction, (value, along) => (float)(value + step * along))];
            return -Expected(trainer, out _);
        }
    }

    private TrainingBatch Batch(Func<int, double> weight)
    {
        const int each = Length + 1;
        var count = _answers.Count;
        return new TrainingBatch
        {
            Rows = count,
            Length = each,
            Tokens = [.. _answers.SelectMany(answer => answer.Prepend(Prompt))],
            Positions = [.. Enumerable.Range(0, count * each).Select(i => i % each)],
            Segments = new int[count * each],
            Outputs = [.. Enumerable.Range(0, count * Length).Select(i => i / Length * each + i % Length)],
            Targets = [.. _answers.SelectMany(answer => answer)],
            Weights = [.. Enumerable.Range(0, count * Length).Select(i => (float)weight(i / Length))],
        };
    }

    private static double Norm(float[] values) => Math.Sqrt(values.Sum(value => (double)value * value));
}
