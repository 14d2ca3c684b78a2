using System.Globalization;
using System.Threading.Channels;
using NativeSteer.Extraction;

namespace NativeSteer.Judges;

/// <summary>
/// A model behind an OpenAI-compatible endpoint that writes traces again in the bracketed form, several requests at a time. Each answer is
/// kept in the cache as it comes. A trace whose answer is missing, in any of its pieces, is unlabelled; asking again asks for that alone.
/// </summary>
public sealed class EndpointJudge : IJudge, IDisposable
{
    private const double CharactersPerToken = 4, TokensPerSegment = 10; // for estimates: English text; ["label"] and ["end-section"]

    private readonly EndpointOptions _options;
    private readonly EndpointClient _client;
    private readonly AnswerCache _cache;
    private int _requests, _cached;
    private long _tokensIn, _tokensOut;

    /// <summary>Opens the cache; nothing is sent yet.</summary>
    /// <exception cref="NativeSteerException">An option makes no sense, or the cache cannot be read and written.</exception>
    public EndpointJudge(EndpointOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _client = new EndpointClient(options);
        _cache = new AnswerCache(options.Cache);
    }

    /// <inheritdoc/>
    public string Name => _options.Model;

    /// <inheritdoc/>
    public string Settings =>
        $"bracketed, prompt {JudgePrompts.Version}, temperature {_options.Temperature?.ToString(CultureInfo.InvariantCulture) ?? "its own"}";

    /// <summary>What was sent and received so far, as the endpoint counts it.</summary>
    public JudgeCost Spent => new(_requests, Interlocked.Read(ref _tokensIn), Interlocked.Read(ref _tokensOut), _cached);

    /// <summary>Tries beyond the first of every request.</summary>
    public int Retries => _client.Retries;

    /// <summary>What judging these traces takes, at 4 characters a token; answers in the cache apart.</summary>
    public JudgeCost Estimate(IReadOnlyList<LabelledTrace> traces)
    {
        ArgumentNullException.ThrowIfNull(traces);
        var (requests, cached) = (0, 0);
        var (tokensIn, tokensOut) = (0.0, 0.0);
        foreach (var piece in traces.SelectMany(Pieces))
        {
            if (_cache.Find(piece.Key) is not null)
            {
                cached++;
                continue;
            }
            requests++;
            tokensIn += (JudgePrompts.Bracketed.Length + piece.Question.Length) / CharactersPerToken;
            tokensOut += piece.Chunk.Text.Length / CharactersPerToken + piece.Chunk.Sentences.Count * TokensPerSegment;
        }
        return new JudgeCost(requests, (long)tokensIn, (long)tokensOut, cached);
    }

    /// <inheritdoc/>
    public IEnumerable<Annotation> Annotate(
        IReadOnlyList<LabelledTrace> traces, IProgress<JudgeProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(traces);
        return Judged(traces, progress, cancellation);
    }

    /// <summary>Closes the cache.</summary>
    public void Dispose() => _cache.Dispose();

    private IEnumerable<Annotation> Judged(IReadOnlyList<LabelledTrace> traces, IProgress<JudgeProgress>? progress, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var finished = Channel.CreateUnbounded<Annotation>();
        var work = Task.Run(() => AskAllAsync(traces, finished.Writer, progress, stop.Token), CancellationToken.None);
        try
        {
            foreach (var annotation in finished.Reader.ReadAllAsync(CancellationToken.None).ToBlockingEnumerable(CancellationToken.None))
                yield return annotation;
            work.GetAwaiter().GetResult();
        }
        finally
        {
            stop.Cancel(); // where the reader leaves early
            ((IAsyncResult)work).AsyncWaitHandle.WaitOne();
        }
    }

    private async Task AskAllAsync(
        IReadOnlyList<LabelledTrace> traces, ChannelWriter<Annotation> finished, IProgress<JudgeProgress>? progress, CancellationToken cancellation)
    {
        try
        {
            var open = traces.Select(trace => new OpenTrace(trace, [.. Pieces(trace)])).ToList();
            foreach (var empty in open.Where(trace => trace.Pieces.Length == 0)) await finished.WriteAsync(empty.Result(), cancellation);
            var (done, total) = (0, open.Sum(trace => trace.Pieces.Length));
            var limits = new ParallelOptions { MaxDegreeOfParallelism = _options.Concurrency, CancellationToken = cancellation };
            await Parallel.ForEachAsync(open.SelectMany(trace => trace.Pieces.Select((_, i) => (trace, i))), limits, async (part, stop) =>
            {
                var (trace, i) = part;
                if (trace.Add(i, await AnswerAsync(trace.Trace, trace.Pieces[i], stop))) await finished.WriteAsync(trace.Result(), stop);
                progress?.Report(new JudgeProgress(Interlocked.Increment(ref done), total));
            });
        }
        finally
        {
            finished.Complete();
        }
    }

    private async Task<Annotation> AnswerAsync(LabelledTrace trace, Piece piece, CancellationToken cancellation)
    {
        var asked = trace with { Text = piece.Chunk.Text };
        try
        {
            var known = _cache.Find(piece.Key);
            var answer = known ?? await _client.AskAsync(JudgePrompts.Bracketed, piece.Question, cancellation);
            if (known is not null) Interlocked.Increment(ref _cached);
            else Count(answer);
            var annotation = Annotation.OfBracketed(asked, BracketedAnnotation.Parse(answer.Text, Behaviours.All));
            // Nonsense is not kept, so that it is asked for again.
            if (known is null && annotation.Failure is null) _cache.Add(piece.Key, _options.Model, answer);
            return annotation;
        }
        catch (NoAnswerException error) when (!error.IsFatal)
        {
            return Annotation.Failed(asked, error.Message);
        }
        catch (NoAnswerException error)
        {
            throw new NativeSteerException($"{_options.Model}: {error.Message}; check the model's name, the base URL and the key.", error);
        }
    }

    private void Count(JudgeAnswer answer)
    {
        Interlocked.Increment(ref _requests);
        Interlocked.Add(ref _tokensIn, answer.TokensIn);
        Interlocked.Add(ref _tokensOut, answer.TokensOut);
    }

    private IEnumerable<Piece> Pieces(LabelledTrace trace) => TextChunk.Split(trace, _options.ChunkLength, int.MaxValue).Select(chunk =>
    {
        var question = JudgePrompts.Text(trace, chunk);
        return new Piece(chunk, question, AnswerCache.Key(Name, Settings, JudgePrompts.Bracketed, question));
    });

    private sealed record Piece(TextChunk Chunk, string Question, string Key);

    /// <summary>A trace whose pieces come in any order.</summary>
    private sealed class OpenTrace(LabelledTrace trace, Piece[] pieces)
    {
        private readonly Annotation?[] _parts = new Annotation?[pieces.Length];
        private int _missing = pieces.Length;

        internal LabelledTrace Trace => trace;

        internal Piece[] Pieces => pieces;

        /// <summary>Returns true with the last piece.</summary>
        internal bool Add(int piece, Annotation part)
        {
            _parts[piece] = part;
            return Interlocked.Decrement(ref _missing) == 0;
        }

        internal Annotation Result() => pieces.Length == 0
            ? Annotation.Failed(trace, Annotation.NoText)
            : Annotation.OfParts(trace, pieces.Zip(_parts, (piece, part) => (piece.Chunk.From, part!)));
    }
}
