using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Studies;

/// <summary>The sums over the traces with one model: all layers, offsets and labels in one pass. They are kept, so that a run that goes on needs none.</summary>
internal sealed class CaptureStage(BacktrackingOptions options, StudyFolder folder)
{
    /// <summary>Takes the sums, or reads those of the same traces and model.</summary>
    /// <param name="source">The model's name in the study.</param>
    /// <param name="model">The model.</param>
    /// <param name="traces">The traces as this model reads them, with the shuffles.</param>
    /// <param name="file">The file that the traces come from.</param>
    /// <param name="resume">Whether sums of an earlier run may be read.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellation">Stops it; nothing is kept then.</param>
    internal LabelledSums Run(
        string source, LanguageModel model, IReadOnlyList<LabelledTrace> traces, string file, bool resume,
        Action<double, string> progress, CancellationToken cancellation)
    {
        var path = folder.Sums(source);
        if (resume && File.Exists(path) && LabelledSumsFile.Read(path) is var known && IsOf(known, model, traces, file)) return known;
        var extraction = new TraceExtraction(options.Label)
        {
            Offsets = options.AllOffsets,
            // The cache that a study's cells need has nothing to do with how long a trace may be.
            Context = options.Context with { ContextLength = 0, Sequences = 1 },
        };
        var told = new Relay(done => progress(done.TotalRows > 0 ? Math.Min(1, (double)done.Rows / done.TotalRows) : 0, $"{done.Rows} tokens of {done.TotalRows}"));
        var (sums, _) = VectorExtraction.SumTraces(model, traces, file, extraction, told, cancellation);
        LabelledSumsFile.Write(path, sums);
        return sums;
    }

    private bool IsOf(LabelledSums sums, LanguageModel model, IReadOnlyList<LabelledTrace> traces, string file) =>
        sums.Model == model.Shape
        && sums.Groups.Offsets == options.AllOffsets
        && sums.Groups.Labels.SequenceEqual(traces.SelectMany(trace => trace.Spans).Select(span => span.Label).Distinct().Order(StringComparer.Ordinal), StringComparer.Ordinal)
        && sums.Source.GetValueOrDefault(Provenance.ModelHash) == ModelFingerprint.Of(model.File)
        && sums.Source.GetValueOrDefault(Provenance.DataHash) == FileHash.Of(file);

    private sealed class Relay(Action<CaptureProgress> target) : IProgress<CaptureProgress>
    {
        public void Report(CaptureProgress value) => target(value);
    }
}
