using System.Numerics.Tensors;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Extraction;

public sealed class PairExtractionTests : IDisposable
{
    private static readonly LanguageModel s_model = Models.Tiny;
    private static readonly string[] s_words = ["wait", "hmm", "so", "the", "a", "é", "日", "q", "x y", "."];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(PairPosition.Last)]
    [InlineData(PairPosition.Mean)]
    public void The_mean_difference_is_that_of_plainly_copied_rows(PairPosition position)
    {
        var (positives, negatives) = (Prompts(9, "wait"), Prompts(9, "so"));
        var options = new PairExtraction { Position = position, Context = ExtractionData.Exact };
        var extracted = VectorExtraction.FromPairs(s_model, Pairs(positives, negatives), options);
        for (var layer = 0; layer < TinyModel.Layers; layer++)
        {
            var (positive, negative) = (Rows(positives, layer, position), Rows(negatives, layer, position));
            var expected = ExtractionData.Mean(positive).Zip(ExtractionData.Mean(negative), (p, n) => p - n).ToArray();
            Assert.InRange(ExtractionData.Distance(extracted.Vector.Direction(layer).Span, expected), 0, 2e-5);
            Assert.Equal((positive.Count, negative.Count), extracted.Summary.Rows);
        }
        Assert.Equal(18, extracted.Summary.Texts);
    }

    [Theory]
    [InlineData(PairPosition.Last, 40)] // more than one block of pairs
    [InlineData(PairPosition.Mean, 5)]
    public void The_principal_component_maximises_the_sum_of_squares_and_points_to_the_positive_side(PairPosition position, int count)
    {
        var (positives, negatives) = (Prompts(count, "wait"), Prompts(count, "so"));
        var extracted = VectorExtraction.FromPairs(
            s_model, Pairs(positives, negatives),
            new PairExtraction { Method = PairMethod.PrincipalComponent, Position = position, Context = ExtractionData.Exact, Layers = [2] });
        var differences = positives.Zip(negatives, (p, n) =>
            ExtractionData.Mean(Rows([p], 2, position)).Zip(ExtractionData.Mean(Rows([n], 2, position)), (x, y) => x - y).ToArray()).ToArray();

        var direction = ExtractionData.Doubles(extracted.Vector.Direction(2).Span);
        Assert.Equal(1, Math.Sqrt(direction.Sum(x => x * x)), 1e-5);
        Assert.True(differences.Sum(d => Dot(d, direction)) > 0);
        var total = differences.Sum(d => Dot(d, d));
        var share = differences.Sum(d => Math.Pow(Dot(d, direction), 2)) / total;
        Assert.Equal(share, extracted.Summary.ExplainedShares[2], 1e-4);
        // The largest eigenvector stays where it is under one more step of power iteration.
        var stepped = new double[direction.Length];
        foreach (var d in differences) TensorPrimitives.MultiplyAdd(d, Dot(d, direction), stepped, stepped);
        Assert.InRange(Dot(stepped, direction) / Math.Sqrt(Dot(stepped, stepped)), 1 - 1e-6, 1 + 1e-6);
        var provenance = extracted.Vector.Provenance;
        Assert.Equal(("pca", "unit", $"pairs={count}"), (provenance[Provenance.Method], provenance["length"], provenance[Provenance.Counts]));
        Assert.True(extracted.Vector.ResidualNorm(2) > 0);
    }

    [Theory]
    [InlineData(20, 64)] // through the Gram matrix
    [InlineData(200, 16)] // through the covariance
    public void A_planted_direction_is_found_with_its_share(int pairs, int width)
    {
        var random = new Random(5);
        var planted = Enumerable.Range(0, width).Select(_ => random.NextSingle() - 0.5f).ToArray();
        TensorPrimitives.Divide(planted, TensorPrimitives.Norm<float>(planted), planted);
        var rows = Enumerable.Range(0, pairs).Select(_ =>
        {
            var size = 3 + random.NextSingle();
            return planted.Select(x => size * x + 0.02f * (random.NextSingle() - 0.5f)).ToArray();
        }).ToArray();
        var component = PrincipalComponents.First(rows)!;
        Assert.InRange(TensorPrimitives.Dot<float>(planted, component.Direction), 0.999f, 1.001f);
        Assert.InRange(component.Share, 0.99, 1);
        var mirrored = PrincipalComponents.First([.. rows.Select(row => row.Select(x => -x).ToArray())])!;
        Assert.Equal(component.Direction.Select(x => -x), mirrored.Direction, (x, y) => Math.Abs(x - y) < 1e-5);
        Assert.Null(PrincipalComponents.First([new float[width], new float[width]]));
    }

    [Fact]
    public void Pairs_without_a_difference_or_too_long_are_refused()
    {
        var (same, other) = (Prompts(3, "wait"), Prompts(3, "so"));
        Refused(Pairs(same, same), "same text");
        Refused(Pairs(same, other), new PairExtraction { Context = new() { ContextLength = 4 } }, "p.txt:1", "the context holds 4");
        Refused(Pairs(["wait", new string('q', 600)], ["so", "so"]), "p.txt:2", "the context holds 512");
        Refused(Pairs(same, other), new PairExtraction { Layers = [4] }, "Layer 4");
        Refused(PromptPairs.FromJsonLines(_folder.Write("e.jsonl", """{"positive": "a", "negative": ""}""")), "e.jsonl:1", "empty");
        Fails.With(
            () => PrincipalComponents.Of(new Dictionary<int, IReadOnlyList<float[]>> { [1] = [new float[64]] }, s_model.Shape, Provenance.Empty), "equal at layer 1");
    }

    private static void Refused(PromptPairs pairs, params string[] parts) => Refused(pairs, new PairExtraction(), parts);

    private static void Refused(PromptPairs pairs, PairExtraction options, params string[] parts) =>
        Fails.With(() => VectorExtraction.FromPairs(s_model, pairs, options), parts);

    private static string[] Prompts(int count, string word)
    {
        var random = new Random(word.Length);
        return [.. Enumerable.Range(0, count).Select(_ => string.Concat(Words()) + word)];

        IEnumerable<string> Words() => Enumerable.Range(0, random.Next(1, 12)).Select(_ => s_words[random.Next(s_words.Length)] + " ");
    }

    private PromptPairs Pairs(string[] positives, string[] negatives) =>
        PromptPairs.FromTextFiles(_folder.Write("p.txt", string.Join('\n', positives)), _folder.Write("n.txt", string.Join('\n', negatives)));

    private static List<double[]> Rows(string[] prompts, int layer, PairPosition position) =>
    [
        .. from prompt in prompts
           let tokens = s_model.Vocabulary.Tokenize(prompt)
           let rows = ExtractionData.Alone(tokens)
           from row in position == PairPosition.Last ? [tokens.Length - 1] : Enumerable.Range(1, tokens.Length - 1)
           select ExtractionData.Doubles(rows.Row(row, layer)),
    ];

    private static double Dot(double[] x, double[] y) => TensorPrimitives.Dot<double>(x, y);
}
