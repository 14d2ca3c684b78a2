using System.Diagnostics;
using NativeSteer.Engine;
using NativeSteer.Hooks;

namespace NativeSteer.Extraction;

/// <summary>
/// From labelled text to a steering vector in one call. All data is read and checked once before anything is run; then one
/// pass over it fills the sums of all layers, labels and offsets.
/// <code>
/// var backtracking = VectorExtraction.FromTraces(model, "traces.jsonl", new TraceExtraction("backtracking"));
/// ControlVectorFile.Write("backtracking.gguf", backtracking.Vector);
/// </code>
/// </summary>
public static class VectorExtraction
{
    /// <summary>The difference of means for one label of labelled traces.</summary>
    /// <param name="model">The model to run; not necessarily the one that wrote the traces.</param>
    /// <param name="path">JSONL, see <see cref="LabelledTraces"/>.</param>
    /// <param name="options">Label, offsets, baseline, layers.</param>
    /// <param name="progress">Told after every batch, on the calling thread.</param>
    /// <param name="cancellation">Stops within the running batch; nothing is kept then.</param>
    /// <exception cref="NativeSteerException">
    /// The data is malformed (with file and line), a text is too long, or there is no direction.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static ExtractedVector FromTraces(
        LanguageModel model, string path, TraceExtraction options,
        IProgress<CaptureProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var (sums, summary) = SumTraces(model, path, options, progress, cancellation);
        var watch = Stopwatch.StartNew();
        var vector = DifferenceOfMeans.Of(sums, options.Label, options.Against);
        var (positive, negative) = DifferenceOfMeans.Sides(sums.Groups, options.Label, options.Against);
        return new ExtractedVector(vector, summary with
        {
            Rows = (DifferenceOfMeans.Rows(sums.Sums, positive), DifferenceOfMeans.Rows(sums.Sums, negative)),
            Elapsed = summary.Elapsed + watch.Elapsed,
        });
    }

    /// <summary>
    /// One pass over labelled traces, from which <see cref="DifferenceOfMeans"/> makes vectors for any label, baseline and
    /// offset of the window.
    /// </summary>
    /// <inheritdoc cref="FromTraces"/>
    public static (LabelledSums Sums, ExtractionSummary Summary) SumTraces(
        LanguageModel model, string path, TraceExtraction options,
        IProgress<CaptureProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        return SumTraces(model, LabelledTraces.Read(path), path, options, progress, cancellation);
    }

    /// <summary>The same over traces that were read already, or changed since.</summary>
    /// <param name="model">The model to run; not necessarily the one that wrote the traces.</param>
    /// <param name="traces">The traces; enumerated twice.</param>
    /// <param name="path">The file that they come from, for the provenance.</param>
    /// <param name="options">Label, offsets, baseline, layers.</param>
    /// <param name="progress">Told after every batch, on the calling thread.</param>
    /// <param name="cancellation">Stops within the running batch; nothing is kept then.</param>
    /// <inheritdoc cref="FromTraces" path="/exception"/>
    public static (LabelledSums Sums, ExtractionSummary Summary) SumTraces(
        LanguageModel model, IEnumerable<LabelledTrace> traces, string path, TraceExtraction options,
        IProgress<CaptureProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(traces);
        ArgumentNullException.ThrowIfNull(options);
        var watch = Stopwatch.StartNew();
        var slots = options.Slots(model);
        var tokenizer = new TextTokens(model.Vocabulary, options.LongestText(model));
        var allTokens = options.Against.Kind == AgainstKind.Tokens;
        var survey = TraceSurvey.Of(traces, tokenizer, options.Offsets, allTokens, cancellation);
        var groups = new CaptureGroups(survey.Spans.Keys, options.Offsets, allTokens);
        _ = DifferenceOfMeans.Sides(groups, options.Label, options.Against); // a wrong label shows before the run
        var source = ExtractionProvenance.Of(model, [path]);

        var sums = new ActivationSums(slots, groups.Count, model.Shape.Width);
        using var context = options.CreateContext(model, survey.Longest);
        var runner = new CaptureRunner(context) { Expected = survey.Expected };
        runner.Sum(traces.Select(trace => groups.Label(tokenizer.Trace(trace)).Text), sums, progress, cancellation);
        var summary = new ExtractionSummary
        {
            Texts = runner.Done.Texts,
            Tokens = runner.Done.Rows,
            ReusedTokens = runner.ReusedRows,
            SkippedRows = survey.Skipped,
            Spans = survey.Spans,
            Elapsed = watch.Elapsed,
        };
        return (new LabelledSums(sums, groups, model.Shape, source), summary);
    }

    /// <summary>A vector of prompt pairs.</summary>
    /// <param name="model">The model to run.</param>
    /// <param name="pairs">The pairs.</param>
    /// <param name="options">Method, position, layers.</param>
    /// <param name="progress">Told after every batch, on the calling thread.</param>
    /// <param name="cancellation">Stops within the running batch; nothing is kept then.</param>
    /// <inheritdoc cref="FromTraces" path="/exception"/>
    public static ExtractedVector FromPairs(
        LanguageModel model, PromptPairs pairs, PairExtraction options,
        IProgress<CaptureProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(pairs);
        ArgumentNullException.ThrowIfNull(options);
        return new PairRun(model, pairs, options, progress, cancellation).Extract();
    }
}
