using NativeSteer.Interop;

namespace NativeSteer.Cuda;

/// <summary>Rows of a tensor in a device's memory, 32-bit floats.</summary>
/// <param name="Data">Address of the first.</param>
/// <param name="Stride">Floats from one to the next.</param>
/// <param name="Count">How many.</param>
/// <param name="Width">Floats of each.</param>
internal readonly record struct DeviceRows(ulong Data, long Stride, int Count, int Width);

/// <summary>
/// Edits and sums of rows on one device: checks every index, packs the tables into one copy, and starts the kernels. Prepare, then
/// run: what can fail harmlessly (memory) fails before anything was changed.
/// </summary>
internal sealed unsafe class RowWork(CudaDevice device) : IDisposable
{
    /// <summary>Rows of a chunk at most: kernels/accumulate.cu; native/rows.h, chunk.</summary>
    internal const int ChunkRows = 64;

    private const int Operations = 5; // of native/nativesteer.h, ns_op
    private const int SelfAmplify = 4, Alignment = 16;

    private DeviceMemory? _tables;
    private PinnedMemory? _staging;
    private DeviceMemory? _norms;
    private DeviceMemory? _partial; // what chunks add up to
    private long _used;
    private long _edits, _firsts, _rows, _distinct, _chunks, _groups; // where in the tables, bytes
    private int _editedRows, _distinctRows, _chunkCount, _groupCount;

    /// <summary>Checks and packs edits (ordered by row) and labels (ordered by group). The device must have been entered.</summary>
    /// <exception cref="ArgumentException">A row, vector, operation or group does not exist: nothing was started.</exception>
    /// <exception cref="CudaException">The device has no memory for the tables: nothing was started.</exception>
    internal void Prepare(in DeviceRows rows, ReadOnlySpan<ShimEdit> edits, int vectors, ReadOnlySpan<ShimLabel> labels, int groups)
    {
        Check(rows, edits, vectors, labels, groups);
        Reserve(Bytes(rows, edits.Length, labels.Length));
        _used = 0;
        PackEdits(edits);
        PackLabels(labels, rows.Count);
        if (_chunkCount == 0) return;
        Reserve(ref _norms, (long)rows.Count * sizeof(double));
        Reserve(ref _partial, (long)_chunkCount * (rows.Width + 1) * sizeof(double));
    }

    /// <summary>Queues what was prepared.</summary>
    /// <param name="rows">As given to <see cref="Prepare"/>.</param>
    /// <param name="vectors">(vectors, width) on the device; not read without edits.</param>
    /// <param name="sums">(groups, width) on the device, added to; not touched without labels.</param>
    /// <param name="normSums">(groups) on the device, likewise.</param>
    internal void Run(in DeviceRows rows, ulong vectors, ulong sums, ulong normSums)
    {
        device.CopyToDevice(_tables!.Address, new ReadOnlySpan<byte>(_staging!.Pointer, (int)_used));
        if (_editedRows > 0) device.Kernels.Steer(rows.Data, rows.Stride, rows.Width, vectors, At(_edits), At(_firsts), _editedRows);
        if (_chunkCount == 0) return;
        device.Kernels.RowNorms(rows.Data, rows.Stride, rows.Width, At(_distinct), _distinctRows, _norms!.Address);
        device.Kernels.SumChunks(rows.Data, rows.Stride, rows.Width, At(_rows), At(_chunks), _chunkCount, _norms.Address, _partial!.Address);
        device.Kernels.AddChunks(_partial.Address, rows.Width, At(_groups), _groupCount, sums, normSums);
    }

    public void Dispose()
    {
        _tables?.Dispose();
        _staging?.Dispose();
        _norms?.Dispose();
        _partial?.Dispose();
    }

    private ulong At(long offset) => _tables!.Address + (ulong)offset;

    // A wrong index would end in an illegal address, which costs the context and all that llama.cpp has in it.
    private static void Check(in DeviceRows rows, ReadOnlySpan<ShimEdit> edits, int vectors, ReadOnlySpan<ShimLabel> labels, int groups)
    {
        if (rows.Data % sizeof(float) != 0 || rows.Width < 1 || rows.Stride < rows.Width || rows.Count < 0) throw new ArgumentException($"{rows} are no rows.");
        for (var i = 0; i < edits.Length; i++)
        {
            var edit = edits[i];
            if ((uint)edit.Row >= (uint)rows.Count) throw new ArgumentException($"Edit {i} names row {edit.Row} of {rows.Count}.");
            if (i > 0 && edit.Row < edits[i - 1].Row) throw new ArgumentException($"Edit {i} is not in the order of rows.");
            if ((uint)edit.Operation >= Operations) throw new ArgumentException($"Edit {i} has the unknown operation {edit.Operation}.");
            if (edit.Operation != SelfAmplify && (uint)edit.Vector >= (uint)vectors) throw new ArgumentException($"Edit {i} names vector {edit.Vector} of {vectors}.");
        }
        for (var i = 0; i < labels.Length; i++)
        {
            var label = labels[i];
            if ((uint)label.Row >= (uint)rows.Count) throw new ArgumentException($"Label {i} names row {label.Row} of {rows.Count}.");
            if ((uint)label.Group >= (uint)groups) throw new ArgumentException($"Label {i} names group {label.Group} of {groups}.");
            if (i > 0 && label.Group < labels[i - 1].Group) throw new ArgumentException($"Label {i} is not in the order of groups.");
        }
    }

    private static long Bytes(in DeviceRows rows, int edits, int labels) =>
        (long)edits * (sizeof(ShimEdit) + sizeof(int)) + sizeof(int) + (long)labels * 7 * sizeof(int) + (long)rows.Count * sizeof(int) + 8 * Alignment;

    private void Reserve(long bytes)
    {
        if (_staging is not null && _staging.Bytes >= bytes) return;
        Dispose();
        (_tables, _staging, _norms, _partial) = (null, null, null, null);
        var room = Math.Max(2 * bytes, 1 << 16);
        _tables = device.Allocate(room);
        _staging = device.AllocatePinned(room);
    }

    private void Reserve(ref DeviceMemory? memory, long bytes)
    {
        if (memory is not null && memory.Bytes >= bytes) return;
        memory?.Dispose();
        memory = null;
        memory = device.Allocate(bytes);
    }

    private Span<T> Table<T>(int count, out long offset) where T : unmanaged
    {
        offset = (_used + Alignment - 1) / Alignment * Alignment;
        _used = offset + (long)count * sizeof(T);
        return new Span<T>(_staging!.Pointer + offset, count);
    }

    private void PackEdits(ReadOnlySpan<ShimEdit> edits)
    {
        edits.CopyTo(Table<ShimEdit>(edits.Length, out _edits));
        var firsts = Table<int>(edits.Length + 1, out _firsts);
        _editedRows = 0;
        for (var i = 0; i < edits.Length; i++)
        {
            if (i == 0 || edits[i].Row != edits[i - 1].Row) firsts[_editedRows++] = i;
        }
        firsts[_editedRows] = edits.Length;
    }

    // An entry (group, first, count), of which nothing is counted yet.
    private static void Add(Span<int> table, ref int count, int group, int first)
    {
        (table[3 * count], table[3 * count + 1], table[3 * count + 2]) = (group, first, 0);
        count++;
    }

    private void PackLabels(ReadOnlySpan<ShimLabel> labels, int rowCount)
    {
        var rows = Table<int>(labels.Length, out _rows);
        var distinct = Table<int>(Math.Min(labels.Length, rowCount), out _distinct);
        var chunks = Table<int>(3 * labels.Length, out _chunks);
        var groups = Table<int>(3 * labels.Length, out _groups);
        var seen = new bool[rowCount];
        (_chunkCount, _groupCount, _distinctRows) = (0, 0, 0);
        for (var i = 0; i < labels.Length; i++)
        {
            var (row, group) = (labels[i].Row, labels[i].Group);
            rows[i] = row;
            if (!seen[row]) distinct[_distinctRows++] = row;
            seen[row] = true;
            var begins = i == 0 || group != labels[i - 1].Group;
            if (begins) Add(groups, ref _groupCount, group, _chunkCount);
            if (begins || chunks[3 * _chunkCount - 1] == ChunkRows)
            {
                Add(chunks, ref _chunkCount, group, i);
                groups[3 * _groupCount - 1]++;
            }
            chunks[3 * _chunkCount - 1]++;
        }
    }
}
