using System.Runtime.InteropServices;

namespace NativeSteer.Interop;

/// <summary>Owns a native object, and keeps those alive that it was made with.</summary>
internal abstract class ChildHandle : SafeHandle
{
    private readonly SafeHandle[] _parents;

    private protected ChildHandle(nint pointer, params SafeHandle[] parents) : base(0, ownsHandle: true)
    {
        _parents = pointer == 0 ? [] : parents; // what was never made is never freed
        foreach (var parent in _parents)
        {
            var counted = false;
            parent.DangerousAddRef(ref counted);
        }
        SetHandle(pointer);
    }

    public sealed override bool IsInvalid => handle == 0;

    /// <summary>The object.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed, and what was made with it too.</exception>
    internal nint Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return handle;
        }
    }

    private protected abstract void Free(nint pointer);

    protected sealed override bool ReleaseHandle()
    {
        Free(handle);
        foreach (var parent in _parents) parent.DangerousRelease();
        return true;
    }
}

/// <summary>Owns an ns_compute.</summary>
internal sealed class ComputeHandle(nint compute) : ChildHandle(compute)
{
    private protected override void Free(nint pointer) => GgmlApi.ns_compute_free(pointer);
}

/// <summary>Owns a ggml_gallocr.</summary>
internal sealed class AllocatorHandle(nint allocator, ComputeHandle compute) : ChildHandle(allocator, compute)
{
    private protected override void Free(nint pointer) => GgmlApi.ggml_gallocr_free(pointer);
}

/// <summary>Owns a ggml_context: descriptions of tensors. What holds their data is kept alive.</summary>
internal sealed class TensorsHandle(nint context, params SafeHandle[] data) : ChildHandle(context, data)
{
    private protected override void Free(nint pointer) => GgmlApi.ggml_free(pointer);
}

/// <summary>Owns a ggml_backend_buffer: the data of a context's tensors.</summary>
internal sealed class BufferHandle(nint buffer, ComputeHandle compute) : ChildHandle(buffer, compute)
{
    private protected override void Free(nint pointer) => GgmlApi.ggml_backend_buffer_free(pointer);
}

/// <summary>Owns an ns_autodiff.</summary>
internal sealed class AutodiffHandle(nint autodiff, ComputeHandle compute, TensorsHandle graph) : ChildHandle(autodiff, compute, graph)
{
    private protected override void Free(nint pointer) => GgmlApi.ns_autodiff_free(pointer);
}
