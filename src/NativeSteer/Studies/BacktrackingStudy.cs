using System.Text.Json.Nodes;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Files;
using NativeSteer.Judges;
using NativeSteer.Rollouts;
using NativeSteer.Vectors;

namespace NativeSteer.Studies;

/// <summary>How far a study is.</summary>
/// <param name="Share">0 to 1, of the whole study.</param>
/// <param name="Detail">What it is at.</param>
public readonly record struct StudyProgress(double Share, string Detail);

/// <summary>
/// The study of Ward, Lin, Venhoff and Nanda (arXiv 2507.12638) end to end: a reasoning model writes traces, a judge finds where it
/// backtracks, both models read the traces, and the directions before backtracking steer both models, next to baselines. Everything
/// goes to a folder: what was found to <c>run.jsonl</c>, from which alone the report is drawn.
/// <code>
/// new BacktrackingStudy(options, new StudyFolder("backtracking-study")).Run();
/// </code>
/// </summary>
/// <remarks>
/// One model is in memory at a time. Every stage goes on where an earlier run was stopped, and writes what that one would have
/// written: a log that was interrupted and gone on with is the log of a run that never was.
/// </remarks>
/// <param name="options">What to do.</param>
/// <param name="folder">Where to.</param>
public sealed class BacktrackingStudy(BacktrackingOptions options, StudyFolder folder)
{
    private const double TraceWork = 1, CaptureWork = 0.2, CellWork = 1.5; // of a token, beside each other

    private BacktrackingOptions _options = options;
    private readonly Dictionary<string, IReadOnlyList<LabelledTrace>> _read = new(StringComparer.Ordinal); // by the model that reads them
    private SequentialLog? _log;
    private double _workDone, _work;

    /// <summary>Go on with what is in the folder.</summary>
    public bool Resume { get; init; }

    /// <summary>The command line after the verb, for the log.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Told how far it is.</summary>
    public Action<StudyProgress>? Progress { get; init; }

    /// <summary>Told what a reader should know and is no error, a line each.</summary>
    public Action<string>? Note { get; init; }

    /// <summary>What the steered completions took.</summary>
    public SweepStatistics Statistics { get; } = new();

    /// <summary>Runs the study.</summary>
    /// <exception cref="NativeSteerException">
    /// A model or file cannot be read, the models do not fit each other, the judge finds nothing, or the folder is of another study.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled; what was finished is kept.</exception>
    public void Run(CancellationToken cancellation = default)
    {
        _options.Validate();
        folder.Create();
        StudyHead head;
        IReadOnlyList<LabelledTrace> traces;
        AnnotationReport report;
        StudyAgreement? agreement;
        LabelledSums reasoning;
        using (var model = Load(StudyCondition.OnReasoning))
        {
            Resolve(model);
            head = Head(model);
            _log = head.Open(folder.Log, Resume);
            (traces, report, agreement, reasoning) = ReadAndWrite(model, head, cancellation);
        }
        using var log = _log;
        var (@base, sameTokens) = SumBase(traces, cancellation);
        var vectors = new BacktrackingVectors(reasoning, @base);
        WriteVectors(vectors);
        IReadOnlyList<LabelledTrace> used = [.. traces.Where(trace => trace.Spans.Count > 0)];
        var facts = new TraceFacts(_options.Annotations is null ? _options.Judge.Name : "given", report.Traces - used.Count, sameTokens, FileHash.Of(Source), vectors.Hash(_options.Label, _options.Offsets));
        BacktrackingWriter.Traces(log, used, facts);
        if (agreement is not null) BacktrackingWriter.Agreement(log, agreement);
        var cells = BacktrackingGrid.Cells(_options, vectors.Labels);
        foreach (var cell in cells) BacktrackingWriter.Cell(log, cell, vectors.Scale(cell.Condition));
        foreach (var cell in cells) _ = vectors.Plan(cell, 0, _options.Positions); // what cannot be steered shows before hours of work
        var lines = new VectorLines(_options, vectors, log);
        lines.Cosines();
        lines.Lens(source => Load(source, vocabularyOnly: true), cancellation);
        lines.Projections(source => Load(source), source => _read[source], cancellation);
        foreach (var target in cells.Select(cell => cell.Condition.Target).Distinct()) Sweep(target, cells, vectors, log, cancellation);
    }

    private string Source => _options.Annotations ?? folder.Annotated;

    private string PathOf(string source) => BuiltInModel.Resolve(source == StudyCondition.OnBase ? _options.Base! : _options.Reasoning);

    private LanguageModel Load(string source, bool vocabularyOnly = false) =>
        LanguageModel.Load(PathOf(source), new ModelOptions { GpuLayers = _options.GpuLayers, VocabularyOnly = vocabularyOnly });

    /// <summary>Fills in what depends on the model.</summary>
    private void Resolve(LanguageModel model)
    {
        var layers = model.Shape.Layers;
        var layer = _options.LayerOf(layers);
        IReadOnlyList<int> swept = [.. (_options.Layers ?? [.. Enumerable.Range(0, layers)]).Distinct().Order()];
        foreach (var asked in swept.Append(layer))
        {
            if (asked < 0 || asked >= layers) throw new NativeSteerException($"Layer {asked} was asked for, the model has {layers} (0-{layers - 1}).");
        }
        var longest = _options.Prompts.Max(prompt => model.Vocabulary.TokenizePrompt(prompt.Text).Length) + _options.MaxTokens;
        var parallel = RolloutBlocks.Fit(model, longest, _options.Context).Sequences;
        _options = _options with
        {
            Layer = layer,
            Layers = swept,
            HeatOffsets = [.. _options.HeatOffsets.Append(_options.Offsets).Distinct().OrderBy(window => window.First).ThenBy(window => window.Last)],
            Context = _options.Context with { Sequences = _options.MeasuredPrompts > 0 ? Math.Max(2, parallel) : parallel },
        };
        var cells = BacktrackingGrid.Cells(_options, _options.BaselineLabels).Count;
        var traceTokens = _options.Annotations is null ? (double)_options.TracePrompts.Count * _options.TraceTokens : 0;
        _work = traceTokens * TraceWork + 2 * traceTokens * CaptureWork + (double)cells * _options.Prompts.Count * _options.MaxTokens * CellWork;
    }

    private StudyHead Head(LanguageModel model)
    {
        JsonObject? @base = null;
        if (_options.Base is not null)
        {
            using var file = GgufFile.Open(PathOf(StudyCondition.OnBase));
            var shape = ModelShape.Of(file);
            if (!shape.Fits(model.Shape))
            {
                throw new NativeSteerException(
                    $"The reasoning model is {model.Shape}, the base model {shape}: a vector of one cannot steer the other; give the model that {Path.GetFileName(model.Path)} was made from, or --base none.");
            }
            @base = StudyHead.Model(file);
        }
        var traces = _options.Annotations is { } path ? FileHash.Of(path) : StudyPrompt.Hash(_options.TracePrompts);
        var models = new Dictionary<string, JsonObject?>(StringComparer.Ordinal)
        {
            [StudyCondition.OnReasoning] = StudyHead.Model(model.File),
            [StudyCondition.OnBase] = @base,
        };
        return new StudyHead("study backtracking", Arguments, models, _options.ToJson(traces, model));
    }

    private (IReadOnlyList<LabelledTrace> Traces, AnnotationReport Report, StudyAgreement? Agreement, LabelledSums Sums) ReadAndWrite(
        LanguageModel model, StudyHead head, CancellationToken cancellation)
    {
        var stage = new TraceStage(_options, folder) { Note = Note };
        if (_options.Annotations is null)
        {
            var ofTraces = head with
            {
                Command = "generate",
                Models = new Dictionary<string, JsonObject?>(StringComparer.Ordinal) { [StudyCondition.OnReasoning] = head.Models[StudyCondition.OnReasoning] },
                Settings = stage.Settings(model),
            };
            stage.Write(model, ofTraces, Resume, Told("writing traces", TraceTokens * TraceWork), cancellation);
        }
        var (annotated, report, agreement) = stage.Annotate(Told("judging", 0), cancellation);
        var traces = Readable(StudyCondition.OnReasoning, model, annotated);
        return (traces, report, agreement, Sum(StudyCondition.OnReasoning, model, traces, cancellation));
    }

    private (LabelledSums? Sums, bool SameTokens) SumBase(IReadOnlyList<LabelledTrace> traces, CancellationToken cancellation)
    {
        if (_options.Base is null) return (null, true);
        var (mapped, same) = Mapped(traces);
        if (!same) Note?.Invoke("the two models' vocabularies spell the traces differently; the base model reads them by their text");
        using var model = Load(StudyCondition.OnBase);
        return (Sum(StudyCondition.OnBase, model, Readable(StudyCondition.OnBase, model, mapped), cancellation), same);
    }

    private IReadOnlyList<LabelledTrace> Readable(string source, LanguageModel model, IReadOnlyList<LabelledTrace> traces)
    {
        var readable = TokenMap.Readable(traces, model.Vocabulary, model.TrainedContextLength);
        _read[source] = readable;
        if (readable.Count < traces.Count) Note?.Invoke($"{traces.Count - readable.Count} of {traces.Count} traces were left out: too long for the {source} model, or its tokens do not spell them");
        return readable;
    }

    private (IReadOnlyList<LabelledTrace> Traces, bool SameTokens) Mapped(IReadOnlyList<LabelledTrace> traces)
    {
        using var writer = Load(StudyCondition.OnReasoning, vocabularyOnly: true);
        using var reader = Load(StudyCondition.OnBase, vocabularyOnly: true);
        return TokenMap.Map(traces, writer.Vocabulary, reader.Vocabulary);
    }

    private LabelledSums Sum(string source, LanguageModel model, IReadOnlyList<LabelledTrace> traces, CancellationToken cancellation) =>
        new CaptureStage(_options, folder).Run(
            source, model, BacktrackingVectors.WithShuffles(traces, _options.Label, _options.Seeds), Source, Resume,
            Told($"the {source} model reads the traces", TraceTokens * CaptureWork), cancellation);

    private void WriteVectors(BacktrackingVectors vectors)
    {
        foreach (var source in vectors.Sources)
        {
            _ = ControlVectorFile.Write(folder.Vector(_options.Label, source), vectors.Difference(source, _options.Label, _options.Offsets));
        }
    }

    private void Sweep(string target, IReadOnlyList<StudyCell> cells, BacktrackingVectors vectors, SequentialLog log, CancellationToken cancellation)
    {
        using var model = Load(target);
        IReadOnlyList<StudyCell> ofTarget = [.. cells.Where(cell => cell.Condition.Target == target)];
        var longest = _options.Prompts.Max(prompt => model.Vocabulary.TokenizePrompt(prompt.Text).Length) + _options.MaxTokens;
        var told = Told($"steering the {target} model", (double)ofTarget.Count * _options.Prompts.Count * _options.MaxTokens * CellWork);
        var sweep = new CellSweep(model, _options.Prompts, new CellSweepOptions
        {
            Words = _options.Words,
            MaxTokens = _options.MaxTokens,
            Sampling = _options.Sampling,
            Context = RolloutBlocks.Fit(model, longest, _options.Context),
            MeasuredPrompts = _options.MeasuredPrompts,
            Shard = _options.Shard,
        })
        {
            Statistics = Statistics,
            Progress = (done, total) => told((double)done / Math.Max(1, total), $"{done} of {total} completions"),
        };
        sweep.Run(ofTarget, (cell, prompt) => vectors.Plan(cell, prompt, _options.Positions), log, cancellation);
    }

    private double TraceTokens => _options.Annotations is null ? (double)_options.TracePrompts.Count * _options.TraceTokens : 0;

    // Stages follow each other; each has a part of the whole work.
    private Action<double, string> Told(string stage, double work)
    {
        var before = _workDone;
        _workDone += work;
        return (share, detail) => Progress?.Invoke(new StudyProgress(Math.Min(1, (before + share * work) / Math.Max(1, _work)), $"{stage}: {detail}"));
    }
}
