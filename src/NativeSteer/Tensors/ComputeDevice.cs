using NativeSteer.Interop;

namespace NativeSteer.Tensors;

/// <summary>Where tensor graphs are computed: the CPU, with a thread pool of its own. Stores and graphs made on it keep it alive.</summary>
internal sealed class ComputeDevice : IDisposable
{
    private readonly ComputeHandle _compute;

    /// <summary>Starts a device.</summary>
    /// <param name="threads">CPU threads, at least 1.</param>
    /// <exception cref="NativeSteerException">ggml's CPU backend cannot be started.</exception>
    public ComputeDevice(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        NativeRuntime.EnsureLoaded();
        NativeError.Check(GgmlApi.ns_compute_create(threads, out var compute));
        _compute = new ComputeHandle(compute);
    }

    /// <summary>What is made with the device keeps this.</summary>
    internal ComputeHandle Handle => _compute;

    internal nint Backend => GgmlApi.ns_compute_backend(_compute.Pointer);

    internal void Run(nint graph)
    {
        using var lease = new HandleLease(_compute);
        NativeError.Check(GgmlApi.ns_compute_run(lease.Pointer, graph));
    }

    public void Dispose() => _compute.Dispose();
}
