using NativeSteer.Engine;

namespace NativeSteer.Search;

/// <summary>
/// Hands out the sequences of a context and remembers which states they still hold, so that a state that is expanded again, or by
/// more samples than fit at a time, is forked and not computed. What was not used for longest goes first when room is needed.
/// </summary>
internal sealed class StateCache(InferenceContext context)
{
    private readonly Stack<int> _free = new();
    private readonly Dictionary<(int Problem, string Text), Held> _held = [];
    private readonly LinkedList<(int Problem, string Text)> _order = new(); // the least recently used first
    private int _promised; // sequences that branches may still fork into
    private long _cells; // that held states fill, and that branches may

    /// <summary>Drops everything.</summary>
    internal void Clear()
    {
        context.Clear();
        _held.Clear();
        _order.Clear();
        _free.Clear();
        (_promised, _cells) = (0, 0);
        for (var sequence = context.Options.Sequences - 1; sequence >= 0; sequence--) _free.Push(sequence);
    }

    /// <summary>
    /// Takes a place for a branch of some samples: a sequence, a promise of one more for each further sample, and cells for all.
    /// </summary>
    /// <param name="wanted">Samples that wait.</param>
    /// <param name="prefix">Tokens of prompt and state.</param>
    /// <param name="each">Tokens that a sample may add.</param>
    /// <param name="keep">A held state that must stay, or null.</param>
    /// <param name="least">Fewer samples than this are not worth it.</param>
    /// <returns>For how many samples there is room, with their sequence; none where there is none.</returns>
    internal (int Samples, int Sequence)? Take(int wanted, int prefix, int each, (int, string)? keep, int least)
    {
        while (true)
        {
            var cells = context.Options.ContextLength - _cells - prefix;
            var room = (int)Math.Min(Math.Min(wanted, _free.Count - _promised), cells / each);
            if (room >= wanted || (room >= least && !CanDrop(keep)))
            {
                _promised += room - 1;
                _cells += prefix + (long)room * each;
                return (room, _free.Pop());
            }
            if (!DropOldest(keep)) return null;
        }
    }

    /// <summary>A sequence that was promised.</summary>
    internal int Fork(int source, int length)
    {
        var sequence = _free.Pop();
        _promised--;
        context.CopySequence(source, sequence, length);
        return sequence;
    }

    /// <summary>Gives back what samples took that end together; their sequence itself is given back with <see cref="Free"/> or kept.</summary>
    internal void End(SamplePlace place, int samples)
    {
        _promised -= samples - 1;
        _cells -= (long)samples * place.Each;
        place.Running -= samples;
        if (place.Running == 0) _cells -= place.Prefix;
    }

    /// <summary>Gives a sequence back.</summary>
    internal void Free(int sequence)
    {
        context.RewindSequence(sequence, 0);
        _free.Push(sequence);
    }

    /// <summary>Keeps the beginning of a sequence as a state, unless it is held already or there is no room.</summary>
    internal void Keep((int Problem, string Text) state, int sequence, int length)
    {
        if (_held.ContainsKey(state) || length + _cells > context.Options.ContextLength || !context.TryRewindSequence(sequence, length))
        {
            Free(sequence);
            return;
        }
        _held.Add(state, new Held(sequence, length, _order.AddLast(state)));
        _cells += length;
    }

    /// <summary>A held state's sequence and length, or null.</summary>
    internal (int Sequence, int Length)? Find((int Problem, string Text) state)
    {
        if (!_held.TryGetValue(state, out var held)) return null;
        _order.Remove(held.Place);
        _order.AddLast(held.Place);
        return (held.Sequence, held.Length);
    }

    /// <summary>Drops the states of a problem.</summary>
    internal void Forget(int problem)
    {
        foreach (var state in _order.Where(state => state.Problem == problem).ToArray()) Drop(state);
    }

    private bool CanDrop((int, string)? keep) => _order.Count > (keep is { } kept && _held.ContainsKey(kept) ? 1 : 0);

    private bool DropOldest((int, string)? keep)
    {
        var place = _order.First;
        if (place is not null && keep is { } kept && place.Value == kept) place = place.Next;
        if (place is null) return false;
        Drop(place.Value);
        return true;
    }

    private void Drop((int Problem, string Text) state)
    {
        if (!_held.Remove(state, out var held)) return;
        _order.Remove(held.Place);
        _cells -= held.Length;
        Free(held.Sequence);
    }

    private sealed record Held(int Sequence, int Length, LinkedListNode<(int Problem, string Text)> Place);
}
