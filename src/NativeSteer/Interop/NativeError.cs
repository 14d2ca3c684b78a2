using System.Runtime.InteropServices;

namespace NativeSteer.Interop;

/// <summary>Turns the status of a native call into an exception.</summary>
internal static unsafe class NativeError
{
    /// <summary>Returns when the call succeeded; throws what the native side said otherwise.</summary>
    /// <exception cref="NativeSteerException">The call failed.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    internal static void Check(ShimStatus status, string? prefix = null)
    {
        switch (status)
        {
            case ShimStatus.Ok:
                return;
            case ShimStatus.Cancelled:
                throw new OperationCanceledException(LastMessage());
            default:
                throw new NativeSteerException(prefix + LastMessage());
        }
    }

    /// <summary>ns_last_error() of this thread.</summary>
    internal static string LastMessage() => Marshal.PtrToStringUTF8((nint)ShimApi.ns_last_error()) ?? "unknown native error";
}
