using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NativeSteer.Interop;

/// <summary>How serious a line of llama.cpp's log is; the values are ggml's.</summary>
public enum LogLevel
{
    /// <summary>For developers of llama.cpp.</summary>
    Debug = 1,

    /// <summary>What is being done.</summary>
    Information = 2,

    /// <summary>Something is odd.</summary>
    Warning = 3,

    /// <summary>Something failed; an exception follows.</summary>
    Error = 4,
}

/// <summary>The one sink that llama.cpp's and ggml's log lines go to. Without a sink they are dropped.</summary>
public static unsafe class NativeLog
{
    /// <summary>ggml's level of a piece that goes on with the line before.</summary>
    internal const int Continuation = 5;

    /// <summary>A sentence of ours that a user should see.</summary>
    internal const int Notice = 100;

    private static LogLevel s_last = LogLevel.Information;

    /// <summary>Receives (level, text); the text may be part of a line. May be called from any thread; a sink that throws is removed.</summary>
    public static Action<LogLevel, string>? Sink { get; set; }

    /// <summary>Receives sentences for the user, each at most once in a process: what goes slower than it could, and why. One that throws is removed.</summary>
    public static Action<string>? Notices { get; set; }

    /// <summary>What the last sink threw; it was removed then.</summary>
    public static Exception? SinkFailure { get; private set; }

    /// <summary>Tells the user. What comes of it is no reason for work to fail.</summary>
    internal static void Notify(string sentence)
    {
        try
        {
            Notices?.Invoke(sentence);
        }
        catch (Exception e)
        {
            Notices = null;
            SinkFailure = e;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static void OnNativeLine(int level, byte* line)
    {
        try
        {
            if (level == Notice)
            {
                Notify(Marshal.PtrToStringUTF8((nint)line) ?? "");
                return;
            }
            if (level != Continuation) s_last = (LogLevel)level;
            if (Sink is { } sink) sink(s_last, Marshal.PtrToStringUTF8((nint)line) ?? "");
        }
        catch (Exception e)
        {
            // An exception that leaves an unmanaged callback ends the process; a broken sink must not cost the run.
            Sink = null;
            SinkFailure = e;
        }
    }
}
