namespace NativeSteer.Cuda;

/// <summary>
/// The kernels of kernels/*.cu on one device, each with the parameters its source has. They are queued on a stream and return at once;
/// addresses and tables must have been checked: a kernel that touches other memory costs the whole context, llama.cpp's work in it
/// too. A context must have been entered.
/// </summary>
internal sealed unsafe class Kernels : IDisposable
{
    private const int Lanes = 32, Warps = 8; // of a block: kernels/row.h
    private const int SumColumns = 64; // of a block of ns_sum_chunks
    private const int AddThreads = 256; // of a block of ns_add_chunks
    private const int NaiveThreads = 256;
    private const int MostBlocksDown = 65535;

    private readonly CudaDriver _driver;
    private readonly KernelModule _module;
    private readonly nint _stream;
    private readonly nint _rowNorms, _sumChunks, _addChunks, _steer, _project, _naiveAccumulate, _naiveAdd, _naiveProject;

    /// <summary>Compiles the kernels.</summary>
    /// <param name="context">Must have been entered.</param>
    /// <param name="stream">What they are queued on.</param>
    internal Kernels(PrimaryContext context, StreamHandle stream)
    {
        _driver = context.Driver;
        _stream = stream.Pointer;
        _module = new KernelModule(context, Ptx());
        _rowNorms = _module.Function("ns_row_norms\0"u8);
        _sumChunks = _module.Function("ns_sum_chunks\0"u8);
        _addChunks = _module.Function("ns_add_chunks\0"u8);
        _steer = _module.Function("ns_steer\0"u8);
        _project = _module.Function("ns_project\0"u8);
        _naiveAccumulate = _module.Function("ns_naive_accumulate\0"u8);
        _naiveAdd = _module.Function("ns_naive_add\0"u8);
        _naiveProject = _module.Function("ns_naive_project\0"u8);
    }

    /// <summary>The text that the driver compiles: made by scripts/build-kernels.sh.</summary>
    internal static byte[] Ptx()
    {
        using var resource = typeof(Kernels).Assembly.GetManifestResourceStream("kernels.ptx")!;
        var text = new byte[resource.Length];
        resource.ReadExactly(text);
        return text;
    }

    /// <summary>norms[row] = L2 norm, for the rows listed.</summary>
    internal void RowNorms(ulong data, long stride, int width, ulong rows, int count, ulong norms)
    {
        var parameters = stackalloc void*[] { &data, &stride, &width, &rows, &count, &norms };
        Launch(_rowNorms, Blocks(count, Warps), 1, Lanes, Warps, parameters);
    }

    /// <summary>partial (chunks, width + 1) = what the rows of each chunk (group, first, count) and their norms add up to.</summary>
    internal void SumChunks(ulong data, long stride, int width, ulong rows, ulong chunks, int chunkCount, ulong norms, ulong partial)
    {
        var parameters = stackalloc void*[] { &data, &stride, &width, &rows, &chunks, &norms, &partial };
        Launch(_sumChunks, (uint)chunkCount, Blocks(width, SumColumns), Lanes, Warps, parameters);
    }

    /// <summary>sums (groups, width) and norm sums (groups) += the chunks of each group (group, first, count).</summary>
    internal void AddChunks(ulong partial, int width, ulong groups, int groupCount, ulong sums, ulong normSums)
    {
        var parameters = stackalloc void*[] { &partial, &width, &groups, &sums, &normSums };
        Launch(_addChunks, (uint)groupCount, Blocks(width + 1, AddThreads), AddThreads, 1, parameters);
    }

    /// <summary>Applies edits [first[i], first[i + 1]) to their row, for each of count rows.</summary>
    internal void Steer(ulong data, long stride, int width, ulong vectors, ulong edits, ulong first, int count)
    {
        var parameters = stackalloc void*[] { &data, &stride, &width, &vectors, &edits, &first, &count };
        Launch(_steer, Blocks(count, Warps), 1, Lanes, Warps, parameters);
    }

    /// <summary>results (rows, directions) = dot products, or cosines.</summary>
    internal void Project(
        ulong data, long stride, int width, ulong rows, int rowCount, ulong directions, int directionCount, bool cosine, ulong results)
    {
        var cosines = cosine ? 1 : 0;
        var parameters = stackalloc void*[] { &data, &stride, &width, &rows, &directions, &directionCount, &cosines, &results };
        Launch(_project, (uint)rowCount, Blocks(directionCount, Warps), Lanes, Warps, parameters);
    }

    /// <summary>Sums of ranges of rows (group, first, count), without norms, written the simplest way.</summary>
    internal void NaiveAccumulate(ulong data, long stride, int width, ulong rows, ulong ranges, int rangeCount, ulong sums)
    {
        var parameters = stackalloc void*[] { &data, &stride, &width, &rows, &ranges, &sums };
        Launch(_naiveAccumulate, (uint)rangeCount, Blocks(width, NaiveThreads), NaiveThreads, 1, parameters);
    }

    /// <summary>One addition a row, written the simplest way: row rows[i] += scales[i] * vectors[which[i]].</summary>
    internal void NaiveAdd(ulong data, long stride, int width, ulong rows, int rowCount, ulong vectors, ulong which, ulong scales)
    {
        var parameters = stackalloc void*[] { &data, &stride, &width, &rows, &vectors, &which, &scales };
        Launch(_naiveAdd, (uint)rowCount, Blocks(width, NaiveThreads), NaiveThreads, 1, parameters);
    }

    /// <summary>Dot products, written the simplest way.</summary>
    internal void NaiveProject(ulong data, long stride, int width, ulong rows, int rowCount, ulong directions, int directionCount, ulong results)
    {
        var parameters = stackalloc void*[] { &data, &stride, &width, &rows, &rowCount, &directions, &directionCount, &results };
        Launch(_naiveProject, Blocks((long)rowCount * directionCount, NaiveThreads), 1, NaiveThreads, 1, parameters);
    }

    public void Dispose() => _module.Dispose();

    private static uint Blocks(long count, int each) => (uint)((count + each - 1) / each);

    private void Launch(nint kernel, uint across, uint down, uint threadsX, uint threadsY, void** parameters)
    {
        if (across == 0 || down == 0) return;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(down, (uint)MostBlocksDown);
        _driver.Check(_driver.LaunchKernel(kernel, across, down, 1, threadsX, threadsY, 1, 0, _stream, parameters, null), "start a kernel");
    }
}
