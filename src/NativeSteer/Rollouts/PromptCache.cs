using NativeSteer.Engine;
using NativeSteer.Hooks;

namespace NativeSteer.Rollouts;

/// <summary>
/// Hands out the sequences of a context and keeps account of its cells. A prompt that several rollouts share is held once;
/// it stays after its last rollout until the room is needed.
/// </summary>
internal sealed class PromptCache(InferenceContext context)
{
    private readonly List<SharedPrompt> _prompts = []; // oldest first
    private readonly Stack<int> _free = new();
    private readonly List<Lease> _unforked = [];
    private long _reserved; // cells that running rollouts may still fill

    /// <summary>Drops everything.</summary>
    internal void Clear()
    {
        context.Clear();
        _prompts.Clear();
        _unforked.Clear();
        _reserved = 0;
        _free.Clear();
        for (var sequence = context.Options.Sequences - 1; sequence >= 0; sequence--) _free.Push(sequence);
    }

    /// <summary>A sequence for a rollout of at most limit tokens, or null while there is no room for one.</summary>
    internal Lease? Acquire(RolloutRequest request, int limit)
    {
        // A fork of a recurrent model's sequence would include what was generated after the prompt.
        var prompt = context.Model.CanRewind ? _prompts.Find(p => p.Matches(request)) : null;
        var cells = limit + 1 + (prompt is null ? request.Prompt.Count - 1 : 0);
        while (_reserved + _prompts.Sum(p => p.Length) + cells > context.Options.ContextLength)
        {
            if (!EvictIdle(except: prompt)) return null;
        }
        if (prompt is not { Users: 0 } && _free.Count == 0 && !EvictIdle(except: prompt)) return null;

        Lease lease;
        if (prompt is null)
        {
            prompt = new SharedPrompt(request, _free.Pop());
            _prompts.Add(prompt);
            lease = new Lease(prompt, prompt.Home, limit + 1);
        }
        else if (prompt.Users == 0)
        {
            lease = new Lease(prompt, prompt.Home, limit + 1);
        }
        else
        {
            lease = new Lease(prompt, _free.Pop(), limit + 1);
            _unforked.Add(lease);
        }
        prompt.Users++;
        prompt.Holders.Add(lease.Sequence);
        _reserved += lease.Cells;
        return lease;
    }

    /// <summary>Runs new prompts but for their last tokens, many to a batch; <see cref="Fork"/> gives them to all that share them.</summary>
    /// <param name="batch">Is overwritten, and empty afterwards.</param>
    /// <param name="decode">Decodes it.</param>
    internal void Compute(TokenBatch batch, Action decode)
    {
        batch.Clear();
        foreach (var prompt in _prompts.Where(p => !p.IsComputed))
        {
            for (var position = 0; position < prompt.Length; position++)
            {
                batch.Add(prompt.Tokens[position], position, prompt.Home);
                if (batch.Count == context.Options.BatchLength) Flush();
            }
        }
        if (batch.Count > 0) Flush();

        void Flush()
        {
            decode();
            batch.Clear();
        }
    }

    /// <summary>Gives the leases taken since the last call their prompts, once those are computed. Returns the tokens saved.</summary>
    internal long Fork()
    {
        long saved = 0;
        foreach (var prompt in _prompts) prompt.IsComputed = true;
        foreach (var lease in _unforked)
        {
            context.CopySequence(lease.Prompt.Home, lease.Sequence, lease.Prompt.Length);
            saved += lease.Prompt.Length;
        }
        _unforked.Clear();
        return saved;
    }

    /// <summary>Takes a rollout's sequence back. The prompt's last sequence keeps the prompt.</summary>
    internal void Release(Lease lease)
    {
        var prompt = lease.Prompt;
        _reserved -= lease.Cells;
        prompt.Users--;
        if (prompt.Users == 0)
        {
            prompt.Home = lease.Sequence;
            prompt.Holders.Clear();
            if (context.Model.CanRewind && context.TryRewindSequence(lease.Sequence, prompt.Length)) return;
            _prompts.Remove(prompt);
            Free(lease.Sequence);
            return;
        }
        prompt.Holders.Remove(lease.Sequence);
        if (prompt.Home == lease.Sequence) prompt.Home = prompt.Holders[0];
        Free(lease.Sequence);
    }

    private bool EvictIdle(SharedPrompt? except)
    {
        var index = _prompts.FindIndex(p => p.Users == 0 && !ReferenceEquals(p, except));
        if (index < 0) return false;
        Free(_prompts[index].Home);
        _prompts.RemoveAt(index);
        return true;
    }

    private void Free(int sequence)
    {
        context.RewindSequence(sequence, 0);
        _free.Push(sequence);
    }

    /// <summary>A rollout's place in the cache.</summary>
    /// <param name="Prompt">The prompt it begins with.</param>
    /// <param name="Sequence">Its sequence.</param>
    /// <param name="Cells">Cells it may fill beyond the prompt.</param>
    internal sealed record Lease(SharedPrompt Prompt, int Sequence, int Cells);

    /// <summary>
    /// A prompt without its last token, which is each rollout's first row of decoding. Two prompts are the same when their
    /// tokens are and steering treats those tokens the same.
    /// </summary>
    internal sealed class SharedPrompt(RolloutRequest request, int home)
    {
        private readonly SteeringPlan? _plan = PlanBefore(request);

        internal IReadOnlyList<int> Tokens { get; } = request.Prompt;

        internal int Length => Tokens.Count - 1;

        internal bool IsComputed { get; set; } = request.Prompt.Count == 1;

        /// <summary>A sequence that holds the prompt.</summary>
        internal int Home { get; set; } = home;

        /// <summary>Running rollouts that began with it.</summary>
        internal int Users { get; set; }

        internal List<int> Holders { get; } = [];

        internal bool Matches(RolloutRequest other)
        {
            if (other.Prompt.Count != Tokens.Count || !ReferenceEquals(PlanBefore(other), _plan)) return false;
            if (ReferenceEquals(other.Prompt, Tokens)) return true;
            for (var i = 0; i < Length; i++)
            {
                if (other.Prompt[i] != Tokens[i]) return false;
            }
            return true;
        }

        private static SteeringPlan? PlanBefore(RolloutRequest request) =>
            request.Plan.ActsBefore(request.Prompt.Count - 1, request.Prompt.Count) ? request.Plan : null;
    }
}
