using NativeSteer.Engine;
using NativeSteer.Hooks;

namespace NativeSteer.Rollouts;

/// <summary>
/// Runs any number of rollouts, as many at a time as the context has sequences and room for, each with its own steering
/// plan. As one ends the next takes its place. Rollouts whose prompts are equal, and equally steered before their last
/// token, share that part of the cache: it is computed once and forked.
/// <code>
/// using var runner = new RolloutRunner(context);
/// foreach (var rollout in runner.Run(requests)) Console.WriteLine(rollout.Text);
/// </code>
/// </summary>
public sealed class RolloutRunner : IDisposable
{
    private readonly InferenceContext _context;
    private readonly ResidualHook? _hook;
    private readonly PromptCache _cache;
    private readonly SequencePlans _plans = new();
    private readonly TokenBatch _batch = new();
    private readonly List<ActiveRollout> _active = [];

    /// <summary>Takes charge of a context; what its sequences held is dropped.</summary>
    public RolloutRunner(InferenceContext context)
    {
        _context = context;
        _hook = context.Options.Hook ? new ResidualHook(context) : null;
        _cache = new PromptCache(context);
    }

    /// <summary>Counts of everything run so far.</summary>
    public RolloutStatistics Statistics { get; } = new();

    /// <summary>Called with new text as it is generated; text that could still become a stop string is held back.</summary>
    public Action<RolloutRequest, string>? TextGenerated { get; set; }

    /// <summary>Called after every decode step, with the counts so far.</summary>
    public Action<RolloutStatistics>? Stepped { get; set; }

    /// <summary>Also sum the log-probabilities of picked tokens; costs a pass over the logits.</summary>
    public bool LogProbabilities { get; set; }

    /// <summary>Runs the requests and returns each rollout as it ends. Requests are read as places become free.</summary>
    /// <exception cref="NativeSteerException">A prompt is longer than the context, a plan does not fit the model, or a sampler option makes no sense.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; rollouts returned before are complete.</exception>
    public IEnumerable<Rollout> Run(IEnumerable<RolloutRequest> requests, CancellationToken cancellation = default)
    {
        using var decoding = new DecodeCancellation(_context, cancellation);
        using var pending = requests.GetEnumerator();
        using var scope = _hook?.Apply(_plans);
        Reset();
        try
        {
            var waiting = pending.MoveNext();
            while (true)
            {
                cancellation.ThrowIfCancellationRequested();
                while (waiting && TryStart(pending.Current)) waiting = pending.MoveNext();
                ComputePrompts(decoding);
                if (_active.Count == 0) yield break;
                foreach (var rollout in Step(decoding)) yield return rollout;
                Stepped?.Invoke(Statistics);
            }
        }
        finally
        {
            Reset();
            _hook?.ForgetPlans();
        }
    }

    /// <summary>Gives the context back.</summary>
    public void Dispose()
    {
        foreach (var rollout in _active) rollout.Dispose();
        _active.Clear();
        _hook?.Dispose();
    }

    private void Reset()
    {
        foreach (var rollout in _active)
        {
            _plans.Remove(rollout.Lease.Sequence);
            rollout.Dispose();
        }
        _active.Clear();
        _cache.Clear();
    }

    /// <summary>Gives the request a sequence, or returns false while there is no room for it.</summary>
    private bool TryStart(RolloutRequest request)
    {
        if (request.Plan.Steps.Count > 0 && _hook is null) throw new InvalidOperationException("The context was created with Hook = false and cannot steer.");
        request.Plan.CheckAgainst(_context.Model.Shape);
        var limit = Limit(request);
        if (_cache.Acquire(request, limit) is not { } lease) return false;
        _plans.Set(lease.Sequence, request.Plan, request.Prompt.Count);
        _active.Add(new ActiveRollout(request, lease, limit, _context.Model.Vocabulary));
        return true;
    }

    /// <summary>Most tokens the rollout can have.</summary>
    private int Limit(RolloutRequest request)
    {
        var room = _context.Options.ContextLength - request.Prompt.Count;
        if (request.Prompt.Count == 0) throw new NativeSteerException("A rollout needs a prompt of at least one token; tokenize it with TokenizePrompt, which starts at begin-of-text.");
        if (room < 1)
        {
            var name = request.Id.Length > 0 ? $"Prompt {request.Id}" : "A prompt";
            throw new NativeSteerException($"{name} has {request.Prompt.Count} tokens, the context holds {_context.Options.ContextLength}; give a longer one with -c, or a shorter prompt.");
        }
        return request.MaxTokens < 0 ? room : Math.Min(request.MaxTokens, room);
    }

    /// <summary>Runs new prompts but for their last tokens, many to a batch, and forks them to all that share them.</summary>
    private void ComputePrompts(DecodeCancellation decoding)
    {
        _cache.Compute(_batch, () =>
        {
            Decode(decoding);
            Statistics.PromptTokens += _batch.Count;
        });
        Statistics.ReusedPromptTokens += _cache.Fork();
    }

    /// <summary>One more token for every active rollout; returns those that ended.</summary>
    private List<Rollout> Step(DecodeCancellation decoding)
    {
        var running = _active.Where(r => r.Finish is null).ToArray();
        if (running.Length > 0) Pick(running, decoding);

        var finished = new List<Rollout>();
        foreach (var rollout in _active.Where(r => r.Finish is not null))
        {
            finished.Add(rollout.Result());
            Statistics.Finished++;
            _plans.Remove(rollout.Lease.Sequence);
            _cache.Release(rollout.Lease);
            rollout.Dispose();
        }
        _active.RemoveAll(r => r.Finish is not null);
        return finished;
    }

    private void Pick(ActiveRollout[] running, DecodeCancellation decoding)
    {
        _batch.Clear();
        foreach (var rollout in running) _batch.Add(rollout.NextToken, rollout.NextPosition, rollout.Lease.Sequence, output: true);
        Decode(decoding);
        Statistics.PromptTokens += running.Count(r => r.IsFirstStep);

        var tokens = new int[running.Length];
        var logProbabilities = LogProbabilities ? new float[running.Length] : [];
        int[] rows = [.. Enumerable.Range(0, running.Length)];
        Sampler[] samplers = [.. running.Select(r => r.Sampler)];
        _context.Sample(rows, samplers, tokens, logProbabilities);
        for (var i = 0; i < running.Length; i++)
        {
            var text = running[i].Accept(tokens[i], LogProbabilities ? logProbabilities[i] : double.NaN);
            Statistics.GeneratedTokens++;
            if (text.Length > 0) TextGenerated?.Invoke(running[i].Request, text);
        }
    }

    private void Decode(DecodeCancellation decoding)
    {
        decoding.Decode(_batch);
        Statistics.Decodes++;
    }
}
