using System.Globalization;
using NativeSteer.Extraction;
using NativeSteer.Hooks;

namespace NativeSteer.Studies;

/// <summary>
/// The cells of the study: the union of what its figures show, each cell once. Cells are independent of each other, and their
/// order is that of the figures.
/// </summary>
public sealed class BacktrackingGrid
{
    private const string Offsets = "offsets", Layers = "layers", Pairs = "pairs", Baselines = "baselines";

    private readonly Dictionary<string, StudyCell> _cells = new(StringComparer.Ordinal);
    private readonly List<string> _order = [];
    private readonly BacktrackingOptions _options;
    private readonly IReadOnlyList<string> _labels;

    private BacktrackingGrid(BacktrackingOptions options, IReadOnlyList<string> labels)
    {
        _options = options;
        _labels = labels;
    }

    /// <summary>
    /// The figures: <c>offsets</c> window x magnitude (fig. 2 of the paper), <c>layers</c> (B.1), <c>pairs</c> source x target (3),
    /// <c>baselines</c> (4).
    /// </summary>
    public static IReadOnlyList<string> Figures { get; } = [Offsets, Layers, Pairs, Baselines];

    /// <summary>The cells.</summary>
    /// <param name="options">With layers resolved.</param>
    /// <param name="labels">Labels that the traces have.</param>
    public static IReadOnlyList<StudyCell> Cells(BacktrackingOptions options, IReadOnlyList<string> labels)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(labels);
        var grid = new BacktrackingGrid(options, labels);
        foreach (var seed in options.Seeds)
        {
            foreach (var figure in options.Figures) grid.AddFigure(figure, seed);
        }
        return [.. grid._order.Select(key => grid._cells[key])];
    }

    private string[] Sources => _options.Base is null ? [StudyCondition.OnReasoning] : [StudyCondition.OnReasoning, StudyCondition.OnBase];

    private void AddFigure(string figure, long seed)
    {
        string[] targets = figure == Pairs ? Sources : [StudyCondition.OnReasoning];
        foreach (var target in targets) Add(figure, target, new StudyVector(StudyVector.None, null, null, null), null, 0, seed);
        foreach (var (target, vector, layer) in Conditions(figure))
        {
            foreach (var magnitude in _options.Magnitudes.Where(magnitude => magnitude != 0)) Add(figure, target, vector, layer, magnitude, seed);
        }
    }

    private IEnumerable<(string Target, StudyVector Vector, int Layer)> Conditions(string figure)
    {
        const string reasoning = StudyCondition.OnReasoning;
        switch (figure)
        {
            case Offsets:
                return _options.HeatOffsets.Select(window => (reasoning, Direction(reasoning, window), _options.Layer));
            case Layers:
                return from layer in _options.Layers!
                       from vector in Sources.Select(source => Direction(source, _options.Offsets)).Append(Noise)
                       select (reasoning, vector, layer);
            case Pairs:
                return from target in Sources from source in Sources select (target, Direction(source, _options.Offsets), _options.Layer);
            default:
                var others = _options.BaselineLabels.Where(label => label != _options.Label && _labels.Contains(label))
                    .Select(label => new StudyVector(StudyVector.DifferenceOfMeans, reasoning, label, _options.Offsets));
                return others
                    .Prepend(Noise)
                    .Prepend(Direction(reasoning, _options.Offsets))
                    .Append(new StudyVector(StudyVector.Mean, reasoning, null, _options.Offsets))
                    .Append(new StudyVector(StudyVector.Self, null, null, null))
                    .Append(new StudyVector(StudyVector.Shuffled, reasoning, _options.Label, _options.Offsets))
                    .Select(vector => (reasoning, vector, _options.Layer));
        }
    }

    private static StudyVector Noise => new(StudyVector.Noise, null, null, null);

    private StudyVector Direction(string source, OffsetRange window) => new(StudyVector.DifferenceOfMeans, source, _options.Label, window);

    private void Add(string figure, string target, StudyVector vector, int? layer, float magnitude, long seed)
    {
        var unit = _options.Unit == ScaleUnit.Absolute ? "abs" : "rel";
        var condition = new StudyCondition(target, vector, layer, Decimal(magnitude), unit);
        var key = Key(condition, seed);
        if (_cells.TryGetValue(key, out var known))
        {
            if (!known.Figures.Contains(figure)) _cells[key] = known with { Figures = [.. known.Figures, figure] };
            return;
        }
        _order.Add(key);
        _cells.Add(key, new StudyCell { Key = key, Figures = [figure], Condition = condition, Seed = seed });
    }

    // 0.1f is the double 0.100000001; what is meant is 0.1.
    internal static double Decimal(float value) => double.Parse(value.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>Says all of a condition and a seed: <c>reasoning/difference-of-means,base,backtracking,-13:-8/L2/1.5rel/s1</c>.</summary>
    internal static string Key(StudyCondition condition, long seed)
    {
        string?[] vector = [condition.Vector.Kind, condition.Vector.Source, condition.Vector.Label, condition.Vector.Offsets?.ToString()];
        var strength = condition.Layer is null ? "" : string.Create(CultureInfo.InvariantCulture, $"/L{condition.Layer}/{condition.Magnitude}{condition.Unit}");
        return $"{condition.Target}/{string.Join(',', vector.Where(part => part is not null))}{strength}/s{seed}";
    }
}
