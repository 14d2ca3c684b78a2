using System.Globalization;
using System.Numerics.Tensors;
using NativeSteer.Engine;
using NativeSteer.Vectors;

namespace NativeSteer.Hooks;

/// <summary>What one check found.</summary>
/// <param name="Name">What must hold.</param>
/// <param name="Passed">Whether it does.</param>
/// <param name="Measured">What was measured, in words.</param>
public sealed record SelfCheckResult(string Name, bool Passed, string Measured);

/// <summary>
/// Proves on a loaded model that capture and steering do what they say: zero is exact, every layer can be reached, the
/// right layer moves by the right amount, other sequences stay as they are, and llama.cpp's own control vector agrees.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="threads">CPU threads; 0 means one per core.</param>
public sealed class SteeringSelfCheck(LanguageModel model, int threads = 0)
{
    private const int Length = 6; // tokens of each sequence
    private const int Together = 16; // sequences of one batch, each steered at a layer of its own
    private const float Strength = 0.5f; // of the residual's norm: far above rounding, far below overflow
    private readonly int _layers = model.Shape.Layers;
    private readonly int _width = model.Shape.Width;

    /// <summary>The checks in the order they run.</summary>
    public IReadOnlyList<(string Name, Func<SelfCheckResult> Run)> Checks =>
    [
        Check("sites of every layer are found", Sites),
        Check("zero steering is exact", ZeroIsExact),
        Check("steering reaches the logits", ReachesLogits),
        Check("steering acts at the right layer", RightLayer),
        Check("llama.cpp's control vector agrees", AgreesWithLlama),
        Check("other sequences stay unchanged", OthersUnchanged),
        Check("what is captured can be put back", CaptureIsReinjected),
    ];

    private static (string, Func<SelfCheckResult>) Check(string name, Func<(bool Passed, string Measured)> check) => (name, () =>
    {
        try
        {
            var (passed, measured) = check();
            return new SelfCheckResult(name, passed, measured);
        }
        catch (NativeSteerException error)
        {
            return new SelfCheckResult(name, false, error.Message);
        }
    });

    private (bool, string) Sites()
    {
        var found = Enum.GetValues<HookSite>().Select(site => (Site: site, Layers: LayersOf(site))).ToList();
        var text = string.Join("; ", found.Select(pair => $"{Prefix(pair.Site)} {LayerList.Format(pair.Layers)}"));
        return (found.Single(pair => pair.Site == HookSite.Residual).Layers.Count == _layers, text);

        List<int> LayersOf(HookSite site) =>
            Offers(site, AllLayers) ? [.. AllLayers] : [.. AllLayers.Where(layer => Offers(site, [layer]))];
    }

    private bool Offers(HookSite site, IEnumerable<int> layers)
    {
        try
        {
            _ = Residuals([Tokens(0)], layers.Select(layer => new HookSlot(site, layer)));
            return true;
        }
        catch (NativeSteerException)
        {
            return false;
        }
    }

    private (bool, string) ZeroIsExact()
    {
        var plain = Logits([Tokens(0)], null, hook: false)[0];
        var vector = Direction(1, AllLayers);
        var zero = Logits([Tokens(0)], SequencePlans.Same(SteeringPlan.Add(vector, 0), 1))[0];
        // A scale of zero is left out of the plan; a vector and its negative go all the way and must come to nothing.
        var cancelling = new SteeringPlan(new Intervention(vector, 1), new Intervention(-vector, 1));
        var cancelled = Logits([Tokens(0)], SequencePlans.Same(cancelling, 1))[0];
        var different = Different(plain, zero) + Different(plain, cancelled);
        return different == 0
            ? (true, $"{plain.Length} logits equal bit for bit: without the hook, at scale 0, and with v and -v")
            : (false, $"{different} of {2 * plain.Length} logits differ");

        static int Different(float[] x, float[] y) =>
            x.Zip(y).Count(pair => !BitConverter.SingleToInt32Bits(pair.First).Equals(BitConverter.SingleToInt32Bits(pair.Second)));
    }

    private (bool, string) ReachesLogits()
    {
        var smallest = (Layer: -1, Change: float.PositiveInfinity);
        foreach (var layers in AllLayers.Chunk(Together))
        {
            var (before, after) = SteerEachAtItsLayer(layers);
            for (var i = 0; i < layers.Length; i++)
            {
                var change = LargestDifference(before.Logits[i], after.Logits[i]);
                if (!(change >= smallest.Change)) smallest = (layers[i], change);
            }
        }
        var reached = smallest.Change > 0 && float.IsFinite(smallest.Change);
        return (reached, $"smallest max |change| {Show(smallest.Change)}, at layer {smallest.Layer}");
    }

    private (bool, string) RightLayer()
    {
        foreach (var layers in AllLayers.Chunk(Together))
        {
            var (before, after) = SteerEachAtItsLayer(layers);
            for (var i = 0; i < layers.Length; i++)
            {
                for (var below = 0; below < layers[i]; below++)
                {
                    if (!before.Rows.Row(i, below).SequenceEqual(after.Rows.Row(i, below)))
                        return (false, $"steering layer {layers[i]} changed layer {below}");
                }
                var expected = Scaled(Direction(layers[i], [layers[i]]).Direction(layers[i]).Span, Scale(before.Rows.Row(i, layers[i])));
                TensorPrimitives.Add(expected, before.Rows.Row(i, layers[i]), expected);
                var off = LargestDifference(expected, after.Rows.Row(i, layers[i]));
                if (off != 0) return (false, $"layer {layers[i]} is {Show(off)} away from h + scale * v");
            }
        }
        return (true, $"layers {LayerList.Format(AllLayers)} each move by exactly scale * v, layers below by nothing");
    }

    private (bool, string) AgreesWithLlama()
    {
        if (_layers < 2) return (true, "not applicable: it cannot steer layer 0, the only one");
        var vector = Direction(3, AllLayers.Skip(1));
        var scale = Scale(Residuals([Tokens(0)], Slots([0])).Row(0, 0));
        var directions = new float[(_layers - 1) * _width];
        for (var layer = 1; layer < _layers; layer++) Scaled(vector.Direction(layer).Span, scale).CopyTo(directions, (layer - 1) * _width);
        var ours = Logits([Tokens(0)], SequencePlans.Same(SteeringPlan.Add(vector, scale), 1))[0];
        var theirs = Logits([Tokens(0)], null, controlVector: directions)[0];
        var off = LargestDifference(ours, theirs);
        return off == 0
            ? (true, $"{ours.Length} logits equal bit for bit, layers 1-{_layers - 1}")
            : (false, $"logits differ by up to {Show(off)}");
    }

    private (bool, string) OthersUnchanged()
    {
        const int steered = 2;
        int[][] sequences = [Tokens(0), Tokens(1), Tokens(2), Tokens(3)];
        var before = Logits(sequences, null);
        var plans = new SequencePlans();
        plans.Set(steered, SteeringPlan.Add(Direction(4, AllLayers), 1));
        var after = Logits(sequences, plans);
        var moved = LargestDifference(before[steered], after[steered]);
        var others = Enumerable.Range(0, sequences.Length).Where(s => s != steered).Max(s => LargestDifference(before[s], after[s]));
        return (others == 0 && moved > 0, $"the steered one moved by {Show(moved)}, the other {sequences.Length - 1} by {Show(others)}");
    }

    // Two texts that differ in their last token; putting the residual of one into the other must bring its logits along.
    private (bool, string) CaptureIsReinjected()
    {
        const float tolerance = 0.05f; // rounding of 16-bit caches and of quantised products, as a share of the texts' difference
        var layer = _layers / 2;
        int[] source = Tokens(0), target = [.. source[..^1], Tokens(5)[^1]];
        var residual = Residuals([source], Slots([layer])).Row(0, 0).ToArray();
        var own = Residuals([target], Slots([layer])).Row(0, 0).ToArray();
        TensorPrimitives.Subtract(residual, own, own);
        var difference = new SteeringVector(model.Shape, [KeyValuePair.Create(layer, own)]);
        var plan = new SteeringPlan(new Intervention(difference, 1) { Positions = PositionRange.From(Length - 1) });
        var wanted = Logits([source], null)[0];
        var apart = LargestDifference(wanted, Logits([target], null)[0]);
        var off = LargestDifference(wanted, Logits([target], SequencePlans.Same(plan, 1))[0]);
        var measured = $"two texts' logits are {Show(apart)} apart; with the residual of layer {layer} moved over, {Show(off)}";
        return (apart > 0 && off <= tolerance * apart, measured);
    }

    private IEnumerable<int> AllLayers => Enumerable.Range(0, _layers);

    /// <summary>What the last token of each sequence had: logits, and residuals at the slots asked for.</summary>
    private sealed record Observed(float[][] Logits, ActivationRows Rows);

    /// <summary>Sequence i is steered at layers[i], along a direction of its own; both come from batches of one shape.</summary>
    private (Observed Before, Observed After) SteerEachAtItsLayer(int[] layers)
    {
        var sequences = layers.Select(layer => Tokens(layer)).ToArray();
        var slots = Slots(Enumerable.Range(0, layers.Max() + 1));
        var before = Run(sequences, null, slots);
        var plans = new SequencePlans();
        for (var i = 0; i < layers.Length; i++)
        {
            plans.Set(i, SteeringPlan.Add(Direction(layers[i], [layers[i]]), Scale(before.Rows.Row(i, layers[i]))));
        }
        return (before, Run(sequences, plans, slots));
    }

    private Observed Run(int[][] sequences, SequencePlans? plans, IEnumerable<HookSlot> slots)
    {
        using var context = model.CreateContext(ContextFor(sequences.Length, hook: true));
        using var hook = new ResidualHook(context);
        var batch = Batch(sequences, out var last);
        foreach (var row in last) batch.Copy(row);
        var rows = new ActivationRows(slots, _width);
        using (plans is null ? null : hook.Apply(plans))
        using (hook.Copy(rows, logits: true)) context.Decode(batch);
        return new Observed([.. last.Select(row => context.Logits(row).ToArray())], rows);
    }

    private float[][] Logits(int[][] sequences, SequencePlans? plans, bool hook = true, float[]? controlVector = null)
    {
        using var context = model.CreateContext(ContextFor(sequences.Length, hook));
        using var steering = hook ? new ResidualHook(context) : null;
        if (controlVector is not null) context.SetControlVector(controlVector);
        var batch = Batch(sequences, out var last);
        using (plans is null ? null : steering?.Apply(plans)) context.Decode(batch);
        return [.. last.Select(row => context.Logits(row).ToArray())];
    }

    /// <summary>What the last token of each sequence has at the slots.</summary>
    private ActivationRows Residuals(int[][] sequences, IEnumerable<HookSlot> slots)
    {
        using var context = model.CreateContext(ContextFor(sequences.Length, hook: true));
        using var hook = new ResidualHook(context);
        var batch = Batch(sequences, out var last);
        foreach (var row in last) batch.Copy(row);
        var rows = new ActivationRows(slots, _width);
        using (hook.Copy(rows)) context.Decode(batch);
        return rows;
    }

    private ContextOptions ContextFor(int sequences, bool hook) =>
        new()
        {
            ContextLength = Math.Max(64, sequences * Length),
            BatchLength = sequences * Length,
            Sequences = sequences,
            Threads = threads,
            Hook = hook,
        };

    private static TokenBatch Batch(int[][] sequences, out int[] last)
    {
        var batch = new TokenBatch();
        last = new int[sequences.Length];
        for (var s = 0; s < sequences.Length; s++)
        {
            for (var p = 0; p < sequences[s].Length; p++) last[s] = batch.Add(sequences[s][p], p, s, output: p == sequences[s].Length - 1);
        }
        return batch;
    }

    private static IEnumerable<HookSlot> Slots(IEnumerable<int> layers) => layers.Select(layer => new HookSlot(HookSite.Residual, layer));

    /// <summary>Ordinary tokens, others for another seed.</summary>
    private int[] Tokens(int seed)
    {
        var vocabulary = model.Vocabulary;
        var tokens = new List<int>();
        if (vocabulary.AddsBeginOfText && vocabulary.BeginOfText >= 0) tokens.Add(vocabulary.BeginOfText);
        var random = new Random(seed);
        for (var tries = 0; tokens.Count < Length; tries++)
        {
            var token = random.Next(vocabulary.Size);
            if (tries > 1000 || !vocabulary.IsControl(token)) tokens.Add(token);
        }
        return [.. tokens];
    }

    /// <summary>Unit directions, pseudo-random.</summary>
    private SteeringVector Direction(int seed, IEnumerable<int> layers)
    {
        var random = new Random(seed);
        return new SteeringVector(model.Shape, layers.Select(layer =>
        {
            var values = new float[_width];
            for (var i = 0; i < values.Length; i++) values[i] = random.NextSingle() - 0.5f;
            TensorPrimitives.Divide(values, TensorPrimitives.Norm<float>(values), values);
            return KeyValuePair.Create(layer, values);
        }));
    }

    private static float Scale(ReadOnlySpan<float> residual) => Strength * TensorPrimitives.Norm(residual);

    private static float[] Scaled(ReadOnlySpan<float> direction, float scale)
    {
        var scaled = new float[direction.Length];
        TensorPrimitives.Multiply(direction, scale, scaled);
        return scaled;
    }

    private static float LargestDifference(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var difference = new float[a.Length];
        TensorPrimitives.Subtract(a, b, difference);
        return MathF.Abs(TensorPrimitives.MaxMagnitude<float>(difference)); // NaN stays NaN, and fails every check
    }

    private static string Prefix(HookSite site) => new HookSlot(site, 0).ToString()[..^2];

    private static string Show(float value) => value.ToString("g3", CultureInfo.InvariantCulture);
}
