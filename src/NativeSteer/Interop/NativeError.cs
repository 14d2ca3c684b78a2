using System.Runtime.InteropServices;

namespace NativeSteer.Interop;

/// <summary>Turns the status of a native call into an exception.</summary>
internal static unsafe class NativeError
{
    /// <summary>Returns when the call succeeded; throws what the native side said otherwise, as one sentence.</summary>
    /// <param name="status">What the call returned.</param>
    /// <param name="prefix">Where it happened.</param>
    /// <param name="next">What to do about it, when the native side cannot know.</param>
    /// <exception cref="NativeSteerException">The call failed.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    internal static void Check(ShimStatus status, string? prefix = null, string? next = null)
    {
        switch (status)
        {
            case ShimStatus.Ok:
                return;
            case ShimStatus.Cancelled:
                throw new OperationCanceledException(Sentence(LastMessage()));
            default:
                throw new NativeSteerException(Sentence(prefix + LastMessage().TrimEnd('.', ' ') + (next is null ? "" : "; " + next)));
        }
    }

    /// <summary>ns_last_error() of this thread.</summary>
    internal static string LastMessage() => Marshal.PtrToStringUTF8((nint)ShimApi.ns_last_error()) ?? "unknown native error";

    // One line with one period at its end, whatever llama.cpp wrote.
    private static string Sentence(string text) => text.ReplaceLineEndings(" ").TrimEnd('.', ' ') + ".";
}
