using System.Globalization;
using System.Text.Json.Nodes;
using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>
/// Fine-tuning from files to files: everything is checked when it is prepared, before hours are spent; then it is run, and what
/// was trained is written.
/// </summary>
public sealed class FineTuning : IDisposable
{
    private readonly FineTuningOptions _options;
    private readonly ITrainable _trainer;
    private readonly TrainingRun _run;
    private readonly TrainableParts _parts;
    private readonly ModelShape _shape;
    private readonly JsonObject _head;
    private readonly bool _resumed;

    private FineTuning(
        FineTuningOptions options, ITrainable trainer, TrainingRun run, TrainableParts parts, ModelShape shape, TrainingData data,
        MemoryEstimate memory, JsonObject head)
    {
        (_options, _trainer, _run, _parts, _shape, _head) = (options, trainer, run, parts, shape, head);
        Data = data;
        Memory = memory;
        _resumed = options.Resume && run.Resume();
    }

    /// <summary>The data as it was read.</summary>
    public TrainingData Data { get; }

    /// <summary>What the run takes.</summary>
    public MemoryEstimate Memory { get; }

    /// <summary>Updates of the whole run.</summary>
    public long Steps => _run.Steps;

    /// <summary>What a resumed run does otherwise than before: <c>learning_rate 0.001 instead of 0.01</c>.</summary>
    public IReadOnlyList<string> Changes { get; private init; } = [];

    /// <summary>Updates that a resumed run has behind it.</summary>
    public long StepsDone => _run.State.Step;

    /// <summary>Share of the rows' places that hold tokens, in the first epoch.</summary>
    public required double UsedShare { get; init; }

    /// <summary>Numbers that are trained.</summary>
    public long TrainedNumbers => _trainer.Tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size));

    /// <summary>Reads and checks everything, and loads the model.</summary>
    /// <exception cref="NativeSteerException">
    /// The model, the data or an option is not usable, memory would not suffice, or the checkpoint is of another run.
    /// </exception>
    public static FineTuning Prepare(FineTuningOptions options, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Prepare(options, (model, parts) => new LoadedTrainer(Trainer.Load(model, parts, options.Trainer)), stop);
    }

    /// <summary>Prepares with a trainer of another making.</summary>
    internal static FineTuning Prepare(FineTuningOptions options, Func<string, TrainableParts, ITrainable> load, CancellationToken stop)
    {
        options.Run.Validate();
        options.Trainer.Validate();
        options = options with { Model = BuiltInModel.Resolve(options.Model) };
        using var model = LanguageModel.Load(options.Model, new() { VocabularyOnly = true });
        TransformerShape.Read(model.File);
        var shape = ModelShape.Of(model.File);
        options = options with { Run = options.Run with { Length = Length(model.File, options.Run.Length) } };
        var run = options.Run;
        var tokenizer = new TrainingTokenizer(model.Vocabulary, options.NewTokens);
        var parts = options.Parts.Resolve(shape, tokenizer, options.Layers) with { AdapterSeed = options.Run.Seed };
        CheckExport(options, model.File, parts);
        CheckPaths(options);
        var reading = new TrainingDataOptions { Length = run.Length, DropLong = options.DropLong };
        var data = TrainingData.Read(options.Data, tokenizer, reading, stop);
        var heldOut = options.HeldOutData is { } path ? TrainingData.Read(path, tokenizer, reading, stop) : null;
        var (trained, held) = heldOut is null
            ? HeldOutData.Split(data.Sequences, run.HeldOutShare, run.Seed) : (data.Sequences, heldOut.Sequences);
        var memory = MemoryEstimate.Of(model.File, parts, options.Trainer, run.Rows, run.Length);
        memory.RequireFit(AvailableMemory.Bytes(), options.Trainer, run.Rows, run.Length);

        var identity = new RunIdentity(ModelFingerprint.Of(model.File), $"{data.Hash} {heldOut?.Hash}".TrimEnd(), options.ToJson());
        var folder = options.Checkpoints is null ? null : CheckpointFolder.Open(options.Checkpoints, options.Resume);
        IReadOnlyList<string> changes = [];
        if (options.Resume && folder?.Last is { } last)
        {
            CheckpointFile.Check(last, identity); // before the model is loaded
            changes = CheckpointFile.Changes(last, identity);
        }
        var packer = new BatchPacker(trained, run.Rows, run.Length, run.Seed);
        var trainer = load(options.Model, parts);
        try
        {
            folder?.Prepare();
            var loop = new TrainingRun(trainer, packer, run, stop)
            {
                Identity = identity,
                Checkpoints = folder,
                HeldOut = held.Count > 0 ? new BatchPacker(held, run.Rows, run.Length, 0, shuffle: false) : null,
            };
            return new FineTuning(options, trainer, loop, parts, shape, data, memory, Head(options, identity, shape, data, heldOut))
            {
                UsedShare = packer.UsedShare(0),
                Changes = changes,
            };
        }
        catch
        {
            trainer.Dispose();
            throw;
        }
    }

    /// <summary>Trains until the end, or until it is told to stop: then the step in work is finished and saved.</summary>
    /// <inheritdoc cref="TrainingRun.Run" path="/exception"/>
    public TrainingResult Run(IProgress<TrainingProgress>? progress = null, CancellationToken stop = default)
    {
        using var log = _options.Log is { } path ? TrainingLog.Open(path, _head, _resumed ? _run.State.Step : null, Changes) : null;
        return _run.Run(log, progress, stop);
    }

    /// <summary>Writes the trained model, vectors baked in.</summary>
    /// <exception cref="NativeSteerException">The file cannot be written, or the model cannot take the vectors.</exception>
    public void WriteModel(string path, ExportType type = ExportType.Keep) =>
        new ModelExport(_options.Model, _trainer.Tensors.Select(tensor => new TrainedWeight(tensor.Name, tensor.Shape, () => tensor.Values)))
        {
            Type = type,
            NewTokens = _options.NewTokens,
            TokenRows = _parts.TokenRows,
            Provenance = Origin("fine_tuning"),
        }.Write(path);

    /// <summary>The trained vectors.</summary>
    /// <exception cref="NativeSteerException">None were trained, or they are no numbers any more.</exception>
    public SteeringVector Vector()
    {
        var provenance = Origin("trained_bias")
            .With(Provenance.Label, Path.GetFileNameWithoutExtension(_options.Data))
            .With(Provenance.Created, DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
        return TrainedVectors.Of(_shape, _trainer.Tensors, provenance);
    }

    /// <summary>Deletes the checkpoints: what was trained is written.</summary>
    public void ClearCheckpoints() => _run.Checkpoints?.Clear();

    /// <summary>Frees the trainer.</summary>
    public void Dispose() => _trainer.Dispose();

    // Without the time: the same training makes the same file.
    private Provenance Origin(string method) => Provenance.Empty
        .With(Provenance.Model, Path.GetFileName(_options.Model))
        .With(Provenance.ModelHash, _run.Identity.ModelHash)
        .With(Provenance.Method, method)
        .With("data", Path.GetFileName(_options.Data))
        .With(Provenance.DataHash, Data.Hash)
        .With("steps", _run.State.Step.ToString(CultureInfo.InvariantCulture))
        .With("settings", _run.Identity.Settings.ToJsonString())
        .With(Provenance.Tool, $"NativeSteer {Provenance.Version}");

    // The row length that was asked for, or the usual one as far as the model's context goes.
    private static int Length(GgufFile model, int asked)
    {
        const int usual = 512;
        var context = (int)Math.Min(int.MaxValue, model.GetInteger($"{model.Architecture}.context_length"));
        if (asked == 0) return Math.Min(usual, context);
        return asked <= context
            ? asked : throw new NativeSteerException($"--length is {asked}, the model's context has {context} tokens; give {context} or less.");
    }

    // Nothing that is read is written over, and nothing that is written either; what cannot be written is found out now.
    private static void CheckPaths(FineTuningOptions options)
    {
        foreach (var output in options.Outputs) PendingFile.Create(output).Dispose();
        var read = new[] { options.Model, options.Data, options.HeldOutData }.OfType<string>().Select(Whole).ToHashSet(StringComparer.Ordinal);
        var written = new HashSet<string>(StringComparer.Ordinal);
        foreach (var path in options.Outputs.Append(options.Log).OfType<string>())
        {
            if (read.Contains(Whole(path)))
                throw new NativeSteerException($"{FileErrors.Shown(path)} is what is trained from, and would be replaced; write elsewhere.");
            if (!written.Add(Whole(path)) && !PendingFile.IsDevice(Whole(path)))
                throw new NativeSteerException($"{FileErrors.Shown(path)} was given for two results, the second of which would replace the first; give each a file.");
        }

        static string Whole(string path) => path.Length > 0 ? Path.GetFullPath(path) : path;
    }

    // What could not be written at the end is refused at the beginning.
    private static void CheckExport(FineTuningOptions options, GgufFile model, TrainableParts parts)
    {
        if (!parts.AllWeights && !parts.Norms && parts.VectorLayers.Count == 0 && parts.AdapterRank == 0 && parts.TokenRows.Count == 0)
            throw new NativeSteerException("Nothing is to be trained; say what with --train.");
        if (options.Bakes && parts.VectorLayers.Count > 0) ModelExport.RequireBaking(model);
        if (parts.TokenRows.Count == 0) return;
        using var source = ModelSource.Open(options.Model);
        foreach (var name in (ReadOnlySpan<string>)["token_embd.weight", "output.weight"])
        {
            if (source.Find(name) is var (file, tensor) && !parts.AllWeights) TokenRowPatch.Require(file, tensor);
        }
    }

    private static JsonObject Head(FineTuningOptions options, RunIdentity identity, ModelShape shape, TrainingData data, TrainingData? heldOut) => new()
    {
        ["command"] = options.Command,
        ["model"] = new JsonObject
        {
            ["path"] = options.Model,
            ["hash"] = identity.ModelHash,
            ["architecture"] = shape.Architecture,
            ["layers"] = shape.Layers,
            ["width"] = shape.Width,
        },
        ["data"] = Describe(data),
        ["held_out"] = heldOut is null ? null : Describe(heldOut),
        ["settings"] = identity.Settings.DeepClone(),
        ["threads"] = options.Trainer.Threads,
    };

    private static JsonObject Describe(TrainingData data) => new()
    {
        ["path"] = data.Path,
        ["hash"] = data.Hash,
        ["sequences"] = data.Sequences.Count,
        ["tokens"] = data.Tokens,
        ["targets"] = data.Targets,
        ["dropped"] = data.Dropped,
    };
}
