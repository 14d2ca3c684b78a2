using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NativeSteer.Interop;

/// <summary>Finds and loads libnativesteer once, before the first native call.</summary>
internal static unsafe class NativeRuntime
{
    /// <summary>ns_abi_version() of the library this code was written for.</summary>
    internal const int AbiVersion = 9;

    /// <summary>Overrides where the native libraries are looked for: a folder with libnativesteer.so and llama.cpp's libraries.</summary>
    internal const string DirectoryVariable = "NATIVESTEER_LIBRARY_DIR";

    private static readonly Lazy<string> s_directory = new(Load, LazyThreadSafetyMode.ExecutionAndPublication);

    /// <summary>The folder the libraries were loaded from. The first read loads them.</summary>
    /// <exception cref="NativeSteerException">A library is missing, cannot be loaded, or is another version.</exception>
    internal static string LibraryDirectory => s_directory.Value;

    /// <summary>Loads the libraries when that has not happened yet.</summary>
    internal static void EnsureLoaded() => _ = s_directory.Value;

    private static string Load()
    {
        var directory = FindDirectory();
        nint library;
        try
        {
            library = NativeLibrary.Load(Path.Combine(directory, FileName));
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new NativeSteerException($"The native library {Path.Combine(directory, FileName)} cannot be loaded: {e.Message.ReplaceLineEndings(" ")}", e);
        }
        NativeLibrary.SetDllImportResolver(typeof(NativeRuntime).Assembly, (name, _, _) => name == ShimApi.Library ? library : 0);

        if (!NativeLibrary.TryGetExport(library, nameof(ShimApi.ns_abi_version), out _))
        {
            throw new NativeSteerException($"{Path.Combine(directory, FileName)} is no library of NativeSteer's; rebuild it with 'dotnet build'.");
        }
        var version = ShimApi.ns_abi_version();
        if (version != AbiVersion)
        {
            throw new NativeSteerException($"{Path.Combine(directory, FileName)} has interface version {version}, this build of NativeSteer needs {AbiVersion}; rebuild it with 'dotnet build'.");
        }
        NativeError.Check(ShimApi.ns_initialize(directory, &NativeLog.OnNativeLine));
        return directory;
    }

    private static string FileName =>
        OperatingSystem.IsWindows() ? "nativesteer.dll" : OperatingSystem.IsMacOS() ? "libnativesteer.dylib" : "libnativesteer.so";

    private static string FindDirectory()
    {
        var chosen = Environment.GetEnvironmentVariable(DirectoryVariable);
        if (!string.IsNullOrEmpty(chosen))
        {
            return File.Exists(Path.Combine(chosen, FileName))
                ? Path.GetFullPath(chosen)
                : throw new NativeSteerException($"{DirectoryVariable} names {chosen}, where there is no {FileName}; unset it or point it at the folder that has it.");
        }
        string[] candidates =
        [
            Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native"),
            Path.Combine(AppContext.BaseDirectory, "runtimes", PortableIdentifier, "native"),
            AppContext.BaseDirectory,
        ];
        return candidates.FirstOrDefault(d => File.Exists(Path.Combine(d, FileName)))
            ?? throw new NativeSteerException($"{FileName} was not found under {AppContext.BaseDirectory}; build it with 'dotnet build', or set {DirectoryVariable} to the folder that has it.");
    }

    private static string PortableIdentifier =>
        (OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux") + "-" + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
}
