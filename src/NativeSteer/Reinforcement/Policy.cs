using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Hooks;
using NativeSteer.Rollouts;
using NativeSteer.Tasks;
using NativeSteer.Training;
using NativeSteer.Vectors;

namespace NativeSteer.Reinforcement;

/// <summary>
/// The model as llama.cpp runs it, with what is trained as it now is: vectors through the hook, layer 0 too; weights through a file that
/// is written and loaded anew after each update, in memory where the system has a folder for that. llama.cpp's interface gives no way
/// to the tensors of a model that is loaded.
/// </summary>
internal sealed class Policy : IDisposable
{
    private readonly string _source;
    private readonly Trainer _trainer;
    private readonly ContextOptions _context;
    private readonly string? _folder; // null where vectors alone are trained
    private Running _running;
    private SteeringPlan _plan = SteeringPlan.None;

    private Policy(string source, Trainer trainer, ContextOptions context, bool vectorsAlone)
    {
        (_source, _trainer, _context) = (source, trainer, context);
        if (!vectorsAlone) _folder = Directory.CreateTempSubdirectory("nativesteer-policy-").FullName;
        if (_folder is not null && Directory.Exists(MemoryFolder)) _folder = Moved(_folder);
        _running = new Running(source, context);
        Update();
    }

    private const string MemoryFolder = "/dev/shm";

    /// <summary>Opens a model with a context for rollouts of some length.</summary>
    /// <param name="model">The model's file.</param>
    /// <param name="trainer">What is trained of it.</param>
    /// <param name="parts">The same by kind.</param>
    /// <param name="tokensEach">Most tokens of a rollout, its prompt included.</param>
    /// <param name="parallel">Rollouts side by side; 0 for as many as are fast.</param>
    /// <param name="threads">CPU threads.</param>
    internal static Policy Open(string model, Trainer trainer, TrainableParts parts, int tokensEach, int parallel, int threads)
    {
        using var loaded = LanguageModel.Load(model);
        var context = RolloutBlocks.Fit(loaded, tokensEach, new ContextOptions { Sequences = parallel, Threads = threads });
        return new Policy(model, trainer, context, parts is { AllWeights: false, Norms: false, AdapterRank: 0, TokenRows.Count: 0 });
    }

    /// <summary>Its tokenizer.</summary>
    internal Vocabulary Vocabulary => _running.Model.Vocabulary;

    /// <summary>Its answers to tasks, with the log-probabilities of what it picked; see <see cref="AnswerRound"/>.</summary>
    internal IReadOnlyList<Rollout> Answer(
        IReadOnlyList<TaskItem> tasks, int samples, int maxTokens, float temperature, ulong seed, ulong stream, CancellationToken stop) =>
        AnswerRound.Run(_running.Runner, Vocabulary, _plan, tasks, samples, maxTokens, temperature, seed, stream, stop);

    /// <summary>Takes over what is trained as it now is.</summary>
    /// <exception cref="NativeSteerException">It cannot be written, or is no number any more.</exception>
    internal void Update()
    {
        if (_folder is null)
        {
            _plan = SteeringPlan.Add(TrainedVectors.Of(_running.Model.Shape, new LoadedTrainer(_trainer).Tensors), 1);
            return;
        }
        var path = Path.Combine(_folder, "policy.gguf");
        new ModelExport(_source, _trainer.Tensors.Select(tensor => new TrainedWeight(tensor.Name, tensor.Shape, () => tensor.Values))) { Type = ExportType.F32 }.Write(path);
        _running.Dispose();
        _running = new Running(path, _context);
    }

    public void Dispose()
    {
        _running.Dispose();
        if (_folder is not null) Directory.Delete(_folder, recursive: true);
    }

    private static string Moved(string folder)
    {
        var moved = Path.Combine(MemoryFolder, Path.GetFileName(folder));
        try
        {
            Directory.CreateDirectory(moved);
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            return folder;
        }
        Directory.Delete(folder);
        return moved;
    }

    /// <summary>A model with its context.</summary>
    private sealed class Running : IDisposable
    {
        private readonly InferenceContext _context;

        internal Running(string path, ContextOptions options)
        {
            // Not mapped: the file is replaced while a later one is loaded.
            Model = LanguageModel.Load(path, new() { UseMemoryMap = false });
            _context = Model.CreateContext(options);
            Runner = new RolloutRunner(_context) { LogProbabilities = true };
        }

        internal LanguageModel Model { get; }

        internal RolloutRunner Runner { get; }

        public void Dispose()
        {
            Runner.Dispose();
            _context.Dispose();
            Model.Dispose();
        }
    }
}
