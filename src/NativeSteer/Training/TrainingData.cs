using System.Text;
using NativeSteer.Extraction;
using NativeSteer.Files;

namespace NativeSteer.Training;

/// <summary>How training data is read.</summary>
public sealed record TrainingDataOptions
{
    /// <summary>Most tokens of a sequence, as many as a row of a batch holds.</summary>
    public int Length { get; init; } = 512;

    /// <summary>Leave longer sequences out and count them; otherwise the first one is an error.</summary>
    public bool DropLong { get; init; }
}

/// <summary>
/// Training data as token ids: JSONL lines <c>{"prompt", "completion"}</c> (the prompt masked, the model's end token added
/// unless <c>"end": false</c>), <c>{"text"}</c> (all trained, no end token unless <c>"end": true</c>), or
/// <c>{"nums", "target", "search_path"}</c> as in the self-backtracking paper (arXiv 2502.04404).
/// </summary>
/// <remarks>
/// <c>"mask": [[from, to], ...]</c> are stretches of the completion or text that are not trained, half open, in Unicode code
/// points; a token that overlaps one is masked. A prompt and its completion meet at a boundary of tokens.
/// </remarks>
public sealed class TrainingData
{
    private TrainingData(List<TrainingSequence> sequences, string path)
    {
        Sequences = sequences;
        Path = path;
        Hash = FileHash.Of(path);
        Tokens = sequences.Sum(sequence => (long)sequence.Tokens.Count);
        Targets = sequences.Sum(sequence => (long)sequence.Weights.Count(weight => weight != 0));
    }

    /// <summary>The file, as given.</summary>
    public string Path { get; }

    /// <summary><c>sha256:</c> and the hash of the whole file.</summary>
    public string Hash { get; }

    /// <summary>The sequences in the file's order.</summary>
    public IReadOnlyList<TrainingSequence> Sequences { get; }

    /// <summary>Tokens of all sequences.</summary>
    public long Tokens { get; }

    /// <summary>Tokens that are trained, i.e. not masked.</summary>
    public long Targets { get; }

    /// <summary>Sequences that were longer than a row and left out.</summary>
    public int Dropped { get; private init; }

    /// <summary>Reads and tokenizes a file.</summary>
    /// <exception cref="NativeSteerException">
    /// The file cannot be read or holds nothing to train; a line is malformed, too long, wholly masked, or not to be spelled with
    /// the vocabulary (with file and line).
    /// </exception>
    public static TrainingData Read(
        string path, TrainingTokenizer tokenizer, TrainingDataOptions? options = null, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(tokenizer);
        options ??= new TrainingDataOptions();
        var sequences = new List<TrainingSequence>();
        var dropped = 0;
        foreach (var line in JsonLines.Read(path))
        {
            stop.ThrowIfCancellationRequested();
            if (TrainingRow.Read(line) is not { } row) continue;
            var sequence = Tokenize(row, line, tokenizer);
            if (sequence.Tokens.Count <= options.Length) sequences.Add(sequence);
            else if (options.DropLong) dropped++;
            else
            {
                throw line.Error(
                    $"it has {sequence.Tokens.Count} tokens and a row holds {options.Length}; give a longer --length, or leave such lines "
                    + "out with --drop-long.");
            }
        }
        if (sequences.Count > 0) return new TrainingData(sequences, path) { Dropped = dropped };
        throw new NativeSteerException(dropped > 0
            ? $"{FileErrors.Shown(path)}: all {dropped} sequences are longer than {options.Length} tokens; give a longer --length."
            : $"{FileErrors.Shown(path)} holds nothing to train; it should hold lines with \"prompt\" and \"completion\", or with \"text\".");
    }

    private static TrainingSequence Tokenize(TrainingRow row, JsonLine line, TrainingTokenizer tokenizer)
    {
        if (row.Text.Contains(TrainingRow.Backtrack, StringComparison.Ordinal) && row.Prompt is not null
            && line.Element.TryGetProperty("search_path", out _) && tokenizer.Find(TrainingRow.Backtrack) < 0)
        {
            throw line.Error($"the vocabulary has no token {TrainingRow.Backtrack}; add it with --new-token '{TrainingRow.Backtrack}'.");
        }
        int[] prompt = [], text;
        var begin = 0;
        if (row.Prompt is null) text = Ask(() => tokenizer.Begin(row.Text, out begin));
        else
        {
            var promptBegin = 0;
            prompt = Ask(() => tokenizer.Begin(row.Prompt, out promptBegin));
            CheckSpelling(row.Prompt, prompt.AsSpan(promptBegin), "prompt");
            text = Ask(() => tokenizer.Continue(row.Text));
        }
        var spans = CheckSpelling(row.Text, text.AsSpan(begin), row.Prompt is null ? "text" : "completion");
        var end = row.End && (text.Length == 0 || !tokenizer.IsEnd(text[^1]));
        if (end && tokenizer.EndOfText < 0)
            throw line.Error("the model's vocabulary has no end token to close the line with; write \"end\": false.");

        int[] tokens = [.. prompt, .. text, .. end ? [tokenizer.EndOfText] : Array.Empty<int>()];
        var weights = new float[tokens.Length];
        var offsets = TokenAlignment.ByteOffsets(row.Text);
        for (var i = 0; i < spans.Length; i++) weights[prompt.Length + begin + i] = IsMasked(spans[i], row, offsets) ? 0 : 1;
        if (end) weights[^1] = 1;
        weights[0] = 0; // nothing stands before it to predict it from
        if (Array.TrueForAll(weights, weight => weight == 0))
            throw line.Error("nothing in it is to be trained: it is empty, a single token, or masked as a whole.");
        return new TrainingSequence(tokens, weights);

        int[] Ask(Func<int[]> tokenize)
        {
            try
            {
                return tokenize();
            }
            catch (NativeSteerException error)
            {
                throw line.Error(error.Message);
            }
        }

        (int From, int To)[] CheckSpelling(string whole, ReadOnlySpan<int> tokens, string field)
        {
            var utf8 = Encoding.UTF8.GetBytes(whole);
            var spelled = tokenizer.Spans(utf8, tokens, out var unspelled);
            if (unspelled < 0) return spelled;
            var place = Encoding.UTF8.GetString(utf8, 0, unspelled).EnumerateRunes().Count();
            var shown = FileErrors.Printable(Encoding.UTF8.GetString(utf8.AsSpan(unspelled, Math.Min(12, utf8.Length - unspelled))));
            throw line.Error($"the model's vocabulary cannot spell the {field} from code point {place} on ('{shown}'); change the text or the model.");
        }
    }

    // A token without bytes (a space that the vocabulary put before the text) belongs to what follows it.
    private static bool IsMasked((int From, int To) span, TrainingRow row, int[] offsets)
    {
        foreach (var (from, to) in row.Masked)
        {
            if (offsets[from] < Math.Max(span.To, span.From + 1) && span.From < offsets[to]) return true;
        }
        return false;
    }
}
