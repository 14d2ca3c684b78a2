using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using NativeSteer.Cuda;
using NativeSteer.Tests.Files;

namespace NativeSteer.Tests.Cuda;

/// <summary>
/// A stand-in for the CUDA driver (tests/kernels/driver.cpp), loaded from a copy of its own, so that what a test sets and breaks is
/// no other test's.
/// </summary>
internal sealed unsafe class StandIn : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly delegate* unmanaged<byte*, long, void> _set;
    private readonly delegate* unmanaged<byte*, long> _get;
    private CudaDriver? _driver;

    internal StandIn(params ReadOnlySpan<(string Name, long Value)> settings)
    {
        Path = _folder["libcuda-stand-in.so"];
        File.Copy(Built, Path);
        var library = NativeLibrary.Load(Path);
        _set = (delegate* unmanaged<byte*, long, void>)NativeLibrary.GetExport(library, "stand_in_set");
        _get = (delegate* unmanaged<byte*, long>)NativeLibrary.GetExport(library, "stand_in_get");
        foreach (var (name, value) in settings) this[name] = value;
    }

    /// <summary>Where the build puts what runs kernels on the CPU.</summary>
    internal static string Folder { get; } = typeof(StandIn).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "KernelDirectory").Value!;

    internal static string Built => System.IO.Path.Combine(Folder, "libcuda-stand-in.so");

    internal string Path { get; }

    internal CudaDriver Driver => _driver ??= CudaDriver.Load([Path], out var why) ?? throw new InvalidOperationException(why);

    /// <summary>A setting, or a count that the stand-in keeps; the names are in driver.cpp.</summary>
    internal long this[string name]
    {
        get
        {
            fixed (byte* text = Text(name)) return _get(text);
        }
        set
        {
            fixed (byte* text = Text(name)) _set(text, value);
        }
    }

    public void Dispose() => _folder.Dispose();

    private static byte[] Text(string name) => Encoding.ASCII.GetBytes(name + "\0");
}
