using NativeSteer.Extraction;
using NativeSteer.Files;

namespace NativeSteer.Studies;

/// <summary>The numbers of a quantisation study, from its log alone.</summary>
public sealed class QuantizationResults
{
    private readonly Dictionary<(string Source, string Type), QuantizedModel> _models = [];
    private readonly Dictionary<(string Source, string Type), QuantizedLikelihood> _likelihoods = [];
    private readonly List<QuantizedSpeed> _speeds = [];
    private readonly List<VectorFidelity> _fidelities = [];
    private readonly Dictionary<string, StudyCell> _cells = new(StringComparer.Ordinal);
    private readonly List<StudyRollout> _rollouts = [];

    private QuantizationResults(string path, JsonLine head)
    {
        Path = path;
        var (models, settings) = (head.RequiredObject("models"), head.RequiredObject("settings"));
        Head = head;
        Settings = settings;
        Reasoning = BacktrackingLines.Model(models.RequiredObject("reasoning"));
        Base = models.OptionalObject("base") is { } other ? BacktrackingLines.Model(other) : null;
        Types = settings.RequiredStrings("types");
        Label = settings.RequiredString("label");
        Layer = (int)settings.RequiredInteger("layer");
        Words = new KeywordSet(settings.RequiredStrings("words"));
        Prompts = (int)settings.RequiredInteger("prompts");
        Unit = settings.RequiredString("unit");
        Magnitude = settings.RequiredNumbers("magnitudes")[0];
    }

    /// <summary>The log.</summary>
    public string Path { get; }

    /// <summary>The model that is quantised and steered.</summary>
    public StudyModel Reasoning { get; }

    /// <summary>The model that it was made from, whose copies give vectors too; or null.</summary>
    public StudyModel? Base { get; }

    /// <summary>The types; the first is what the others are compared with.</summary>
    public IReadOnlyList<string> Types { get; }

    /// <summary>The behaviour whose vector is studied.</summary>
    public string Label { get; }

    /// <summary>The layer that is steered.</summary>
    public int Layer { get; }

    /// <summary>The keywords.</summary>
    public KeywordSet Words { get; }

    /// <summary>Prompts that every cell runs on.</summary>
    public int Prompts { get; }

    /// <summary>The strength of steering, in <see cref="Unit"/>.</summary>
    public double Magnitude { get; }

    /// <summary><c>rel</c>: shares of the mean residual norm of the first type's copy; <c>abs</c>.</summary>
    public string Unit { get; }

    /// <summary>The first line, as it stands in the log.</summary>
    internal JsonLine Head { get; }

    /// <summary>The settings in it.</summary>
    internal JsonLine Settings { get; }

    /// <summary>The copies.</summary>
    public IReadOnlyCollection<QuantizedModel> Models => _models.Values;

    /// <summary>Cosines and norms of the copies' vectors.</summary>
    public IReadOnlyList<VectorFidelity> Fidelities => _fidelities;

    /// <summary>Speeds of the copies.</summary>
    public IReadOnlyList<QuantizedSpeed> Speeds => _speeds;

    /// <summary>What each vector does to each copy of the reasoning model.</summary>
    public IReadOnlyList<QuantizedEffect> Effects { get; private set; } = [];

    /// <summary>The copies of the reasoning model without steering, by type.</summary>
    public IReadOnlyDictionary<string, ConditionResult> Unsteered { get; private set; } = new Dictionary<string, ConditionResult>();

    /// <summary>Whether all cells have all their completions.</summary>
    public bool IsComplete => _cells.Count > 0 && _rollouts.Count == _cells.Count * Prompts;

    /// <summary>Sources of vectors that the log has copies of, <c>reasoning</c> first.</summary>
    public IReadOnlyList<string> Sources => Base is null ? [StudyCondition.OnReasoning] : [StudyCondition.OnReasoning, StudyCondition.OnBase];

    /// <summary>A copy, or null where the run has not come that far.</summary>
    public QuantizedModel? Model(string source, string type) => _models.GetValueOrDefault((source, type));

    /// <summary>The perplexity of a copy on the traces; NaN where it is not known.</summary>
    public double Perplexity(string source, string type) => _likelihoods.TryGetValue((source, type), out var likelihood) ? likelihood.Perplexity : double.NaN;

    /// <summary>Whether a log is one of this study's.</summary>
    public static bool IsLog(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return JsonLines.ReadLog(path).FirstOrDefault()?.OptionalString("command") == QuantizationLines.Command;
    }

    /// <summary>Reads a log. A last line that a killed run left half-written is left out.</summary>
    /// <exception cref="NativeSteerException">The file cannot be read or is no such log.</exception>
    public static QuantizationResults Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        QuantizationResults? results = null;
        foreach (var line in JsonLines.ReadLog(path))
        {
            if (results is not null)
            {
                results.Add(line);
                continue;
            }
            if (line.OptionalString("type") is not "provenance" || line.OptionalString("command") != QuantizationLines.Command)
                throw line.Error($"this is no log of 'nativesteer {QuantizationLines.Command}'.");
            results = new QuantizationResults(path, line);
        }
        if (results is null) throw new NativeSteerException($"{FileErrors.Shown(path)} is empty; 'nativesteer {QuantizationLines.Command}' writes the log.");
        results.MeasureEffects();
        return results;
    }

    /// <summary>The name of a copy as a vector's source in cells.</summary>
    internal static string SourceOf(string source, string type) => $"{source}/{type}";

    /// <summary>The copy that a cell's vector comes from.</summary>
    internal static (string Source, string Type) SourceOf(string name)
    {
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? (name, "") : (name[..slash], name[(slash + 1)..]);
    }

    private void Add(JsonLine line)
    {
        switch (line.RequiredString("type"))
        {
            case "copy":
                var model = QuantizationLines.Model(line);
                _models[(model.Source, model.Type)] = model;
                break;
            case "likelihood":
                var likelihood = QuantizationLines.Likelihood(line);
                _likelihoods[(likelihood.Source, likelihood.Type)] = likelihood;
                break;
            case "speed":
                _speeds.Add(QuantizationLines.Speed(line));
                break;
            case "fidelity":
                _fidelities.Add(QuantizationLines.Fidelity(line));
                break;
            case "cell":
                var cell = BacktrackingLines.Cell(line);
                _cells[cell.Key] = cell;
                break;
            case "rollout":
                var rollout = BacktrackingLines.Rollout(line);
                if (!_cells.ContainsKey(rollout.Cell)) throw line.Error($"the log has no cell \"{FileErrors.Printable(rollout.Cell)}\" before its rollout; make the log again.");
                _rollouts.Add(rollout);
                break;
            default:
                break; // lines of later versions
        }
    }

    private void MeasureEffects()
    {
        var byCell = _rollouts.ToLookup(rollout => rollout.Cell, StringComparer.Ordinal);
        var plain = _cells.Values.Where(cell => cell.Condition.IsUnsteered && byCell[cell.Key].Any()).ToDictionary(cell => cell.Condition.Target, StringComparer.Ordinal);
        Unsteered = plain.ToDictionary(target => target.Key, target => Of(target.Value), StringComparer.Ordinal);
        Effects =
        [
            .. from cell in _cells.Values
               where !cell.Condition.IsUnsteered && byCell[cell.Key].Any()
               let vector = SourceOf(cell.Condition.Vector.Source ?? "")
               select new QuantizedEffect(vector.Source, vector.Type, cell.Condition.Target, Of(cell)),
        ];

        ConditionResult Of(StudyCell cell) => ConditionResult.Of(
            cell.Condition, cell.Scale, [.. byCell[cell.Key]], plain.TryGetValue(cell.Condition.Target, out var unsteered) ? [.. byCell[unsteered.Key]] : []);
    }
}
