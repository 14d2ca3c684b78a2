using System.Text.Json.Nodes;
using NativeSteer.Analysis;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Files;
using NativeSteer.Hooks;
using NativeSteer.Rollouts;
using NativeSteer.Vectors;

namespace NativeSteer.Studies;

/// <summary>
/// What quantisation does to steering vectors: copies of a model in several types read the same labelled traces, the direction of
/// each is compared with that of full precision layer by layer, and each vector steers each copy. Size, speed and perplexity of the
/// copies stand beside it. The log, <c>run.jsonl</c>, is gone on with after an interruption.
/// <code>
/// new QuantizationStudy(options, new StudyFolder("quantization-study")).Run();
/// </code>
/// </summary>
/// <remarks>One model is in memory at a time. Traces are written by the reasoning model as it was given.</remarks>
/// <param name="options">What to do.</param>
/// <param name="folder">Where to.</param>
public sealed class QuantizationStudy(QuantizationStudyOptions options, StudyFolder folder)
{
    private const double TraceWork = 6, CopyWork = 1, CellsWork = 4; // of the whole, beside each other
    private const int ScoredTraces = 100, SpeedPrompt = 128, SpeedGenerated = 32;

    private readonly Dictionary<string, IReadOnlyList<LabelledTrace>> _traces = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Source, string Type), SteeringVector> _vectors = [];
    private BacktrackingOptions _study = options.Traces;
    private double _done;

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
    /// A model or file cannot be read or quantised, the judge finds nothing, or the folder is of another study.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled; what was finished is kept.</exception>
    public void Run(CancellationToken cancellation = default)
    {
        options.Validate();
        folder.Create();
        var copies = new QuantizedCopies(options, folder, Resume);
        using var log = ReadAndOpen(copies, cancellation);
        var residualNorm = Examine(copies, log, cancellation);
        foreach (var source in Sources)
        {
            foreach (var type in options.Types) WriteFidelity(log, source, type);
        }
        var cells = Cells(residualNorm);
        foreach (var cell in cells) BacktrackingWriter.Cell(log, cell, cell.Scale!.Value);
        foreach (var type in options.Types) Sweep(copies, type, cells, log, cancellation);
        if (!options.KeepModels) copies.Delete();
    }

    private IReadOnlyList<string> Sources => options.Traces.Base is null ? [StudyCondition.OnReasoning] : [StudyCondition.OnReasoning, StudyCondition.OnBase];

    private double Work => TraceWork + (CopyWork * Sources.Count + CellsWork) * options.Types.Count;

    /// <summary>Writes and labels the traces with the model as it was given, and opens the log.</summary>
    private SequentialLog ReadAndOpen(QuantizedCopies copies, CancellationToken cancellation)
    {
        using var model = LanguageModel.Load(copies.Original(StudyCondition.OnReasoning), new ModelOptions { GpuLayers = _study.GpuLayers });
        Resolve(model);
        var head = Head(model, copies);
        var stage = new TraceStage(_study, folder) { Note = Note };
        var log = head.Open(folder.Log, Resume); // a folder of another study shows before anything is replaced in it
        try
        {
            if (_study.Annotations is null)
            {
                var ofTraces = head with { Command = "generate", Settings = stage.Settings(model) };
                stage.Write(model, ofTraces, Resume, (share, detail) => Tell(share * TraceWork, $"writing traces: {detail}"), cancellation);
            }
            var (traces, _, _) = stage.Annotate((_, detail) => Tell(TraceWork, $"judging: {detail}"), cancellation);
            foreach (var source in Sources) _traces[source] = Readable(source, model, traces, copies);
            _done = TraceWork;
            return log;
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    private void Resolve(LanguageModel model)
    {
        var layer = _study.LayerOf(model.Shape.Layers);
        if (layer >= model.Shape.Layers) throw new NativeSteerException($"Layer {layer} was asked for, the model has {model.Shape.Layers} (0-{model.Shape.Layers - 1}).");
        var parallel = RolloutBlocks.Fit(model, Longest(model), _study.Context).Sequences;
        _study = _study with { Layer = layer, HeatOffsets = [], Context = _study.Context with { Sequences = Math.Max(2, parallel) } };
    }

    private int Longest(LanguageModel model) => _study.Prompts.Max(prompt => model.Vocabulary.TokenizePrompt(prompt.Text).Length) + _study.MaxTokens;

    private StudyHead Head(LanguageModel model, QuantizedCopies copies)
    {
        var models = new Dictionary<string, JsonObject?>(StringComparer.Ordinal) { [StudyCondition.OnReasoning] = StudyHead.Model(model.File), [StudyCondition.OnBase] = null };
        if (_study.Base is not null)
        {
            using var file = GgufFile.Open(copies.Original(StudyCondition.OnBase));
            if (!ModelShape.Of(file).Fits(model.Shape))
                throw new NativeSteerException($"The reasoning model is {model.Shape}, the base model {ModelShape.Of(file)}: a vector of one cannot steer the other; give --base none.");
            models[StudyCondition.OnBase] = StudyHead.Model(file);
        }
        var traces = _study.Annotations is { } path ? FileHash.Of(path) : StudyPrompt.Hash(_study.TracePrompts);
        return new StudyHead(QuantizationLines.Command, Arguments, models, (options with { Traces = _study }).ToJson(traces, model));
    }

    private IReadOnlyList<LabelledTrace> Readable(string source, LanguageModel writer, IReadOnlyList<LabelledTrace> traces, QuantizedCopies copies)
    {
        if (source == StudyCondition.OnReasoning) return TokenMap.Readable(traces, writer.Vocabulary, writer.TrainedContextLength);
        using var reader = LanguageModel.Load(copies.Original(source), new ModelOptions { VocabularyOnly = true });
        var (mapped, same) = TokenMap.Map(traces, writer.Vocabulary, reader.Vocabulary);
        if (!same) Note?.Invoke("the two models' vocabularies spell the traces differently; the base model reads them by their text");
        return TokenMap.Readable(mapped, reader.Vocabulary, writer.TrainedContextLength);
    }

    /// <summary>Every copy once: its size, perplexity, speed and vector. Returns the residual norm that strengths are shares of.</summary>
    private double Examine(QuantizedCopies copies, SequentialLog log, CancellationToken cancellation)
    {
        double? norm = null;
        foreach (var source in Sources)
        {
            foreach (var type in options.Types)
            {
                Tell(0, $"{source} model as {type}");
                var measured = log.TryPass(2 + options.Batches.Count);
                if (!measured) copies.Make(source, type, cancellation);
                using var model = copies.Load(source, type, cancellation);
                if (!measured) Measure(copies, log, source, type, model, cancellation);
                var sums = new CaptureStage(_study, folder).Run(
                    $"{source}-{type}", model, _traces[source], _study.Annotations ?? folder.Annotated, Resume,
                    (share, detail) => Tell((0.5 + 0.5 * share) * CopyWork, $"{source} model as {type} reads the traces: {detail}"), cancellation);
                var vector = DifferenceOfMeans.Of(sums, _study.Label, _study.Offsets);
                _vectors[(source, type.Name)] = vector;
                norm ??= OverallMean.Norms(sums, sums.Groups.Of(sums.Groups.Labels))[_study.Layer];
                _ = ControlVectorFile.Write(folder.Vector(_study.Label, $"{source}-{type}"), vector);
                _done += CopyWork;
            }
        }
        return norm!.Value;
    }

    private void Measure(QuantizedCopies copies, SequentialLog log, string source, QuantizationType type, LanguageModel model, CancellationToken cancellation)
    {
        // Measured before anything is written: a log that has the first of these lines has them all.
        var likelihood = Likelihood(source, type, model, cancellation);
        var benchmark = new ThroughputBenchmark(model, new BenchmarkOptions
        {
            PromptLengths = [Math.Min(SpeedPrompt, model.TrainedContextLength / 2)],
            GeneratedLengths = [SpeedGenerated],
            Batches = options.Batches,
            Modes = [BenchmarkMode.Plain],
            Repetitions = options.Rounds,
            Threads = _study.Context.Threads,
        });
        var speeds = benchmark.Run(cancellation).ToList();
        QuantizationLines.Write(log, copies.Describe(source, type, cancellation));
        QuantizationLines.Write(log, likelihood);
        foreach (var row in speeds)
        {
            QuantizationLines.Write(log, new QuantizedSpeed(
                source, type.Name, row.Batch,
                [.. row.PromptSeconds.Select(seconds => row.Batch * row.PromptLength / seconds)], [.. row.GeneratedSeconds.Select(seconds => row.Batch * row.GeneratedLength / seconds)]));
        }
    }

    private QuantizedLikelihood Likelihood(string source, QuantizationType type, LanguageModel model, CancellationToken cancellation)
    {
        var texts = _traces[source].Take(ScoredTraces).Select(trace => Scored(trace, model.Vocabulary)).Where(text => text.Tokens.Count > 0).ToList();
        var longest = texts.Max(text => text.Prompt.Count + text.Tokens.Count);
        using var context = model.CreateContext(RolloutBlocks.Fit(model, longest, _study.Context with { ContextLength = 0 }));
        using var scorer = new DivergenceScorer(context);
        var scores = scorer.Score(texts, cancellation: cancellation);
        return new QuantizedLikelihood(source, type.Name, texts.Count, scores.Sum(score => (long)score.Tokens), scores.Sum(score => score.LogProbability));
    }

    // What comes after the prompt is scored; a trace without one begins with its own first token.
    private static ScoredText Scored(LabelledTrace trace, Vocabulary vocabulary)
    {
        var prompt = vocabulary.TokenizePrompt(trace.Prompt);
        var tokens = trace.Tokens ?? vocabulary.Tokenize(trace.Text, addSpecial: false);
        return prompt.Length > 0 || tokens.Count == 0 ? new ScoredText(prompt, tokens) : new ScoredText([tokens[0]], [.. tokens.Skip(1)]);
    }

    private void WriteFidelity(SequentialLog log, string source, QuantizationType type)
    {
        var full = _vectors[(source, options.Types[0].Name)];
        foreach (var layer in VectorComparison.Compare(full, _vectors[(source, type.Name)]))
            QuantizationLines.Write(log, new VectorFidelity(source, type.Name, layer.Layer, layer.Cosine, layer.NormRatio));
    }

    /// <summary>Every copy of the reasoning model without steering, and with the vector of every copy, all of the same length.</summary>
    private List<StudyCell> Cells(double residualNorm)
    {
        var cells = new List<StudyCell>();
        foreach (var model in options.Types)
        {
            Add(model, new StudyVector(StudyVector.None, null, null, null), null, 0);
            foreach (var source in Sources)
            {
                foreach (var type in options.Types)
                    Add(model, new StudyVector(StudyVector.DifferenceOfMeans, QuantizationResults.SourceOf(source, type.Name), _study.Label, _study.Offsets), _study.Layer, options.Magnitude);
            }
        }
        return cells;

        void Add(QuantizationType model, StudyVector vector, int? layer, float magnitude)
        {
            var relative = _study.Unit == ScaleUnit.ResidualNorm;
            var condition = new StudyCondition(model.Name, vector, layer, BacktrackingGrid.Decimal(magnitude), relative ? "rel" : "abs");
            cells.Add(new StudyCell
            {
                Key = BacktrackingGrid.Key(condition, options.Seed),
                Figures = [],
                Condition = condition,
                Seed = options.Seed,
                Scale = relative ? magnitude * residualNorm : magnitude,
            });
        }
    }

    private void Sweep(QuantizedCopies copies, QuantizationType type, List<StudyCell> all, SequentialLog log, CancellationToken cancellation)
    {
        List<StudyCell> cells = [.. all.Where(cell => cell.Condition.Target == type.Name)];
        if (!log.TryPass(cells.Count * _study.Prompts.Count))
        {
            using var model = copies.Load(StudyCondition.OnReasoning, type, cancellation);
            var sweep = new CellSweep(model, _study.Prompts, new CellSweepOptions
            {
                Words = _study.Words,
                MaxTokens = _study.MaxTokens,
                Sampling = _study.Sampling,
                Context = RolloutBlocks.Fit(model, Longest(model), _study.Context),
                MeasuredPrompts = 0,
            })
            {
                Statistics = Statistics,
                Progress = (done, total) => Tell(CellsWork * done / Math.Max(1, total), $"steering {type}: {done} of {total} completions"),
            };
            var plans = cells.ToDictionary(cell => cell.Key, Plan, StringComparer.Ordinal);
            sweep.Run(cells, (cell, _) => plans[cell.Key], log, cancellation);
        }
        _done += CellsWork;
    }

    private SteeringPlan Plan(StudyCell cell)
    {
        if (cell.Condition.IsUnsteered) return SteeringPlan.None;
        var vector = _vectors[QuantizationResults.SourceOf(cell.Condition.Vector.Source!)].Normalized();
        return new SteeringPlan(new Intervention(vector, (float)cell.Scale!.Value) { Layers = [cell.Condition.Layer!.Value], Positions = _study.Positions });
    }

    private void Tell(double work, string detail) => Progress?.Invoke(new StudyProgress(Math.Min(1, (_done + work) / Work), detail));
}
