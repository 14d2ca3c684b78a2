using System.Runtime.InteropServices;
using NativeSteer.Interop;

namespace NativeSteer.Engine;

/// <summary>Says when llama.cpp came with a GPU's code and cannot use it: models then run elsewhere, mostly on the CPU and many times slower.</summary>
public static class GpuBackend
{
    private static readonly (string Library, string Device)[] s_known = [("libggml-cuda.so", "CUDA"), ("libggml-vulkan.so", "Vulkan")];
    private static readonly Lazy<string?> s_why = new(Look);
    private static int s_said;

    /// <summary>Why there is code for a GPU and no GPU to use it: one sentence; null where all is well, or there is no such code.</summary>
    /// <exception cref="NativeSteerException">The native libraries are missing, cannot be loaded, or do not fit.</exception>
    public static string? Unused => s_why.Value;

    /// <summary>Tells the user, once.</summary>
    internal static void SayOnce()
    {
        if (Unused is not { } why || Interlocked.Exchange(ref s_said, 1) != 0) return;
        var other = LlamaLibrary.Devices.FirstOrDefault(device => !device.StartsWith("CPU", StringComparison.Ordinal))?.Split(':')[0];
        NativeLog.Notify($"{why.TrimEnd('.')}; the model runs on {other ?? "the CPU"} ('scripts/setup-cuda.sh --check' says what is missing for CUDA, -ngl 0 leaves this line away)");
    }

    private static string? Look()
    {
        var devices = LlamaLibrary.Devices;
        foreach (var (library, device) in s_known)
        {
            var path = Path.Combine(LlamaLibrary.Directory, library);
            if (!File.Exists(path) || devices.Any(name => name.StartsWith(device, StringComparison.Ordinal))) continue;
            return Reason(path) is { } reason ? $"{library} cannot be loaded: {reason}" : $"{library} finds no device of its kind on this machine";
        }
        return null;
    }

    private static string? Reason(string path)
    {
        try
        {
            NativeLibrary.Free(NativeLibrary.Load(path));
            return null;
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            // .NET's message lists what it tried; the loader's own line names what is missing.
            var lines = error.Message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            var line = lines.FirstOrDefault(line => line.Contains(": cannot open shared object file", StringComparison.Ordinal)) ?? lines.FirstOrDefault(line => line.StartsWith(path, StringComparison.Ordinal)) ?? lines[0];
            return line.Replace(": cannot open shared object file: No such file or directory", " is missing", StringComparison.Ordinal).TrimEnd('.');
        }
    }
}
