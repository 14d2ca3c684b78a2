using System.Diagnostics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace NativeSteer.Tensors;

/// <summary>How fast this machine's threads together read memory, and copy it: far more than caches hold, an equal part for each thread.</summary>
internal sealed unsafe class MemoryRate : IDisposable
{
    private const long Values = 64L << 20; // floats of each of the two halves: 256 MiB
    private const int Part = 1 << 20; // floats a thread takes at a time
    private const int Runs = 3;

    private readonly int _threads;
    private float* _from, _to;

    /// <summary>Takes the memory.</summary>
    /// <param name="threads">Threads that read and copy.</param>
    internal MemoryRate(int threads)
    {
        _threads = threads;
        _from = (float*)NativeMemory.AlignedAlloc((nuint)(Values * sizeof(float)), 4096);
        _to = (float*)NativeMemory.AlignedAlloc((nuint)(Values * sizeof(float)), 4096);
        new Span<float>(_from, (int)Values).Fill(1);
        new Span<float>(_to, (int)Values).Fill(2); // touched, so that no page is made while it is timed
    }

    /// <summary>Bytes read a second.</summary>
    internal double Read() => Values * sizeof(float) / Time((first, count) =>
    {
        if (TensorPrimitives.Sum(new ReadOnlySpan<float>(_from + first, count)) < 0) throw new InvalidOperationException(); // the sum is used
    });

    /// <summary>Bytes copied a second, each counted once.</summary>
    internal double Copy() => Values * sizeof(float) / Time((first, count) =>
        new ReadOnlySpan<float>(_from + first, count).CopyTo(new Span<float>(_to + first, count)));

    public void Dispose()
    {
        NativeMemory.AlignedFree(_from);
        NativeMemory.AlignedFree(_to);
        _from = _to = null;
    }

    private double Time(Action<long, int> work)
    {
        ObjectDisposedException.ThrowIf(_from is null, this);
        var best = double.MaxValue; // of what others do on the machine, the least
        for (var run = 0; run < Runs; run++)
        {
            var start = Stopwatch.GetTimestamp();
            Parallel.For(0, Values / Part, new ParallelOptions { MaxDegreeOfParallelism = _threads }, part => work(part * Part, Part));
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }
}
