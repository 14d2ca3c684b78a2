using System.Diagnostics;
using MathNet.Numerics.Statistics;
using NativeSteer.Engine;
using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Rollouts;

/// <summary>A way to run the cells of a sweep.</summary>
public enum SweepMode
{
    /// <summary>All cells as sequences of one batch, steered at all positions.</summary>
    Batch,

    /// <summary>The same, steered from the first generated token on, so that a prompt is computed once for all its cells.</summary>
    BatchGenerated,

    /// <summary>Cell after cell with llama.cpp's own control vector, the prompts of a cell as one batch.</summary>
    CellByCell,

    /// <summary>Completion after completion with llama.cpp's own control vector.</summary>
    OneByOne,
}

/// <summary>What to measure.</summary>
public sealed record SweepBenchmarkOptions
{
    /// <summary>Vectors, one for each window of offsets.</summary>
    public int Vectors { get; init; } = 8;

    /// <summary>Strengths of each.</summary>
    public int Magnitudes { get; init; } = 8;

    /// <summary>Token ids of the prompts.</summary>
    public required IReadOnlyList<IReadOnlyList<int>> Prompts { get; init; }

    /// <summary>Tokens generated of each completion.</summary>
    public int Generated { get; init; } = 32;

    /// <summary>The steered layer, at least 1: llama.cpp's control vector has none at layer 0. Negative means the middle one.</summary>
    public int Layer { get; init; } = -1;

    /// <summary>Rounds; in each, every mode runs once.</summary>
    public int Repetitions { get; init; } = 3;

    /// <summary>Threads, and sequences side by side of the batches; 0 for as many as fit.</summary>
    public ContextOptions Context { get; init; } = new() { Sequences = 0 };
}

/// <summary>Seconds of a mode, one entry per round.</summary>
/// <param name="Mode">The mode.</param>
/// <param name="Parallel">Sequences side by side.</param>
public sealed record SweepBenchmarkRow(SweepMode Mode, int Parallel)
{
    /// <summary>Seconds for the whole sweep.</summary>
    public required IReadOnlyList<double> Seconds { get; init; }

    /// <summary>Per round, the seconds of <see cref="SweepMode.OneByOne"/> / this mode's: how many times as fast it is.</summary>
    public required IReadOnlyList<double> ToOneByOne { get; init; }

    /// <summary>Per round, the seconds of <see cref="SweepMode.CellByCell"/> / this mode's.</summary>
    public required IReadOnlyList<double> ToCellByCell { get; init; }

    /// <summary>Tokens that went through the model in a round.</summary>
    public required long DecodedTokens { get; init; }

    /// <summary>Tokens of prompts taken from another completion's cache in a round.</summary>
    public required long ReusedTokens { get; init; }

    /// <summary>Median seconds.</summary>
    public double Median => Seconds.Median();
}

/// <summary>
/// Times a sweep of vectors x strengths x prompts as sequences of one batch, and as one has to do it with llama.cpp's own control
/// vector, of which a context has one: cell after cell. In every round each mode runs once, in an order that turns around from
/// round to round. Directions are random and texts go on after their end, so that every mode does the same work.
/// </summary>
public sealed class SweepBenchmark(LanguageModel model, SweepBenchmarkOptions options)
{
    private const float SmallestScale = 0.05f; // steps of the residual stream's own units: what is added does not matter to the time

    /// <summary>Told before each measurement: done, of, what comes.</summary>
    public Action<int, int, string>? Progress { get; set; }

    private sealed record Cell(SteeringPlan Everywhere, SteeringPlan Generated, float[] ControlVector);

    private sealed record Measured(double Seconds, long Decoded, long Reused);

    /// <summary>Runs everything.</summary>
    /// <exception cref="NativeSteerException">The layer cannot be steered by both.</exception>
    public IReadOnlyList<SweepBenchmarkRow> Run(CancellationToken cancellation = default)
    {
        var cells = Cells();
        var longest = options.Prompts.Max(prompt => prompt.Count) + options.Generated;
        var batch = RolloutBlocks.Fit(model, longest, options.Context);
        using var many = model.CreateContext(batch);
        using var some = model.CreateContext(RolloutBlocks.Fit(model, longest, options.Context with { Sequences = options.Prompts.Count }) with { Hook = false });
        using var one = model.CreateContext(RolloutBlocks.Fit(model, longest, options.Context with { Sequences = 1 }) with { Hook = false });
        var modes = Enum.GetValues<SweepMode>();
        var rounds = modes.ToDictionary(mode => mode, _ => new List<Measured>());
        var done = 0;
        for (var round = 0; round < options.Repetitions; round++)
        {
            foreach (var mode in round % 2 == 0 ? modes : modes.Reverse())
            {
                Progress?.Invoke(done++, modes.Length * options.Repetitions, $"{mode}, round {round + 1}");
                rounds[mode].Add(mode switch
                {
                    SweepMode.Batch => Together(many, cells, cell => cell.Everywhere, cancellation),
                    SweepMode.BatchGenerated => Together(many, cells, cell => cell.Generated, cancellation),
                    SweepMode.CellByCell => InTurn(some, cells, cancellation),
                    _ => InTurn(one, cells, cancellation),
                });
            }
        }
        return [.. modes.Select(mode => new SweepBenchmarkRow(
            mode, mode switch { SweepMode.CellByCell => options.Prompts.Count, SweepMode.OneByOne => 1, _ => batch.Sequences })
        {
            Seconds = [.. rounds[mode].Select(measured => measured.Seconds)],
            ToOneByOne = Ratios(SweepMode.OneByOne, mode),
            ToCellByCell = Ratios(SweepMode.CellByCell, mode),
            DecodedTokens = rounds[mode][0].Decoded,
            ReusedTokens = rounds[mode][0].Reused,
        })];

        IReadOnlyList<double> Ratios(SweepMode to, SweepMode of) => [.. rounds[to].Zip(rounds[of], (slow, fast) => slow.Seconds / fast.Seconds)];
    }

    private List<Cell> Cells()
    {
        var (layers, width) = (model.Shape.Layers, model.Shape.Width);
        var layer = options.Layer >= 0 ? options.Layer : layers / 2;
        if (layer < 1 || layer >= layers) throw new NativeSteerException($"Layer {layer} cannot be steered by llama.cpp's control vector, which reaches 1 to {layers - 1} of this model; give another --layer.");
        var cells = new List<Cell>();
        for (var v = 0; v < options.Vectors; v++)
        {
            var vector = GaussianNoise.Create(model.Shape, (ulong)v);
            for (var m = 1; m <= options.Magnitudes; m++)
            {
                var intervention = new Intervention(vector, m * SmallestScale) { Layers = [layer] };
                var own = new float[(layers - 1) * width];
                for (var i = 0; i < width; i++) own[(layer - 1) * width + i] = m * SmallestScale * vector.Direction(layer).Span[i];
                cells.Add(new Cell(new SteeringPlan(intervention), new SteeringPlan(intervention with { Positions = PositionRange.Generated }), own));
            }
        }
        return cells;
    }

    /// <summary>All cells in the batch, block by block as a sweep runs them.</summary>
    private Measured Together(InferenceContext context, List<Cell> cells, Func<Cell, SteeringPlan> plan, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        using var runner = new RolloutRunner(context);
        // Prompt by prompt, so that the cells of a prompt meet in the cache.
        var requests = from prompt in options.Prompts from cell in cells select Request(prompt) with { Plan = plan(cell) };
        foreach (var block in requests.Chunk(RolloutBlocks.Turns * context.Options.Sequences)) _ = RolloutBlocks.Run(runner, block, cancellation);
        return Of(clock, runner.Statistics);
    }

    /// <summary>A cell's vector set for the context, then its prompts, as many at a time as the context has sequences.</summary>
    private Measured InTurn(InferenceContext context, List<Cell> cells, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        using var runner = new RolloutRunner(context);
        try
        {
            foreach (var cell in cells)
            {
                context.SetControlVector(cell.ControlVector);
                foreach (var prompts in options.Prompts.Chunk(context.Options.Sequences)) _ = RolloutBlocks.Run(runner, [.. prompts.Select(Request)], cancellation);
            }
        }
        finally
        {
            context.SetControlVector([]);
        }
        return Of(clock, runner.Statistics);
    }

    private RolloutRequest Request(IReadOnlyList<int> prompt) => new(prompt) { MaxTokens = options.Generated, IgnoreEnd = true };

    // A completion's last token is picked and not run.
    private static Measured Of(Stopwatch clock, RolloutStatistics counts) =>
        new(clock.Elapsed.TotalSeconds, counts.PromptTokens + counts.GeneratedTokens - counts.Finished, counts.ReusedPromptTokens);
}
