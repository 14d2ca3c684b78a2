using NativeSteer.Engine;
using NativeSteer.Hooks;

namespace NativeSteer.Extraction;

/// <summary>How far a capture is.</summary>
/// <param name="Texts">Texts done.</param>
/// <param name="TotalTexts">All texts, 0 where unknown.</param>
/// <param name="Rows">Rows decoded.</param>
/// <param name="TotalRows">All rows to decode, 0 where unknown.</param>
public readonly record struct CaptureProgress(int Texts, int TotalTexts, long Rows, long TotalRows);

/// <summary>
/// Runs many texts through a context and sums their labelled rows. Every batch is filled to the last row: texts follow each
/// other, each as a sequence of its own, and one that does not fit goes on in the next batch over the cache it left. Memory
/// holds one batch of texts, however many there are.
/// </summary>
/// <remarks>
/// The context must have a hook and hold nothing else; it is empty afterwards. Results do not depend on the order of texts
/// but for rounding.
/// </remarks>
public sealed class CaptureRunner
{
    private readonly InferenceContext _context;
    private readonly TokenBatch _batch = new();
    private readonly Stack<int> _freeSequences;

    /// <summary>Runs on this context.</summary>
    public CaptureRunner(InferenceContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        _context = context;
        _freeSequences = new Stack<int>(Enumerable.Range(0, context.Options.Sequences).Reverse());
    }

    /// <summary>Texts and rows decoded so far, over all calls.</summary>
    public CaptureProgress Done { get; private set; }

    /// <summary>Totals to report with the progress, where they are known.</summary>
    public CaptureProgress Expected { get; init; }

    // A text on its way through the batches.
    private sealed class Running(LabelledTokens text, int sequence)
    {
        internal LabelledTokens Text { get; } = text;

        internal int Sequence { get; } = sequence;

        internal int Rows { get; set; } // already put into batches

        internal int Labels { get; set; } // of the text's labels, those before this index have been put on rows

        internal int Rest => Text.NeededRows - Rows;
    }

    /// <summary>Adds the labelled rows of all texts to the sums. Texts are taken from the enumeration as batches need them.</summary>
    /// <param name="texts">The texts; those without labels cost nothing.</param>
    /// <param name="sums">Where to add, and at which slots. After an exception it holds an unknown part.</param>
    /// <param name="progress">Told after every batch.</param>
    /// <param name="cancellation">Stops within the running batch.</param>
    /// <exception cref="NativeSteerException">A text is longer than the context, or a batch fails.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Sum(
        IEnumerable<LabelledTokens> texts, ActivationSums sums,
        IProgress<CaptureProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(sums);
        using var hook = new ResidualHook(_context);
        using var capture = hook.Sum(sums, logits: false);
        using var cancel = new DecodeCancellation(_context, cancellation);
        using var source = texts.Where(text => text.NeededRows > 0).GetEnumerator();
        try
        {
            Running? open = null;
            while (true)
            {
                var (finished, unfinished) = Fill(open, source);
                if (_batch.Count == 0) break;
                cancel.Decode(_batch);
                foreach (var text in finished) Release(text.Sequence);
                open = unfinished;
                Done = Expected with { Texts = Done.Texts + finished.Count, Rows = Done.Rows + _batch.Count };
                progress?.Report(Done);
            }
        }
        finally
        {
            _context.Clear();
            _freeSequences.Clear();
            for (var sequence = _context.Options.Sequences - 1; sequence >= 0; sequence--) _freeSequences.Push(sequence);
        }
    }

    // Goes on with the open text, then takes new ones until rows, cells of the cache, or sequences run out.
    private (List<Running> Finished, Running? Open) Fill(Running? open, IEnumerator<LabelledTokens> source)
    {
        _batch.Clear();
        var room = Math.Min(_context.Options.BatchLength, _context.Options.ContextLength - (open?.Rows ?? 0));
        var finished = new List<Running>();
        while (room > 0)
        {
            if (open is null)
            {
                if (_freeSequences.Count == 0 || !source.MoveNext()) break;
                RequireFit(source.Current);
                open = new Running(source.Current, _freeSequences.Pop());
            }
            var rows = Math.Min(room, open.Rest);
            Append(open, rows);
            room -= rows;
            if (open.Rest > 0) break;
            finished.Add(open);
            open = null;
        }
        return (finished, open);
    }

    private void Append(Running text, int rows)
    {
        var labels = text.Text.Labels;
        for (var end = text.Rows + rows; text.Rows < end; text.Rows++)
        {
            var row = _batch.Add(text.Text.Tokens[text.Rows], text.Rows, text.Sequence);
            for (; text.Labels < labels.Length && labels[text.Labels].Row == text.Rows; text.Labels++)
            {
                _batch.Label(row, labels[text.Labels].Group);
            }
        }
    }

    private void Release(int sequence)
    {
        _context.RewindSequence(sequence, 0);
        _freeSequences.Push(sequence);
    }

    private void RequireFit(LabelledTokens text)
    {
        if (text.NeededRows > _context.Options.ContextLength)
        {
            throw new NativeSteerException(
                $"A text of {text.NeededRows} tokens does not fit the context of {_context.Options.ContextLength}; give more with -c.");
        }
    }
}
