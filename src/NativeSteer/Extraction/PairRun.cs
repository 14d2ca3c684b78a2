using System.Diagnostics;
using System.Numerics.Tensors;
using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Extraction;

/// <summary>One extraction from prompt pairs: reads and checks all pairs, runs them, and makes the vector.</summary>
internal sealed class PairRun(
    LanguageModel model, PromptPairs pairs, PairExtraction options, IProgress<CaptureProgress>? progress, CancellationToken cancellation)
{
    private const int Positive = 0, Negative = 1;
    private const int Block = 32; // pairs whose rows are summed apart at a time, for principal components

    private readonly HookSlot[] _slots = options.Slots(model);
    private readonly TextTokens _tokenizer = new(model.Vocabulary, options.LongestText(model));

    private sealed record Result(SteeringVector Vector, (long, long) Rows, IReadOnlyDictionary<int, double> Shares);

    internal ExtractedVector Extract()
    {
        var watch = Stopwatch.StartNew();
        var (expected, longest) = Survey();
        var provenance = ExtractionProvenance.Of(model, pairs.Files)
            .With(Provenance.Label, options.Label)
            .With("position", options.Position == PairPosition.Last ? "last" : "mean");
        using var context = options.CreateContext(model, longest);
        var runner = new CaptureRunner(context) { Expected = expected };
        var byMeans = options.Method == PairMethod.MeanDifference;
        var (vector, rows, shares) = byMeans ? Means(runner, provenance) : Component(runner, provenance);
        return new ExtractedVector(vector, new ExtractionSummary
        {
            Texts = runner.Done.Texts,
            Tokens = runner.Done.Rows,
            ReusedTokens = runner.ReusedRows,
            Rows = rows,
            ExplainedShares = shares,
            Elapsed = watch.Elapsed,
        });
    }

    private (CaptureProgress Expected, int Longest) Survey()
    {
        int texts = 0, longest = 0;
        var rows = 0L;
        var differ = false;
        foreach (var pair in pairs.Read())
        {
            cancellation.ThrowIfCancellationRequested();
            differ |= !string.Equals(pair.Positive, pair.Negative, StringComparison.Ordinal);
            foreach (var text in Label(pair, Positive, Negative))
            {
                texts++;
                rows += text.NeededRows;
                longest = Math.Max(longest, text.NeededRows);
            }
        }
        if (!differ)
            throw new NativeSteerException(
                $"{string.Join(" and ", pairs.Files.Select(FileErrors.Shown))}: the two prompts of every pair are the same text, so " +
                    "there is no direction between them; check the files.");
        return (new CaptureProgress(0, texts, 0, rows), longest);
    }

    private Result Means(CaptureRunner runner, Provenance provenance)
    {
        var sums = new ActivationSums(_slots, 2, model.Shape.Width);
        runner.Sum(pairs.Read().SelectMany(pair => Label(pair, Positive, Negative)), sums, progress, cancellation);
        provenance = provenance.With(Provenance.Method, "mean_difference");
        var vector = DifferenceOfMeans.Between(sums, [Positive], [Negative], model.Shape, provenance);
        return new Result(vector, (sums.Count(_slots[0], Positive), sums.Count(_slots[0], Negative)), new Dictionary<int, double>());
    }

    // Sums every prompt apart, a block of pairs at a time: 2 n and 2 n + 1 are the groups of the block's n-th pair.
    private Result Component(CaptureRunner runner, Provenance provenance)
    {
        var differences = _slots.ToDictionary(slot => slot.Layer, _ => new List<float[]>());
        var norms = _slots.ToDictionary(slot => slot.Layer, _ => 0.0);
        var count = 0;
        foreach (var block in pairs.Read().Chunk(Block))
        {
            var sums = new ActivationSums(_slots, 2 * block.Length, model.Shape.Width);
            runner.Sum(block.SelectMany((pair, n) => Label(pair, 2 * n, 2 * n + 1)), sums, progress, cancellation);
            count += block.Length;
            foreach (var slot in _slots)
            {
                for (var n = 0; n < block.Length; n++)
                {
                    var difference = sums.Mean(slot, 2 * n)!;
                    TensorPrimitives.Subtract(difference, sums.Mean(slot, 2 * n + 1)!, difference);
                    var floats = new float[difference.Length];
                    TensorPrimitives.ConvertChecked<double, float>(difference, floats);
                    differences[slot.Layer].Add(floats);
                    norms[slot.Layer] += sums.MeanNorm(slot, 2 * n + 1);
                }
            }
        }
        var residualNorms = new float[model.Shape.Layers];
        Array.Fill(residualNorms, float.NaN);
        foreach (var (layer, sum) in norms) residualNorms[layer] = (float)(sum / count);
        var (vector, shares) = PrincipalComponents.Of(
            differences.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<float[]>)pair.Value), model.Shape, provenance, residualNorms);
        return new Result(vector, (count, count), shares);
    }

    private IEnumerable<LabelledTokens> Label(PromptPair pair, int positiveGroup, int negativeGroup)
    {
        yield return Label(pair.Positive, pair.PositivePlace, positiveGroup);
        yield return Label(pair.Negative, pair.NegativePlace, negativeGroup);
    }

    private LabelledTokens Label(string text, string place, int group)
    {
        var (tokens, firstRow) = _tokenizer.Prompt(text, place);
        return options.Position == PairPosition.Last
            ? LabelledTokens.LastRow(tokens, group)
            : LabelledTokens.AllRows(tokens, group, firstRow);
    }
}
