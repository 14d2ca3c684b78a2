using NativeSteer.Files;

namespace NativeSteer.Training;

/// <summary>
/// Puts sequences into rows of batches: in each epoch every sequence once, in an order that the seed and the epoch decide. Epoch
/// and batch number are all that is needed to go on where a run has stopped.
/// </summary>
public sealed class BatchPacker
{
    // Rows that wait for a sequence that fits. More would fill rows better, and tie the order closer to the lengths.
    private const int OpenRows = 64;

    private readonly IReadOnlyList<TrainingSequence> _sequences;
    private readonly int[] _lengths;
    private readonly ulong _seed;
    private readonly bool _shuffle;
    private (long Epoch, List<List<int>> Rows)? _packed;

    /// <summary>Takes the sequences.</summary>
    /// <param name="sequences">None longer than a row.</param>
    /// <param name="rows">Rows of a batch; an epoch's last batch may have fewer.</param>
    /// <param name="length">Tokens of a row.</param>
    /// <param name="seed">Decides the order.</param>
    /// <param name="shuffle">False keeps the order as given, the same in every epoch.</param>
    /// <exception cref="ArgumentException">
    /// There is no sequence, or one is longer than a row or has not as many weights and references as tokens.
    /// </exception>
    public BatchPacker(IReadOnlyList<TrainingSequence> sequences, int rows, int length, ulong seed, bool shuffle = true)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        if (sequences.Count == 0) throw new ArgumentException("There is no sequence.", nameof(sequences));
        _sequences = sequences;
        _lengths = [.. sequences.Select(sequence => sequence.Tokens.Count)];
        if (Array.Exists(_lengths, tokens => tokens > length || tokens == 0))
            throw new ArgumentException("A sequence is empty or longer than a row.", nameof(sequences));
        foreach (var sequence in sequences)
        {
            var tokens = sequence.Tokens.Count;
            if (sequence.Weights.Count != tokens || (sequence.ReferenceLogProbabilities?.Count ?? tokens) != tokens)
                throw new ArgumentException($"A sequence of {tokens} tokens needs as many weights and reference log-probabilities.", nameof(sequences));
        }
        Rows = rows;
        Length = length;
        _seed = seed;
        _shuffle = shuffle;
    }

    /// <summary>Rows of a batch.</summary>
    public int Rows { get; }

    /// <summary>Tokens of a row.</summary>
    public int Length { get; }

    /// <summary>Batches of an epoch. Epochs differ a little, as their sequences fit together otherwise.</summary>
    public int Batches(long epoch) => (Packed(epoch).Count + Rows - 1) / Rows;

    /// <summary>Share of an epoch's places in rows that hold tokens.</summary>
    public double UsedShare(long epoch) => _lengths.Sum(tokens => (double)tokens) / ((double)Packed(epoch).Count * Length);

    /// <summary>A batch of an epoch.</summary>
    /// <param name="epoch">From 0.</param>
    /// <param name="index">From 0 to <see cref="Batches"/> - 1.</param>
    public TrainingBatch Batch(long epoch, int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Batches(epoch));
        var rows = Packed(epoch);
        return Fill(rows.GetRange(index * Rows, Math.Min(Rows, rows.Count - index * Rows)));
    }

    private List<List<int>> Packed(long epoch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        if (_packed is { } known && known.Epoch == epoch) return known.Rows;
        int[] order = [.. Enumerable.Range(0, _lengths.Length)];
        if (_shuffle) new StableRandom(_seed, (ulong)epoch).Shuffle<int>(order);
        var rows = Pack(order);
        _packed = (epoch, rows);
        return rows;
    }

    // Best fit: each sequence goes into the open row that it fills most. The oldest row is closed when there are too many.
    private List<List<int>> Pack(int[] order)
    {
        var rows = new List<List<int>>();
        var open = new List<(List<int> Row, int Left)>();
        foreach (var sequence in order)
        {
            var tokens = _lengths[sequence];
            var best = -1;
            for (var i = 0; i < open.Count; i++)
            {
                if (open[i].Left >= tokens && (best < 0 || open[i].Left < open[best].Left)) best = i;
            }
            if (best < 0)
            {
                if (open.Count == OpenRows) Close(0);
                open.Add(([], Length));
                best = open.Count - 1;
            }
            var (row, left) = open[best];
            row.Add(sequence);
            open[best] = (row, left - tokens);
            if (left == tokens) Close(best);
        }
        while (open.Count > 0) Close(0);
        return rows;

        void Close(int index)
        {
            rows.Add(open[index].Row);
            open.RemoveAt(index);
        }
    }

    private TrainingBatch Fill(List<List<int>> rows)
    {
        var places = rows.Count * Length;
        var (tokens, positions, segments) = (new int[places], new int[places], new int[places]);
        Array.Fill(segments, -1);
        List<int> outputs = [], targets = [];
        List<float> weights = [], references = [];
        for (var r = 0; r < rows.Count; r++)
        {
            var at = r * Length;
            for (var s = 0; s < rows[r].Count; s++)
            {
                var sequence = _sequences[rows[r][s]];
                for (var i = 0; i < sequence.Tokens.Count; i++, at++)
                {
                    tokens[at] = sequence.Tokens[i];
                    positions[at] = i;
                    segments[at] = s;
                    if (i == 0 || sequence.Weights[i] == 0) continue;
                    outputs.Add(at - 1);
                    targets.Add(sequence.Tokens[i]);
                    weights.Add(sequence.Weights[i]);
                    references.Add(sequence.ReferenceLogProbabilities?[i] ?? float.NaN);
                }
            }
        }
        return new TrainingBatch
        {
            Rows = rows.Count,
            Length = Length,
            Tokens = tokens,
            Positions = positions,
            Segments = segments,
            Outputs = [.. outputs],
            Targets = [.. targets],
            Weights = [.. weights],
            ReferenceLogProbabilities = references.TrueForAll(float.IsNaN) ? null : [.. references],
        };
    }
}
