using NativeSteer.Engine;

namespace NativeSteer.Extraction;

/// <summary>
/// Texts that stay in a context's cache after they were run, so that a later text that begins alike takes its beginning
/// from there (contrast prompts mostly share a persona, few-shot examples, or a template). Owns the sequences and keeps
/// account of the cells: what is shared is counted once.
/// </summary>
internal sealed class KeptTexts
{
    private const int FewestShared = 4; // below, the comparison and the fork cost more than the rows

    private readonly InferenceContext _context;
    private readonly List<Entry> _kept = []; // least recently used first
    private readonly Stack<int> _free = new();
    private readonly bool _canFork;

    internal KeptTexts(InferenceContext context)
    {
        _context = context;
        _canFork = context.Model.CanRewind; // a fork is a copy rewound to the shared part
        Clear();
    }

    /// <summary>Cells that one text computed. Forks of it hold on to them, even when it is gone itself.</summary>
    private sealed class Segment
    {
        internal int Cells { get; set; }

        internal int Holders { get; set; } = 1;
    }

    /// <summary>A text in the cache: rows 0 to <see cref="Rows"/> - 1 of its tokens.</summary>
    internal sealed class Entry
    {
        private readonly List<Segment> _segments = [];

        internal required int[] Tokens { get; init; }

        internal required int Sequence { get; init; }

        internal int Rows { get; set; }

        private KeptTexts Owner { get; init; } = null!;

        internal static Entry Create(KeptTexts owner, int[] tokens, int sequence, Entry? donor, int shared)
        {
            var entry = new Entry { Owner = owner, Tokens = tokens, Sequence = sequence, Rows = shared };
            foreach (var segment in donor?._segments ?? []) segment.Holders++;
            entry._segments.AddRange(donor?._segments ?? []);
            entry._segments.Add(new Segment());
            return entry;
        }

        /// <summary>Counts rows that are about to be computed.</summary>
        internal void Grow(int rows)
        {
            _segments[^1].Cells += rows;
            Owner.Cells += rows;
            Rows += rows;
        }

        internal void StandAlone()
        {
            Owner.Cells = Rows;
            _segments.Clear();
            _segments.Add(new Segment { Cells = Rows });
        }

        internal void Release()
        {
            foreach (var segment in _segments)
            {
                if (--segment.Holders == 0) Owner.Cells -= segment.Cells;
            }
        }
    }

    /// <summary>Cells in use; at least those really occupied.</summary>
    internal int Cells { get; private set; }

    /// <summary>Begins a text, over the longest beginning it shares with a kept one; null when no sequence can be had.</summary>
    /// <param name="text">The text. Its first labelled row and all after it are computed, whatever is shared.</param>
    internal Entry? Begin(LabelledTokens text)
    {
        (Entry? donor, var shared) = LongestShared(text);
        if (donor is not null) // used just now
        {
            _kept.Remove(donor);
            _kept.Add(donor);
        }
        if (_free.Count == 0 && !Evict(except: donor))
        {
            if (donor is null) return null;
            // The donor's sequence is the only one to be had: its text goes, and what it shares with it.
            _ = Evict(except: null);
            (donor, shared) = (null, 0);
        }
        var sequence = _free.Pop();
        if (donor is not null) _context.CopySequence(donor.Sequence, sequence, shared);
        return Entry.Create(this, text.Tokens, sequence, donor, shared);
    }

    /// <summary>Keeps a text that was run to its end.</summary>
    internal void Keep(Entry entry)
    {
        if (_canFork) _kept.Add(entry);
        else Drop(entry);
    }

    /// <summary>Gives up the least recently used texts until this many cells are free, or none is left.</summary>
    /// <param name="cells">Cells wanted.</param>
    /// <param name="running">The text that is being run, if any: it alone stays in any case.</param>
    internal void MakeRoom(int cells, Entry? running)
    {
        while (_context.Options.ContextLength - Cells < cells)
        {
            if (Evict(except: null)) continue;
            // Alone now: it no longer holds on to more of a text it was forked from than it shares.
            running?.StandAlone();
            return;
        }
    }

    /// <summary>Drops everything.</summary>
    internal void Clear()
    {
        _context.Clear();
        _kept.Clear();
        Cells = 0;
        _free.Clear();
        for (var sequence = _context.Options.Sequences - 1; sequence >= 0; sequence--) _free.Push(sequence);
    }

    private (Entry? Donor, int Shared) LongestShared(LabelledTokens text)
    {
        Entry? donor = null;
        var (longest, limit) = (FewestShared - 1, text.Labels[0].Row);
        foreach (var entry in _kept)
        {
            var most = Math.Min(limit, entry.Rows);
            var shared = text.Tokens.AsSpan(0, most).CommonPrefixLength(entry.Tokens.AsSpan(0, most));
            if (shared > longest) (donor, longest) = (entry, shared);
        }
        return donor is null ? (null, 0) : (donor, longest);
    }

    private bool Evict(Entry? except)
    {
        var index = _kept.FindIndex(entry => !ReferenceEquals(entry, except));
        if (index < 0) return false;
        var entry = _kept[index];
        _kept.RemoveAt(index);
        Drop(entry);
        return true;
    }

    private void Drop(Entry entry)
    {
        entry.Release();
        _context.RewindSequence(entry.Sequence, 0);
        _free.Push(entry.Sequence);
    }
}
