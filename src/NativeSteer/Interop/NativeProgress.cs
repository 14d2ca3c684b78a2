using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace NativeSteer.Interop;

/// <summary>Carries progress from the native side to the caller, and an exception of the caller's back around it.</summary>
internal sealed unsafe class NativeProgress(Action<float>? target)
{
    /// <summary>What the caller threw; the native call was stopped then.</summary>
    internal ExceptionDispatchInfo? Failure { get; private set; }

    /// <summary>ns_progress_fn; user is a GCHandle of one of these.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static byte OnProgress(float value, void* user)
    {
        NativeProgress? progress = null;
        try
        {
            progress = (NativeProgress)GCHandle.FromIntPtr((nint)user).Target!;
            progress.Report(value);
            return 1;
        }
        catch (Exception e)
        {
            if (progress is not null) progress.Failure = ExceptionDispatchInfo.Capture(e);
            return 0;
        }
    }

    private void Report(float value) => target?.Invoke(value);
}
