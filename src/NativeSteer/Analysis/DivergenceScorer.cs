using NativeSteer.Engine;
using NativeSteer.Hooks;
using NativeSteer.Rollouts;

namespace NativeSteer.Analysis;

/// <summary>
/// Measures what steering did to finished completions: the model reads each of them again, steered as it was and unsteered, and
/// the distributions of the next token are compared at every token.
/// </summary>
/// <remarks>
/// A text's runs stand in the same batches, so that no logits are kept; as many texts as fit run side by side. Prompts, and
/// texts that several plans share, are computed once where nothing steers them. Memory for logits is bounded: with a large
/// vocabulary a batch reads fewer rows. The context needs two sequences or more, and holds nothing else.
/// </remarks>
public sealed class DivergenceScorer : IDisposable
{
    private const long LogitBytes = 64 << 20; // of one batch

    private readonly InferenceContext _context;
    private readonly ResidualHook _hook;
    private readonly PromptCache _cache;
    private SequencePlans _plans = new();
    private readonly TokenBatch _batch = new();
    private readonly List<DivergenceGroup> _active = [];
    private readonly int _mostOutputs;

    /// <summary>Takes charge of a context; what its sequences held is dropped.</summary>
    /// <exception cref="NativeSteerException">The model is a recurrent one, whose sequences cannot run side by side under the hook.</exception>
    /// <exception cref="ArgumentException">The context has a single sequence.</exception>
    public DivergenceScorer(InferenceContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (!context.Model.CanRewind)
            throw new NativeSteerException($"{context.Model.Path} is a recurrent model ({context.Model.Shape.Architecture}); its divergence from the unsteered model cannot be measured.");
        if (context.Options.Sequences < 2) throw new ArgumentException("Two sequences are needed, one steered and one not.", nameof(context));
        _context = context;
        _hook = new ResidualHook(context);
        _cache = new PromptCache(context);
        var rows = LogitBytes / sizeof(float) / context.Model.Vocabulary.Size;
        _mostOutputs = (int)Math.Clamp(rows, Math.Min(2, context.Options.BatchLength), context.Options.BatchLength);
    }

    /// <summary>Counts of everything scored so far.</summary>
    public DivergenceStatistics Statistics { get; } = new();

    /// <summary>Scores completions.</summary>
    /// <param name="texts">The completions, in any order; those with the same tokens share an unsteered run.</param>
    /// <param name="progress">Told how many completions are done, after every batch that ended some.</param>
    /// <param name="cancellation">Stops within the running batch.</param>
    /// <returns>A score for each completion, in their order.</returns>
    /// <exception cref="NativeSteerException">A completion does not fit the context, or a plan does not fit the model.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IReadOnlyList<DivergenceScore> Score(
        IReadOnlyList<ScoredText> texts, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        var scores = new DivergenceScore[texts.Count];
        var (groups, members) = Group(texts);
        for (var i = 0; i < texts.Count; i++)
        {
            if (texts[i].Tokens.Count == 0) scores[i] = new DivergenceScore(double.NaN, 0, 0);
        }
        _plans = new SequencePlans();
        using var decoding = new DecodeCancellation(_context, cancellation);
        using var scope = _hook.Apply(_plans);
        _cache.Clear();
        try
        {
            var waiting = new Queue<DivergenceGroup>(groups);
            var done = texts.Count(text => text.Tokens.Count == 0);
            while (waiting.Count > 0 || _active.Count > 0)
            {
                while (waiting.TryPeek(out var next) && next.TryBegin(_cache, Steer)) _active.Add(waiting.Dequeue());
                ComputePrompts(decoding);
                foreach (var finished in Step(decoding))
                {
                    foreach (var i in members[finished]) scores[i] = finished.Score(texts[i].Plan);
                    done += members[finished].Count;
                    progress?.Report(done);
                }
            }
        }
        finally
        {
            _active.Clear();
            _cache.Clear();
            _hook.ForgetPlans();
        }
        return scores;
    }

    /// <summary>Gives the context back.</summary>
    public void Dispose() => _hook.Dispose();

    /// <summary>Texts with the same tokens together, as far as they fit side by side, and which completions are whose.</summary>
    private (List<DivergenceGroup> Groups, Dictionary<DivergenceGroup, List<int>> Members) Group(IReadOnlyList<ScoredText> texts)
    {
        var groups = new List<DivergenceGroup>();
        var members = new Dictionary<DivergenceGroup, List<int>>();
        var open = new Dictionary<ScoredText, DivergenceGroup>(new SameText());
        for (var i = 0; i < texts.Count; i++)
        {
            var text = texts[i];
            if (text.Tokens.Count == 0) continue;
            text.Plan.CheckAgainst(_context.Model.Shape);
            var steered = text.Plan.Steps.Count > 0;
            var most = MostPlans(text, steered);
            if (!open.TryGetValue(text, out var group) || (steered && group.Plans.Count == most && !group.Plans.Contains(text.Plan)))
            {
                group = new DivergenceGroup(text.Prompt, text.Tokens);
                groups.Add(group);
                members.Add(group, []);
                open[text] = group;
            }
            if (steered && !group.Plans.Contains(text.Plan)) group.Plans.Add(text.Plan);
            if (members[group].Count > 0) Statistics.ReusedTokens += text.Tokens.Count;
            members[group].Add(i);
        }
        return (groups, members);
    }

    /// <summary>How many steered runs of a text fit beside its unsteered one.</summary>
    private int MostPlans(ScoredText text, bool steered)
    {
        if (text.Prompt.Count == 0) throw new NativeSteerException("A completion to be scored has no prompt; its prompt needs one token at least.");
        var cells = text.Prompt.Count + text.Tokens.Count;
        var runs = Math.Min(Math.Min(_context.Options.Sequences, _mostOutputs), _context.Options.ContextLength / cells);
        var fewest = steered ? 2 : 1;
        return runs >= fewest ? runs - 1 : throw new NativeSteerException(
            $"A completion of {text.Tokens.Count} tokens after a prompt of {text.Prompt.Count}{(steered ? ", once steered and once not," : "")} does not fit "
            + $"the context of {_context.Options.ContextLength}; give one of {fewest * cells} or more with -c.");
    }

    private void Steer(PromptCache.Lease lease, SteeringPlan plan) => _plans.Set(lease.Sequence, plan, lease.Prompt.Tokens.Count);

    private void ComputePrompts(DecodeCancellation decoding)
    {
        _cache.Compute(_batch, () => Decode(decoding));
        Statistics.ReusedTokens += _cache.Fork();
    }

    /// <summary>The next rows of as many texts as a batch holds; returns those that ended.</summary>
    private List<DivergenceGroup> Step(DecodeCancellation decoding)
    {
        _batch.Clear();
        var parts = new List<(DivergenceGroup Group, int First, int Rows)>();
        foreach (var group in _active)
        {
            var rows = Math.Min(group.Tokens.Count - group.Done, (_mostOutputs - _batch.Count) / group.Width);
            if (rows == 0) break;
            parts.Add((group, _batch.Count, rows));
            Append(group, rows);
        }
        if (_batch.Count == 0) throw new InvalidOperationException("There is no room for a text that fits.");
        Decode(decoding);
        foreach (var (group, first, rows) in parts) group.Add(rows, (sequence, row) => _context.Logits(first + sequence * rows + row));

        var finished = _active.Where(group => group.IsFinished).ToList();
        foreach (var lease in finished.SelectMany(group => group.Leases))
        {
            _plans.Remove(lease.Sequence);
            _cache.Release(lease);
        }
        _active.RemoveAll(group => group.IsFinished);
        return finished;
    }

    private void Append(DivergenceGroup group, int rows)
    {
        for (var sequence = 0; sequence < group.Width; sequence++)
        {
            for (var row = group.Done; row < group.Done + rows; row++)
            {
                _batch.Add(group.InputAt(row), group.Prompt.Count - 1 + row, group.Leases[sequence].Sequence, output: true);
            }
        }
    }

    private void Decode(DecodeCancellation decoding)
    {
        decoding.Decode(_batch);
        Statistics.DecodedTokens += _batch.Count;
    }
}
