using NativeSteer.Interop;

namespace NativeSteer.Engine;

/// <summary>
/// The rows of one decode, and the only row map: row i is (sequence, position), with what is wanted of it: logits, a place
/// in sums, a copy. llama.cpp's batch, the steering table and the capture mask are all derived from it.
/// </summary>
public sealed class TokenBatch
{
    private int[] _tokens = new int[64];
    private int[] _positions = new int[64];
    private int[] _sequences = new int[64];
    private byte[] _outputs = new byte[64];
    private readonly List<ShimLabel> _labels = [];
    private readonly List<int> _copyRows = [];

    /// <summary>Number of rows.</summary>
    public int Count { get; private set; }

    /// <summary>Token id per row.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);

    /// <summary>Position in its sequence per row.</summary>
    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, Count);

    /// <summary>Sequence id per row.</summary>
    public ReadOnlySpan<int> Sequences => _sequences.AsSpan(0, Count);

    /// <summary>1 where logits are wanted, per row.</summary>
    public ReadOnlySpan<byte> Outputs => _outputs.AsSpan(0, Count);

    /// <summary>Rows to copy out, in the order they were asked for.</summary>
    public IReadOnlyList<int> CopyRows => _copyRows;

    /// <summary>Whether any row has a place in sums.</summary>
    public bool HasLabels => _labels.Count > 0;

    /// <summary>Removes all rows, keeping the memory.</summary>
    public void Clear()
    {
        Count = 0;
        _labels.Clear();
        _copyRows.Clear();
    }

    /// <summary>Adds a row and returns its index.</summary>
    /// <param name="token">Token id.</param>
    /// <param name="position">Position in the sequence; follows the sequence's last one.</param>
    /// <param name="sequence">Sequence id, 0 to the context's number of sequences - 1.</param>
    /// <param name="output">Whether logits are wanted after this row.</param>
    public int Add(int token, int position, int sequence, bool output = false)
    {
        if (Count == _tokens.Length) Grow();
        _tokens[Count] = token;
        _positions[Count] = position;
        _sequences[Count] = sequence;
        _outputs[Count] = output ? (byte)1 : (byte)0;
        return Count++;
    }

    /// <summary>Has a capture add this row to a group of its sums; a row may be in several groups.</summary>
    public void Label(int row, int group) => _labels.Add(new ShimLabel { Row = Checked(row), Group = group });

    /// <summary>Has a capture copy this row out.</summary>
    public void Copy(int row) => _copyRows.Add(Checked(row));

    /// <summary>Flags the rows that are read as outputs: in the last block only those exist.</summary>
    internal void RequireOutputOfReadRows()
    {
        foreach (var label in _labels) _outputs[label.Row] = 1;
        foreach (var row in _copyRows) _outputs[row] = 1;
    }

    /// <summary>The labels in the order the native side wants: by group, stable within one.</summary>
    internal ShimLabel[] LabelsByGroup() => [.. _labels.OrderBy(l => l.Group)];

    private int Checked(int row) =>
        (uint)row < (uint)Count ? row : throw new ArgumentOutOfRangeException(nameof(row), row, $"The batch has {Count} rows.");

    private void Grow()
    {
        Array.Resize(ref _tokens, Count * 2);
        Array.Resize(ref _positions, Count * 2);
        Array.Resize(ref _sequences, Count * 2);
        Array.Resize(ref _outputs, Count * 2);
    }
}
