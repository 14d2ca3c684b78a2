using System.CommandLine;
using NativeSteer.Cli.Commands.Vector;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Judges;
using NativeSteer.Studies;
using NativeSteer.Vectors;

namespace NativeSteer.Cli.Commands.Study;

/// <summary>Where the vectors of a sweep come from: files, or labelled traces at several windows of offsets.</summary>
internal sealed class SweepVectors
{
    private readonly ListSetting _files = new("FILE[,FILE]", "Vectors to sweep; may be given several times", false, "--vector");
    private readonly TextSetting _traces = new("FILE", "Labelled traces to make vectors of, e.g. of 'annotate'", "--traces");
    private readonly TextSetting _label = new("NAME", $"With --traces: the label (default: {Behaviours.Backtracking})", "--label");
    private readonly TextSetting _offsets = new("A:B,...", $"With --traces: windows of offsets, a vector each (default: {OffsetRange.Paper})", "--offsets");

    internal Setting[] All => [_files, _traces, _label, _offsets];

    /// <summary>The file names; the option takes them apart at commas.</summary>
    internal IReadOnlyList<SweptVector> Get(ParseResult parse, LanguageModel model, ContextOptions context, Terminal terminal, CancellationToken stop)
    {
        if (!_traces.IsGiven(parse) && (_label.IsGiven(parse) || _offsets.IsGiven(parse)))
            throw new UsageException("--label and --offsets say what to make of labelled traces; give these with --traces.");
        var paths = _files.Values(parse).SelectMany(value => value.Split(',')).ToList();
        if (paths.Count == 0 && !_traces.IsGiven(parse)) throw new UsageException("there is nothing to sweep; give vectors with --vector, or --traces.");
        var vectors = new List<SweptVector>();
        foreach (var path in paths)
        {
            var name = System.IO.Path.GetFileNameWithoutExtension(path);
            if (vectors.Exists(other => other.Description.Label == name)) name = path;
            vectors.Add(SweptVector.OfFile(name, VectorFiles.Read(path)));
        }
        if (_traces.Get(parse) is { } traces) vectors.AddRange(OfTraces(parse, model, traces, context, terminal, stop));
        return vectors;
    }

    private IEnumerable<SweptVector> OfTraces(ParseResult parse, LanguageModel model, string traces, ContextOptions context, Terminal terminal, CancellationToken stop)
    {
        var label = _label.Get(parse) ?? Behaviours.Backtracking;
        var windows = (_offsets.Get(parse) ?? OffsetRange.Paper.ToString()).Split(',').Select(OffsetRange.Parse).Distinct().ToList();
        if (windows.Count > 1 && windows.Exists(window => window.IsSpan)) throw new UsageException("--offsets has 'span' beside windows; sweep it alone.");
        var all = windows.Count == 1 ? windows[0] : OffsetRange.Window(windows.Min(window => window.First), windows.Max(window => window.Last));
        var options = new TraceExtraction(label) { Offsets = all, Context = context with { ContextLength = 0, Sequences = 1 } };
        var given = LabelledTraces.Read(traces).ToList();
        var readable = TokenMap.Readable(given, model.Vocabulary, model.TrainedContextLength);
        if (readable.Count < given.Count) terminal.Note($"{given.Count - readable.Count} of {given.Count} traces were left out: too long for the model, or its tokens do not spell them");
        var (sums, _) = Progress.Run(
            terminal, "Reading traces", report => VectorExtraction.SumTraces(model, readable, traces, options, new CaptureReport(report), stop));
        return windows.Select(window => new SweptVector(
            new StudyVector(StudyVector.DifferenceOfMeans, VectorSweep.Target, label, window), DifferenceOfMeans.Of(sums, label, window)));
    }
}
