using NativeSteer.Analysis;
using NativeSteer.Countdown;
using NativeSteer.Engine;

namespace NativeSteer.Search;

/// <summary>What a model makes of a step.</summary>
/// <param name="Case">The step.</param>
/// <param name="Probability">Of <c>&lt;backtrack&gt;</c> as the next token.</param>
/// <param name="IsEmitted">Whether that is the likeliest token.</param>
public sealed record StepEmission(StepCase Case, double Probability, bool IsEmitted);

/// <summary>How often a model takes right and wrong steps back: whether it is its own verifier.</summary>
public sealed record BacktrackEmission(IReadOnlyList<StepEmission> Steps)
{
    private const int Sequences = 32;

    /// <summary>Asks a model about steps.</summary>
    /// <param name="model">The model.</param>
    /// <param name="cases">The steps.</param>
    /// <param name="threads">CPU threads; 0 for one per core.</param>
    /// <param name="progress">Takes how many are done.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="NativeSteerException">The model has no token to go back with.</exception>
    public static BacktrackEmission Measure(
        LanguageModel model, IReadOnlyList<StepCase> cases, int threads = 0, Action<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(cases);
        var mark = PuzzleSearch.RequireBacktrack(model);
        int[][] texts = [.. cases.Select(step => model.Vocabulary.TokenizePrompt(step.Puzzle.Prompt + step.Text))];
        var longest = texts.Length == 0 ? 1 : texts.Max(text => text.Length);
        using var context = model.CreateContext(new ContextOptions
        {
            Sequences = Sequences,
            ContextLength = Sequences * (longest + 1),
            BatchLength = Sequences * longest,
            Threads = threads,
            Hook = false,
        });
        using var decoding = new DecodeCancellation(context, cancellation);
        var batch = new TokenBatch();
        var emissions = new List<StepEmission>(cases.Count);
        for (var first = 0; first < cases.Count; first += Sequences)
        {
            batch.Clear();
            context.Clear();
            var rows = new List<int>();
            for (var i = first; i < Math.Min(cases.Count, first + Sequences); i++)
            {
                for (var at = 0; at < texts[i].Length; at++) batch.Add(texts[i][at], at, i - first, output: at == texts[i].Length - 1);
                rows.Add(batch.Count - 1);
            }
            decoding.Decode(batch);
            for (var i = 0; i < rows.Count; i++)
            {
                var logits = context.Logits(rows[i]);
                var probability = Math.Exp(logits[mark] - LogProbabilities.LogSum(logits));
                emissions.Add(new StepEmission(cases[first + i], probability, System.Numerics.Tensors.TensorPrimitives.IndexOfMax(logits) == mark));
            }
            progress?.Invoke(emissions.Count);
        }
        return new BacktrackEmission(emissions);
    }

    /// <summary>How often steps of a kind are taken back.</summary>
    public Share Rate(StepKind kind) => Rate(step => step.Case.Kind == kind);

    /// <summary>How often steps are taken back that the text itself shows to be wrong.</summary>
    public Share ClearlyWrong => Rate(step => step.Case.IsClearlyWrong);

    /// <summary>The ROC curve of the probability, clearly wrong steps against right ones.</summary>
    public IReadOnlyList<RocPoint> Curve => RocCurve.Of(Scores);

    /// <summary>The area under <see cref="Curve"/>.</summary>
    public double Area => RocCurve.Area(Scores);

    private IEnumerable<(double, bool)> Scores =>
        Steps.Where(step => step.Case.IsClearlyWrong || step.Case.Kind == StepKind.Right).Select(step => (step.Probability, step.Case.IsClearlyWrong));

    private Share Rate(Func<StepEmission, bool> which)
    {
        var steps = Steps.Where(which).ToList();
        return Share.Of(steps.Count(step => step.IsEmitted), steps.Count);
    }
}
