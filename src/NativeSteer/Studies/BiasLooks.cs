using System.Numerics.Tensors;
using NativeSteer.Analysis;
using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Studies;

/// <summary>The trained vectors taken apart: layer by layer, shorter and longer, on other models, against each other, through the unembedding.</summary>
/// <param name="options">The study.</param>
/// <param name="folder">Its folder, with the vectors.</param>
/// <param name="log">Where to.</param>
/// <param name="model">The model's file.</param>
internal sealed class BiasLooks(BiasStudyOptions options, StudyFolder folder, SequentialLog log, string model)
{
    private const int TopTokens = 10;

    private readonly Dictionary<(string Condition, long Seed), BiasVectors> _vectors = [];
    private readonly BiasCondition? _studied = options.Conditions.FirstOrDefault(condition => condition.Name == BiasCondition.Studied && condition.IsVectors);

    private sealed record Part(string Variant, int? Layer, float Scale, SteeringPlan Plan);

    /// <summary>What parts of the studied condition's vectors earn, and what they earn elsewhere.</summary>
    internal void TakeApart(long seed, Action<string> tell, CancellationToken cancellation)
    {
        if (_studied is null) return;
        var vectors = Of(_studied, seed);
        var layers = vectors.Vector.Layers;
        Measure(seed, vectors, () => model, BiasEvaluation.OnTrained, tell,
        [
            .. layers.Select(layer => new Part(BiasEvaluation.Only, layer, 1, vectors.Plan(1, other => other == layer))),
            .. layers.Select(layer => new Part(BiasEvaluation.Without, layer, 1, vectors.Plan(1, other => other != layer))),
            .. options.Scales.Select(scale => new Part(BiasEvaluation.Scaled, null, scale, vectors.Plan(scale))),
        ], cancellation);
        // Without them too: a copy and a sibling have shares of their own.
        List<Part> elsewhere =
            [new(BiasEvaluation.Transferred, null, 0, SteeringPlan.None), new(BiasEvaluation.Transferred, null, 1, vectors.Plan(1))];
        foreach (var type in options.Copies) Measure(seed, vectors, () => Copy(type), type.Name, tell, elsewhere, cancellation);
        if (options.Sibling is { } sibling)
            Measure(seed, vectors, () => BuiltInModel.Resolve(sibling), Path.GetFileNameWithoutExtension(sibling), tell, elsewhere, cancellation);
    }

    /// <summary>Vectors of one layer across conditions and seeds, and of the layers of a run.</summary>
    internal void Compare()
    {
        var runs = Runs().ToList();
        foreach (var (condition, seed, vector) in runs)
        {
            foreach (var (other, otherSeed, otherVector) in runs)
            {
                foreach (var layer in vector.Layers.Intersect(otherVector.Layers))
                    BiasLines.Write(log, new BiasCosine(condition, seed, layer, other, otherSeed, layer, vector.Cosine(otherVector, layer), vector.Norm(layer)));
            }
            foreach (var layer in vector.Layers)
            {
                foreach (var other in vector.Layers.Where(other => other > layer))
                    BiasLines.Write(log, new BiasCosine(condition, seed, layer, condition, seed, other, Cosine(vector, layer, other), vector.Norm(layer)));
            }
        }
    }

    /// <summary>Every vector through the model's unembedding, as it is, without the final norm (as the paper does).</summary>
    internal void Lens(CancellationToken cancellation)
    {
        var runs = Runs().ToList();
        if (log.TryPass(runs.Sum(run => run.Vector.Layers.Count))) return;
        using var vocabulary = LanguageModel.Load(model, new ModelOptions { VocabularyOnly = true });
        using var lens = new LogitLens(
            vocabulary, new LensOptions { Top = TopTokens, UnitLength = false, Groups = true, Threads = options.Training.Trainer.Threads });
        foreach (var (condition, seed, vector) in runs)
        {
            foreach (var layer in lens.Look(vector, cancellation))
                BiasLines.Write(log, new BiasLens(condition, seed, layer.Layer, Named(layer.TopDot), Named(layer.TopCosine), layer.Groups));
        }

        static List<(string, double)> Named(IEnumerable<LensToken> tokens) => [.. tokens.Select(token => (token.Text, (double)token.Value))];
    }

    private void Measure(
        long seed, BiasVectors vectors, Func<string> file, string name, Action<string> tell, IReadOnlyList<Part> parts, CancellationToken cancellation)
    {
        if (log.TryPass(parts.Count)) return;
        using var evaluator = vectors.Evaluator(file());
        var temperature = options.Training.Trainer.Temperature;
        foreach (var part in parts)
        {
            tell($"vectors of seed {seed}: {part.Variant}{(part.Layer is { } layer ? $" layer {layer}" : "")} on the {name} model");
            var score = evaluator.Run(part.Plan, temperature, (ulong)seed, cancellation);
            BiasLines.Write(log, new BiasEvaluation(
                _studied!.Name, seed, part.Variant, part.Layer, BiasStudyOptions.Exact(part.Scale), name, BiasStudyOptions.Exact(temperature), score.Right,
                score.Answers, score.Tokens));
        }
    }

    private IEnumerable<(string Condition, long Seed, SteeringVector Vector)> Runs() =>
        from condition in options.Conditions
        where condition.IsVectors
        from seed in options.Seeds
        select (condition.Name, seed, Of(condition, seed).Vector);

    private BiasVectors Of(BiasCondition condition, long seed)
    {
        if (_vectors.TryGetValue((condition.Name, seed), out var known)) return known;
        return _vectors[(condition.Name, seed)] = new BiasVectors(folder.Trained(condition.Name, seed) + ".gguf", options);
    }

    private string Copy(QuantizationType type)
    {
        var path = Path.Combine(folder.Models, $"model-{type}.gguf");
        if (File.Exists(path)) return path;
        Directory.CreateDirectory(folder.Models);
        ModelQuantizer.Write(model, path, new QuantizationOptions { Type = type, AllowRequantize = true, Threads = options.Training.Trainer.Threads });
        return path;
    }

    private static double Cosine(SteeringVector vector, int layer, int other)
    {
        return TensorPrimitives.CosineSimilarity(vector.Direction(layer).Span, vector.Direction(other).Span);
    }
}
