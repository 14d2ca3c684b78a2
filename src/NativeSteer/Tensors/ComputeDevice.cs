using NativeSteer.Interop;

namespace NativeSteer.Tensors;

/// <summary>Where tensor graphs are computed: the CPU, with a thread pool of its own. Disposed after every store and graph made on it.</summary>
internal sealed class ComputeDevice : IDisposable
{
    private nint _compute;

    /// <summary>Starts a device.</summary>
    /// <param name="threads">CPU threads, at least 1.</param>
    /// <exception cref="NativeSteerException">ggml's CPU backend cannot be started.</exception>
    public ComputeDevice(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        NativeRuntime.EnsureLoaded();
        NativeError.Check(GgmlApi.ns_compute_create(threads, out _compute));
    }

    internal nint Backend => GgmlApi.ns_compute_backend(Handle);

    internal nint Handle => _compute != 0 ? _compute : throw new ObjectDisposedException(nameof(ComputeDevice));

    internal void Run(nint graph) => NativeError.Check(GgmlApi.ns_compute_run(Handle, graph));

    public void Dispose()
    {
        if (_compute != 0) GgmlApi.ns_compute_free(_compute);
        _compute = 0;
    }
}
