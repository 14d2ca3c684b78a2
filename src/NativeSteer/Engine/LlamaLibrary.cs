using System.Diagnostics;
using System.Runtime.InteropServices;
using NativeSteer.Interop;

namespace NativeSteer.Engine;

/// <summary>The llama.cpp that this process runs. The first read of a property loads it.</summary>
public static unsafe class LlamaLibrary
{
    /// <summary>Its version, e.g. <c>v0.5.0</c>.</summary>
    /// <exception cref="NativeSteerException">The native libraries are missing, cannot be loaded, or do not fit.</exception>
    public static string Version
    {
        get
        {
            NativeRuntime.EnsureLoaded();
            return Marshal.PtrToStringUTF8((nint)LlamaApi.llama_version()) ?? "unknown";
        }
    }

    /// <summary>The folder it was loaded from.</summary>
    /// <inheritdoc cref="Version" path="/exception"/>
    public static string Directory => NativeRuntime.LibraryDirectory;

    /// <summary>The devices it can compute on, as <c>NAME: DESCRIPTION</c>; the CPU is among them.</summary>
    /// <inheritdoc cref="Version" path="/exception"/>
    public static IReadOnlyList<string> Devices
    {
        get
        {
            NativeRuntime.EnsureLoaded();
            var devices = new List<string>();
            for (byte* name; (name = ShimApi.ns_device_name(devices.Count)) != null;) devices.Add(Marshal.PtrToStringUTF8((nint)name) ?? "");
            return devices;
        }
    }

    /// <summary>
    /// Which of its CPU libraries ggml chose for this processor's instructions, e.g. <c>haswell</c>; null where there is
    /// only one.
    /// </summary>
    /// <inheritdoc cref="Version" path="/exception"/>
    public static string? CpuVariant
    {
        get
        {
            NativeRuntime.EnsureLoaded();
            const string stem = "ggml-cpu-";
            using var process = Process.GetCurrentProcess();
            foreach (ProcessModule module in process.Modules)
            {
                var name = Path.GetFileNameWithoutExtension(module.ModuleName);
                var at = name.IndexOf(stem, StringComparison.Ordinal);
                if (at >= 0) return name[(at + stem.Length)..];
            }
            return null;
        }
    }
}
