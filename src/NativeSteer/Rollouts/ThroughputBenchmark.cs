using System.Diagnostics;
using MathNet.Numerics.Statistics;
using NativeSteer.Engine;
using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Rollouts;

/// <summary>What runs beside plain decoding.</summary>
public enum BenchmarkMode
{
    /// <summary>A context without hook: llama.cpp as it is.</summary>
    Plain = 0,

    /// <summary>The hook is installed and asked about every tensor, and wants none.</summary>
    Idle = 1,

    /// <summary>Every row is steered at one layer, by one of K vectors.</summary>
    Steer = 2,

    /// <summary>Every row is summed at every layer.</summary>
    Capture = 3,
}

/// <summary>What to measure. Every combination of prompt, generation and batch lengths is one table row per mode.</summary>
public sealed record BenchmarkOptions
{
    /// <summary>Prompt tokens per sequence.</summary>
    public IReadOnlyList<int> PromptLengths { get; init; } = [128];

    /// <summary>Generated tokens per sequence.</summary>
    public IReadOnlyList<int> GeneratedLengths { get; init; } = [32];

    /// <summary>Sequences side by side.</summary>
    public IReadOnlyList<int> Batches { get; init; } = [1, 8];

    /// <summary>Distinct vectors of the steered mode; those above the batch are left out.</summary>
    public IReadOnlyList<int> VectorCounts { get; init; } = [1, 8];

    /// <summary>The modes; plain is always measured, as the others' denominator.</summary>
    public IReadOnlyList<BenchmarkMode> Modes { get; init; } = [BenchmarkMode.Plain, BenchmarkMode.Idle, BenchmarkMode.Steer, BenchmarkMode.Capture];

    /// <summary>Rounds; in each, every mode runs once.</summary>
    public int Repetitions { get; init; } = 5;

    /// <summary>The steered layer; negative means the middle one.</summary>
    public int Layer { get; init; } = -1;

    /// <summary>CPU threads; 0 means one per core.</summary>
    public int Threads { get; init; }

    /// <summary>Rows of one decode at most.</summary>
    public int BatchLength { get; init; } = 512;
}

/// <summary>Seconds of one mode at one combination, one entry per round, and the plain rounds beside them.</summary>
public sealed record BenchmarkRow(BenchmarkMode Mode, int Vectors, int PromptLength, int GeneratedLength, int Batch)
{
    /// <summary>Seconds for all prompts.</summary>
    public required IReadOnlyList<double> PromptSeconds { get; init; }

    /// <summary>Seconds for all generated tokens.</summary>
    public required IReadOnlyList<double> GeneratedSeconds { get; init; }

    /// <summary>Per round, plain seconds / this mode's seconds for the prompts: the share of plain speed that is kept.</summary>
    public required IReadOnlyList<double> PromptRatios { get; init; }

    /// <summary>The same for generation.</summary>
    public required IReadOnlyList<double> GeneratedRatios { get; init; }

    /// <summary>Per round, bytes of the prompts' rows that were summed on the host, a second of summing; empty where none were.</summary>
    public IReadOnlyList<double> SumRates { get; init; } = [];

    /// <summary>Cells used: (prompt + generated) x sequences.</summary>
    public int CacheCells => Batch * (PromptLength + GeneratedLength);

    /// <summary>Median prompt tokens per second.</summary>
    public double PromptSpeed => Batch * PromptLength / PromptSeconds.Median();

    /// <summary>Median generated tokens per second.</summary>
    public double GeneratedSpeed => Batch * GeneratedLength / GeneratedSeconds.Median();

    /// <summary>Median steps of generation per second.</summary>
    public double StepSpeed => GeneratedLength / GeneratedSeconds.Median();
}

/// <summary>
/// Times plain decoding, an idle hook, steering and capture side by side: in every round each mode runs once, in an order
/// that turns around from round to round, so that ratios compare neighbours in time.
/// </summary>
public sealed class ThroughputBenchmark(LanguageModel model, BenchmarkOptions options)
{
    /// <summary>Told before each measurement: done, of, what comes.</summary>
    public Action<int, int, string>? Progress { get; set; }

    /// <summary>Called once in every round, for measuring something beside.</summary>
    public Action? Round { get; set; }

    /// <summary>Runs everything; rows come as each combination is complete.</summary>
    public IEnumerable<BenchmarkRow> Run(CancellationToken cancellation = default)
    {
        Validate();
        var combinations =
            (from prompt in options.PromptLengths from generated in options.GeneratedLengths from batch in options.Batches select (prompt, generated, batch)).ToArray();
        var total = combinations.Sum(c => Lanes(c.batch).Count) * options.Repetitions;
        var done = 0;
        foreach (var (prompt, generated, batch) in combinations)
        {
            var lanes = Lanes(batch);
            using var plain = CreateContext(prompt, generated, batch, hook: false);
            using var hooked = CreateContext(prompt, generated, batch, hook: true);
            using var hook = new ResidualHook(hooked);
            using var plainDecoding = new DecodeCancellation(plain, cancellation);
            using var hookedDecoding = new DecodeCancellation(hooked, cancellation);
            foreach (var lane in lanes) _ = Measure(lane, DecodingOf(lane), hook, Math.Min(prompt, 16), 1, batch); // warm up

            for (var round = 0; round < options.Repetitions; round++)
            {
                Round?.Invoke();
                foreach (var lane in round % 2 == 0 ? lanes : Enumerable.Reverse(lanes))
                {
                    Progress?.Invoke(done++, total, $"{lane.Mode} pp{prompt} tg{generated} b{batch}");
                    lane.Rounds.Add(Measure(lane, DecodingOf(lane), hook, prompt, generated, batch));
                }
            }
            foreach (var lane in lanes) yield return Row(lane, lanes[0], prompt, generated, batch);

            DecodeCancellation DecodingOf(Lane lane) => lane.Mode == BenchmarkMode.Plain ? plainDecoding : hookedDecoding;
        }
    }

    private sealed record Lane(BenchmarkMode Mode, int Vectors)
    {
        internal List<(double Prompt, double Generated, double SumRate)> Rounds { get; } = [];

        // One for all rounds, as a long extraction has: the system gives memory when it is touched first, which takes as long as summing.
        internal ActivationSums? Sums { get; set; }
    }

    private List<Lane> Lanes(int batch)
    {
        var lanes = new List<Lane> { new(BenchmarkMode.Plain, 0) };
        foreach (var mode in options.Modes.Where(m => m != BenchmarkMode.Plain).Distinct())
        {
            if (mode != BenchmarkMode.Steer) lanes.Add(new Lane(mode, 0));
            else lanes.AddRange(options.VectorCounts.Where(k => k <= batch).Distinct().Select(k => new Lane(mode, k)));
        }
        return lanes;
    }

    private InferenceContext CreateContext(int prompt, int generated, int batch, bool hook) => model.CreateContext(new()
    {
        ContextLength = batch * (prompt + generated),
        BatchLength = options.BatchLength,
        Sequences = batch,
        Threads = options.Threads,
        Hook = hook,
    });

    private (double Prompt, double Generated, double SumRate) Measure(Lane lane, DecodeCancellation decoding, ResidualHook hook, int prompt, int generated, int batch)
    {
        decoding.Context.Clear();
        var capture = lane.Mode == BenchmarkMode.Capture;
        var plans = new SequencePlans();
        if (lane.Mode == BenchmarkMode.Steer)
        {
            for (var sequence = 0; sequence < batch; sequence++) plans.Set(sequence, Plan(sequence % lane.Vectors));
        }
        using var steering = plans.Any ? hook.Apply(plans) : null;

        // Capture reads the prompt and leaves the graph after the last block, as extraction does; generation goes on to the logits.
        if (capture) lane.Sums ??= new ActivationSums(Enumerable.Range(0, model.Shape.Layers).Select(layer => new HookSlot(HookSite.Residual, layer)), 1, model.Shape.Width);
        var sums = lane.Sums;
        var before = sums?.HostTime[0];
        double promptSeconds;
        using (sums is null ? null : hook.Sum(sums)) promptSeconds = TimePrompts(decoding, prompt, batch, capture);
        var sumRate = sums?.HostTime[0] - before is > 0 and var time ? (double)sums!.Slots.Count * batch * prompt * sums.Width * sizeof(float) / (1e-9 * time) : double.NaN;
        using (sums is null ? null : hook.Sum(sums, logits: true)) return (promptSeconds, TimeGeneration(decoding, prompt, generated, batch, capture), sumRate);
    }

    private double TimePrompts(DecodeCancellation decoding, int prompt, int batch, bool label)
    {
        var rows = new TokenBatch();
        var watch = Stopwatch.StartNew();
        for (var sequence = 0; sequence < batch; sequence++)
        {
            for (var position = 0; position < prompt; position++)
            {
                var row = rows.Add(Token(sequence, position), position, sequence, output: position == prompt - 1);
                if (label) rows.Label(row, 0);
                if (rows.Count < decoding.Context.Options.BatchLength) continue;
                decoding.Decode(rows);
                rows.Clear();
            }
        }
        if (rows.Count > 0) decoding.Decode(rows);
        return watch.Elapsed.TotalSeconds;
    }

    private double TimeGeneration(DecodeCancellation decoding, int prompt, int generated, int batch, bool label)
    {
        var rows = new TokenBatch();
        var watch = Stopwatch.StartNew();
        for (var step = 0; step < generated; step++)
        {
            rows.Clear();
            for (var sequence = 0; sequence < batch; sequence++)
            {
                var row = rows.Add(Token(sequence, prompt + step), prompt + step, sequence, output: true);
                if (label) rows.Label(row, 0);
            }
            decoding.Decode(rows);
        }
        return watch.Elapsed.TotalSeconds;
    }

    private readonly Dictionary<int, SteeringPlan> _plans = [];

    /// <summary>Plan i: a direction of its own at the steered layer, of about the size that is used (a tenth of a unit per component).</summary>
    private SteeringPlan Plan(int i)
    {
        if (_plans.TryGetValue(i, out var known)) return known;
        var random = new Random(i);
        var direction = new float[model.Shape.Width];
        for (var c = 0; c < direction.Length; c++) direction[c] = (random.NextSingle() - 0.5f) / 5;
        var layer = options.Layer < 0 ? model.Shape.Layers / 2 : options.Layer;
        return _plans[i] = SteeringPlan.Add(new SteeringVector(model.Shape, [new(layer, direction)]), 1);
    }

    private int Token(int sequence, int position) => (sequence * 7919 + position * 31) % model.Vocabulary.Size;

    private static BenchmarkRow Row(Lane lane, Lane plain, int prompt, int generated, int batch) => new(lane.Mode, lane.Vectors, prompt, generated, batch)
    {
        PromptSeconds = [.. lane.Rounds.Select(r => r.Prompt)],
        GeneratedSeconds = [.. lane.Rounds.Select(r => r.Generated)],
        PromptRatios = [.. lane.Rounds.Zip(plain.Rounds, (l, p) => p.Prompt / l.Prompt)],
        SumRates = [.. lane.Rounds.Select(r => r.SumRate).Where(rate => !double.IsNaN(rate))],
        GeneratedRatios = [.. lane.Rounds.Zip(plain.Rounds, (l, p) => p.Generated / l.Generated)],
    };

    private void Validate()
    {
        if (options.PromptLengths.Concat(options.GeneratedLengths).Any(n => n < 1)) throw new NativeSteerException("Prompt and generation lengths must be 1 or more; see -npp and -ntg.");
        if (options.Batches.Any(b => b is < 1 or > 256)) throw new NativeSteerException("A batch holds 1 to 256 sequences; see -npl.");
        if (options.VectorCounts.Any(k => k < 1)) throw new NativeSteerException("The number of distinct vectors must be 1 or more; see --vectors.");
        if (options.Repetitions < 1) throw new NativeSteerException("At least one repetition is needed; see -r.");
        var longest = options.PromptLengths.Max() + options.GeneratedLengths.Max();
        if (longest > model.TrainedContextLength)
            throw new NativeSteerException($"Sequences of {longest} tokens were asked for, the model was trained on {model.TrainedContextLength}; see -npp and -ntg.");
        if (options.Layer >= model.Shape.Layers) throw new NativeSteerException($"Layer {options.Layer} was asked for, the model has {model.Shape.Layers} (0-{model.Shape.Layers - 1}).");
    }
}
