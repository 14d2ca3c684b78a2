using NativeSteer.Analysis;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Studies;

/// <summary>What the study says of its vectors themselves: cosines, the logit lens, projections of traces.</summary>
/// <param name="options">The study's options, resolved.</param>
/// <param name="vectors">Its vectors.</param>
/// <param name="log">Where to.</param>
internal sealed class VectorLines(BacktrackingOptions options, BacktrackingVectors vectors, SequentialLog log)
{
    private const int ProjectedTraces = 3, LongestProjected = 600; // tokens: more is no figure

    private IEnumerable<string> Sources => ((string[])[StudyCondition.OnReasoning, StudyCondition.OnBase]).Where(vectors.Sources.Contains);

    /// <summary>Cosines of the base- and the reasoning-derived vector at every layer, at each offset and for the window.</summary>
    internal void Cosines()
    {
        if (vectors.Sources.Count < 2) return;
        var all = options.AllOffsets;
        var windows = Enumerable.Range(all.First, all.Count).Select(offset => OffsetRange.Window(offset, offset)).Prepend(options.Offsets).Distinct();
        foreach (var window in windows)
        {
            if (Difference(StudyCondition.OnReasoning, window) is not { } reasoning || Difference(StudyCondition.OnBase, window) is not { } @base) continue;
            foreach (var layer in reasoning.Layers)
            {
                BacktrackingWriter.Cosine(log, new StudyCosine(options.Label, layer, window, reasoning.Cosine(@base, layer), @base.Norm(layer), reasoning.Norm(layer)));
            }
        }
    }

    // Far before a sentence there may be no row at all.
    private SteeringVector? Difference(string source, OffsetRange window) =>
        vectors.HasRows(source, options.Label, window) ? vectors.Difference(source, options.Label, window) : null;

    /// <summary>The vectors through both models' unembeddings, at every layer.</summary>
    internal void Lens(Func<string, LanguageModel> vocabularyOf, CancellationToken cancellation)
    {
        var directions = Sources.Select(source => (Source: source, Vector: vectors.Of(new StudyVector(StudyVector.DifferenceOfMeans, source, options.Label, options.Offsets)))).ToList();
        foreach (var unembedding in Sources)
        {
            if (log.TryPass(directions.Sum(direction => direction.Vector.Layers.Count))) continue;
            using var model = vocabularyOf(unembedding);
            using var lens = new LogitLens(model, new LensOptions { Keywords = options.Words, Threads = options.Context.Threads });
            foreach (var (source, vector) in directions)
            {
                foreach (var layer in lens.Look(vector, cancellation)) BacktrackingWriter.Lens(log, source, unembedding, layer);
            }
        }
    }

    /// <summary>The first traces that have the label, projected on each model's own vector.</summary>
    internal void Projections(Func<string, LanguageModel> modelOf, Func<string, IReadOnlyList<LabelledTrace>> tracesOf, CancellationToken cancellation)
    {
        foreach (var source in Sources)
        {
            IReadOnlyList<LabelledTrace> traces =
                [.. tracesOf(source).Where(trace => trace.Spans.Any(span => span.Label == options.Label) && trace.Text.Length < 8 * LongestProjected).Take(ProjectedTraces)];
            if (traces.Count == 0 || log.TryPass(traces.Count)) continue;
            using var model = modelOf(source);
            foreach (var projection in Project(source, model, traces, cancellation)) BacktrackingWriter.Projection(log, projection);
        }
    }

    private IEnumerable<StudyProjection> Project(string source, LanguageModel model, IReadOnlyList<LabelledTrace> traces, CancellationToken cancellation)
    {
        var tokenizer = new TextTokens(model.Vocabulary, model.TrainedContextLength);
        var tokenized = traces.Select(tokenizer.Trace).ToList();
        var vector = vectors.Of(new StudyVector(StudyVector.DifferenceOfMeans, source, options.Label, options.Offsets));
        IReadOnlyList<double[]> values;
        using (var context = model.CreateContext(options.Context with { ContextLength = tokenized.Max(trace => trace.Tokens.Length) + 1, Sequences = 1 }))
        {
            values = TokenProjection.Project(
                context, [.. tokenized.Select(trace => new ProjectedText(trace.Tokens, trace.TextRow))], vector, options.Layer, ProjectionCentre.AllTexts, cancellation);
        }
        for (var i = 0; i < traces.Count; i++)
        {
            var trace = tokenized[i];
            yield return new StudyProjection(
                traces[i].Id, source, options.Layer,
                [.. trace.Tokens.Skip(trace.TextRow).Take(LongestProjected).Select(token => LogitLens.TextOf(model.Vocabulary, token))],
                [.. values[i].Take(LongestProjected)],
                [.. trace.Spans.Select(span => new StudySpan(span.Label, Clamped(span.Start - trace.TextRow), Clamped(span.End - trace.TextRow))).Where(span => span.To > span.From)]);
        }

        static int Clamped(int index) => Math.Clamp(index, 0, LongestProjected);
    }
}
