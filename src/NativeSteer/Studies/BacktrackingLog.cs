using NativeSteer.Files;

namespace NativeSteer.Studies;

/// <summary>
/// The run log of <c>study backtracking</c>, whole: one file, or the files of several shards of one run. The order of files and
/// what they say twice make no difference.
/// </summary>
/// <example><code>
/// var results = BacktrackingResults.Of(BacktrackingLog.Read(["shard1/run.jsonl", "shard2/run.jsonl"]));
/// </code></example>
public sealed class BacktrackingLog
{
    private readonly Dictionary<string, StudyCell> _cells = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Cell, string Prompt), StudyRollout> _rollouts = [];
    private readonly Dictionary<(string, string), StudyAgreement> _agreements = [];
    private readonly Dictionary<(string, int, Extraction.OffsetRange), StudyCosine> _cosines = [];
    private readonly Dictionary<(string, string, int), StudyLens> _lenses = [];
    private readonly Dictionary<(string, string, int), StudyProjection> _projections = [];
    private readonly List<StudyProvenance> _runs = [];

    private BacktrackingLog(IReadOnlyList<string> paths) => Paths = paths;

    /// <summary>The files, as given.</summary>
    public IReadOnlyList<string> Paths { get; }

    /// <summary>The first line of the first file.</summary>
    public StudyProvenance Provenance => _runs[0];

    /// <summary>The first line of every file.</summary>
    public IReadOnlyList<StudyProvenance> Runs => _runs;

    /// <summary>The traces, or null where the run has not come that far.</summary>
    public StudyTraces? Traces { get; private set; }

    /// <summary>How judges agree, where that was measured.</summary>
    public IReadOnlyCollection<StudyAgreement> Agreements => _agreements.Values;

    /// <summary>Every cell of the grid, also those without rollouts.</summary>
    public IReadOnlyCollection<StudyCell> Cells => _cells.Values;

    /// <summary>Every rollout once.</summary>
    public IReadOnlyCollection<StudyRollout> Rollouts => _rollouts.Values;

    /// <summary>Cosines of base- and reasoning-derived vectors.</summary>
    public IReadOnlyCollection<StudyCosine> Cosines => _cosines.Values;

    /// <summary>Vectors through the logit lens.</summary>
    public IReadOnlyCollection<StudyLens> Lenses => _lenses.Values;

    /// <summary>Traces projected on the direction.</summary>
    public IReadOnlyCollection<StudyProjection> Projections => _projections.Values;

    /// <summary>The cell of a key.</summary>
    public StudyCell Cell(string key) => _cells[key];

    /// <summary>Reads the log of a run, or of all its shards. A last line that a killed run left half-written is left out.</summary>
    /// <exception cref="NativeSteerException">
    /// A file cannot be read or is no log of the study, a line lacks what it must have, or the files are of different runs.
    /// </exception>
    public static BacktrackingLog Read(IReadOnlyList<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        if (paths.Count == 0) throw new NativeSteerException("No run log was given; 'nativesteer study backtracking' writes one, run.jsonl.");
        var log = new BacktrackingLog(paths);
        foreach (var path in paths) log.Add(path);
        if (log._cells.Count == 0)
            throw new NativeSteerException($"{FileErrors.Shown(paths[0])} has no cells yet; let the run go on with --resume, then try again.");
        return log;
    }

    private void Add(string path)
    {
        var first = true;
        foreach (var line in JsonLines.ReadLog(path))
        {
            if (first)
            {
                var provenance = BacktrackingLines.Provenance(line);
                if (_runs.Count > 0) BacktrackingLines.RequireSame(Provenance, provenance, Paths[0], line);
                _runs.Add(provenance);
                first = false;
                continue;
            }
            AddLine(line);
        }
    }

    private void AddLine(JsonLine line)
    {
        switch (line.RequiredString("type"))
        {
            case "traces":
                var traces = BacktrackingLines.Traces(line);
                if (Traces is { } known && (known.Hash != traces.Hash || known.VectorHash != traces.VectorHash))
                    throw line.Error($"the {(known.Hash != traces.Hash ? "traces" : "vectors")} differ from those of {FileErrors.Shown(Paths[0])}, so its cells are other cells; give the shards the same folder of traces, or --annotations.");
                Traces ??= traces;
                break;
            case "agreement":
                var agreement = BacktrackingLines.Agreement(line);
                _agreements.TryAdd((agreement.Judge, agreement.Against), agreement);
                break;
            case "cell":
                var cell = BacktrackingLines.Cell(line);
                if (cell.Condition.Target is not (StudyCondition.OnReasoning or StudyCondition.OnBase))
                    throw line.Error($"\"target\" should be \"reasoning\" or \"base\", but is \"{FileErrors.Printable(cell.Condition.Target)}\".");
                if (cell.Condition.Target == StudyCondition.OnBase && Provenance.Base is null)
                    throw line.Error("a cell steers the base model, but the provenance names none; make the log again.");
                if (!_cells.TryAdd(cell.Key, cell) && (_cells[cell.Key].Condition != cell.Condition || _cells[cell.Key].Scale != cell.Scale))
                    throw line.Error($"the cell \"{FileErrors.Printable(cell.Key)}\" was something else before; these are logs of different runs.");
                break;
            case "rollout":
                var rollout = BacktrackingLines.Rollout(line);
                if (!_cells.ContainsKey(rollout.Cell))
                    throw line.Error($"the log has no cell \"{FileErrors.Printable(rollout.Cell)}\" before its rollout; make the log again.");
                if (!_rollouts.TryAdd((rollout.Cell, rollout.PromptId), rollout) && _rollouts[(rollout.Cell, rollout.PromptId)] != rollout)
                    throw line.Error($"prompt \"{FileErrors.Printable(rollout.PromptId)}\" of the cell \"{FileErrors.Printable(rollout.Cell)}\" had another completion before; these are logs of different runs.");
                break;
            case "cosine":
                var cosine = BacktrackingLines.Cosine(line);
                _cosines.TryAdd((cosine.Label, cosine.Layer, cosine.Offsets), cosine);
                break;
            case "lens":
                var lens = BacktrackingLines.Lens(line);
                _lenses.TryAdd((lens.Source, lens.Unembedding, lens.Layer), lens);
                break;
            case "projection":
                var projection = BacktrackingLines.Projection(line);
                _projections.TryAdd((projection.Trace, projection.Source, projection.Layer), projection);
                break;
            case "provenance": // two logs written into one file
                BacktrackingLines.RequireSame(Provenance, BacktrackingLines.Provenance(line), Paths[0], line);
                break;
            default:
                break; // lines of later versions
        }
    }
}
