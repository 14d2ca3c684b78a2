using System.Runtime.InteropServices;

namespace NativeSteer.Interop;

/// <summary>
/// Holds a native object for the length of a call: it cannot be freed meanwhile, neither by Dispose on another thread nor
/// by the collector, and a call after Dispose throws instead of touching freed memory.
/// </summary>
internal readonly ref struct HandleLease
{
    private readonly SafeHandle? _handle; // null in a default lease, which holds nothing

    /// <summary>Takes hold.</summary>
    /// <exception cref="ObjectDisposedException">The object was disposed.</exception>
    internal HandleLease(SafeHandle handle)
    {
        var added = false;
        handle.DangerousAddRef(ref added);
        _handle = handle;
    }

    internal nint Pointer => _handle!.DangerousGetHandle();

    public void Dispose() => _handle?.DangerousRelease();
}
