using System.Diagnostics;
using NativeSteer.Tensors;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>What to measure. Every shape gets one row per mode.</summary>
public sealed record TrainingBenchmarkOptions
{
    /// <summary>Models and batches.</summary>
    public IReadOnlyList<TrainingShape> Shapes { get; init; } = [new(512, 1024, 4, 16, 16, 3072, 128, 8), new(128, 256, 6, 8, 8, 768, 64, 32)];

    /// <summary>Ways to train.</summary>
    public IReadOnlyList<TrainingMode> Modes { get; init; } = [.. TrainingMode.All.Where(mode => mode.Weights != GgmlType.F16)];

    /// <summary>Rounds; in each, every mode takes one step.</summary>
    public int Rounds { get; init; } = 5;

    /// <summary>Every how many tokens the prediction counts: 1 for all.</summary>
    public int Every { get; init; } = 1;

    /// <summary>CPU threads; 0 means one per core.</summary>
    public int Threads { get; init; }

    /// <summary>A shared library with cblas_sgemm to measure the machine with; null for the system's OpenBLAS, or ggml.</summary>
    public string? Blas { get; init; }
}

/// <summary>
/// Times training steps next to the same steps by ggml's autodiff (<see cref="AutodiffTrainer"/>) and to a plain product of
/// matrices: in every round each of them runs once, in an order that turns around, so that ratios compare neighbours in time.
/// Modes that share a baseline run together; the models are written to a temporary folder.
/// </summary>
public sealed class TrainingBenchmark(TrainingBenchmarkOptions options)
{
    private const float LearningRate = 1e-3f;

    /// <summary>Told before each measurement: done, of, what comes.</summary>
    public Action<int, int, string>? Progress { get; set; }

    /// <summary>Whose product of matrices is the machine's rate; known once rows come.</summary>
    public string RateName { get; private set; } = "";

    /// <summary>CPU threads used.</summary>
    public int Threads => options.Threads > 0 ? options.Threads : Environment.ProcessorCount;

    private int _done, _total;

    /// <summary>Runs everything; rows come as each group of modes is complete.</summary>
    /// <exception cref="NativeSteerException">A shape is impossible, or too large for memory or disk.</exception>
    public IEnumerable<TrainingBenchmarkRow> Run(CancellationToken cancellation = default)
    {
        if (options.Rounds < 1) throw new NativeSteerException("At least one round is needed; see -r.");
        if (options.Every < 1) throw new NativeSteerException("At least one of the tokens must count; see --every.");
        foreach (var shape in options.Shapes) shape.Check(options.Modes.Select(mode => mode.Weights));
        var groups = options.Modes.GroupBy(mode => (mode.Full, mode.Weights)).Select(group => group.ToArray()).ToArray();
        _total = (options.Rounds + 1) * options.Shapes.Sum(shape => groups.Sum(group => group.Length + (shape.HasBaseline ? 1 : 0)));
        using var machine = new MatrixRate(Threads, options.Blas);
        RateName = machine.Name;
        foreach (var shape in options.Shapes)
        {
            var folder = Directory.CreateTempSubdirectory("nativesteer-bench-");
            try
            {
                var start = Path.Combine(folder.FullName, "F32.gguf");
                WriteModel(start, shape);
                foreach (var group in groups)
                {
                    cancellation.ThrowIfCancellationRequested();
                    var model = Path.Combine(folder.FullName, $"{group[0].Weights}.gguf");
                    if (!File.Exists(model)) QuantizedCopy.Write(start, model, group[0].Weights);
                    foreach (var row in Measure(shape, group, model, machine, cancellation)) yield return row;
                }
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        }
    }

    // One that takes a step: a trainer of ours, or ggml's.
    private sealed record Lane(string Name, Func<double> Step, IDisposable Trainer)
    {
        internal List<double> Seconds { get; } = [];

        internal double Loss { get; set; }
    }

    private List<TrainingBenchmarkRow> Measure(
        TrainingShape shape, TrainingMode[] modes, string model, MatrixRate machine, CancellationToken cancellation)
    {
        var batch = ChainBatch.Make(shape.Vocabulary, shape.Rows, shape.Length, options.Every);
        var lanes = new List<Lane>();
        try
        {
            foreach (var mode in modes) lanes.Add(Ours(mode, shape, model, batch));
            if (shape.HasBaseline) lanes.Add(Theirs(modes[0], shape, model, batch));
            foreach (var lane in lanes) Step(lane, cancellation); // memory is allocated and touched
            foreach (var lane in lanes) lane.Seconds.Clear();
            var rates = new List<double>();
            for (var round = 0; round < options.Rounds; round++)
            {
                rates.Add(machine.Measure());
                foreach (var lane in round % 2 == 0 ? lanes : Enumerable.Reverse(lanes)) Step(lane, cancellation);
            }
            var baseline = shape.HasBaseline ? lanes[^1] : null;
            return [.. modes.Select((mode, i) => new TrainingBenchmarkRow(shape, mode, batch.Outputs.Length)
            {
                Seconds = lanes[i].Seconds,
                BaselineSeconds = baseline?.Seconds ?? [],
                MatrixRates = rates,
                Loss = lanes[i].Loss,
                BaselineLoss = baseline?.Loss,
            })];
        }
        finally
        {
            foreach (var lane in lanes) lane.Trainer.Dispose();
        }
    }

    private Lane Ours(TrainingMode mode, TrainingShape shape, string model, TrainingBatch batch)
    {
        var trainer = Trainer.Load(model, mode.Parts(shape.Layers), Options(mode));
        return new Lane(mode.Name, () => trainer.Step([batch], LearningRate).Loss, trainer);
    }

    private Lane Theirs(TrainingMode mode, TrainingShape shape, string model, TrainingBatch batch)
    {
        var trainer = AutodiffTrainer.Load(model, mode.Parts(shape.Layers), batch, Options(mode));
        return new Lane($"ggml's autodiff for {mode.Name}", () => trainer.Step(batch, LearningRate), trainer);
    }

    private TrainerOptions Options(TrainingMode mode) => new() { Compute = mode.Compute, Threads = Threads, ClipNorm = 0 };

    private void Step(Lane lane, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        Progress?.Invoke(_done++, _total, lane.Name);
        var start = Stopwatch.GetTimestamp();
        lane.Loss = lane.Step();
        lane.Seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        if (!double.IsFinite(lane.Loss)) throw new NativeSteerException($"The loss of {lane.Name} is {lane.Loss}; there is nothing to compare.");
    }

    private static void WriteModel(string path, TrainingShape shape) => ModelInitializer.Write(
        path, new ModelInitializerOptions
        {
            Width = shape.Width,
            Layers = shape.Layers,
            Heads = shape.Heads,
            KeyValueHeads = shape.KeyValueHeads,
            FeedForward = shape.FeedForward,
            Context = Math.Max(2, shape.Length),
            Untied = true,
        },
        shape.Vocabulary, writer => writer.Add("tokenizer.ggml.model", "no_vocab"));
}
