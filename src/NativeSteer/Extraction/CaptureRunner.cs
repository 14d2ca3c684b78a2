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
    private readonly KeptTexts _kept;
    private LabelledTokens? _waiting; // taken from the source, no sequence yet

    /// <summary>Runs on this context.</summary>
    public CaptureRunner(InferenceContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        _context = context;
        _kept = new KeptTexts(context);
    }

    /// <summary>Texts and rows decoded so far, over all calls.</summary>
    public CaptureProgress Done { get; private set; }

    /// <summary>Totals to report with the progress, where they are known.</summary>
    public CaptureProgress Expected { get; init; }

    /// <summary>Rows that were taken from an earlier text's cache instead of being decoded; part of the rows done.</summary>
    public long ReusedRows { get; private set; }

    // A text on its way through the batches.
    private sealed class Running(LabelledTokens text, KeptTexts.Entry cached)
    {
        internal LabelledTokens Text { get; } = text;

        internal KeptTexts.Entry Cached { get; } = cached; // its rows are those already put into batches

        internal int Labels { get; set; }

        internal int Rest => Text.NeededRows - Cached.Rows;
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
                var reused = ReusedRows;
                var (finished, unfinished) = Fill(open, source);
                if (_batch.Count == 0) break; // the source is at its end: an idle context has room for any text
                cancel.Decode(_batch);
                foreach (var text in finished) _kept.Keep(text.Cached);
                open = unfinished;
                Done = Expected with { Texts = Done.Texts + finished.Count, Rows = Done.Rows + _batch.Count + (ReusedRows - reused) };
                progress?.Report(Done);
            }
        }
        finally
        {
            _kept.Clear();
            _waiting = null;
        }
    }

    // Goes on with the open text, then takes new ones until rows, cells of the cache, or sequences run out.
    private (List<Running> Finished, Running? Open) Fill(Running? open, IEnumerator<LabelledTokens> source)
    {
        _batch.Clear();
        _kept.MakeRoom(_context.Options.BatchLength, open?.Cached);
        var finished = new List<Running>();
        while (Room() > 0)
        {
            if (open is null)
            {
                open = Begin(source);
                if (open is null) break;
            }
            Append(open, Math.Min(Room(), open.Rest));
            if (open.Rest > 0) break;
            finished.Add(open);
            open = null;
            if (!_context.Model.CanRewind) break; // llama.cpp regroups rows of several sequences for recurrent models
        }
        if (_batch.Count == 0 && (_waiting ?? open?.Text) is not null) throw new InvalidOperationException("There is no room for a text that fits.");
        return (finished, open);

        int Room() => Math.Min(_context.Options.BatchLength - _batch.Count, _context.Options.ContextLength - _kept.Cells);
    }

    private Running? Begin(IEnumerator<LabelledTokens> source)
    {
        if (_waiting is null)
        {
            if (!source.MoveNext()) return null;
            RequireFit(source.Current);
            _waiting = source.Current;
        }
        if (_kept.Begin(_waiting) is not { } cached) return null;
        var text = new Running(_waiting, cached);
        _waiting = null;
        ReusedRows += cached.Rows;
        return text;
    }

    private void Append(Running text, int rows)
    {
        var labels = text.Text.Labels;
        var first = text.Cached.Rows;
        text.Cached.Grow(rows);
        for (var position = first; position < first + rows; position++)
        {
            var row = _batch.Add(text.Text.Tokens[position], position, text.Cached.Sequence);
            for (; text.Labels < labels.Length && labels[text.Labels].Row == position; text.Labels++)
            {
                _batch.Label(row, labels[text.Labels].Group);
            }
        }
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
