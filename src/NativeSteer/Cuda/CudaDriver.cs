using System.Runtime.InteropServices;

namespace NativeSteer.Cuda;

/// <summary>
/// The part of the CUDA driver API that is used here, taken from the driver's library at run time. Nothing is linked: a machine
/// without a driver has none, and nothing else changes.
/// </summary>
/// <remarks>Handles are nint, sizes nuint, device addresses ulong, as in cuda.h. The names with _v2 are what the header's names stand for.</remarks>
internal sealed unsafe class CudaDriver
{
    /// <summary>A library to load in place of the driver's, by its whole path: a stand-in for tests.</summary>
    internal const string LibraryVariable = "NATIVESTEER_CUDA_DRIVER";

    /// <summary>CUDA 9.0: the first whose compiler takes PTX 6.0, which kernels.ptx is.</summary>
    private const int LeastVersion = 9000;

    private static readonly string[] s_names = OperatingSystem.IsWindows() ? ["nvcuda.dll"] : ["libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"];

    internal readonly delegate* unmanaged<uint, int> Init;
    internal readonly delegate* unmanaged<int*, int> DriverGetVersion;
    internal readonly delegate* unmanaged<int*, int> DeviceGetCount;
    internal readonly delegate* unmanaged<int*, int, int> DeviceGet;
    internal readonly delegate* unmanaged<byte*, int, int, int> DeviceGetName;
    internal readonly delegate* unmanaged<int*, int, int, int> DeviceGetAttribute;
    internal readonly delegate* unmanaged<nuint*, int, int> DeviceTotalMem;
    internal readonly delegate* unmanaged<nint*, int, int> DevicePrimaryCtxRetain;
    internal readonly delegate* unmanaged<int, int> DevicePrimaryCtxRelease;
    internal readonly delegate* unmanaged<nint, int> CtxPushCurrent;
    internal readonly delegate* unmanaged<nint*, int> CtxPopCurrent;
    internal readonly delegate* unmanaged<nint*, byte*, uint, int*, nint*, int> ModuleLoadDataEx;
    internal readonly delegate* unmanaged<nint, int> ModuleUnload;
    internal readonly delegate* unmanaged<nint*, nint, byte*, int> ModuleGetFunction;
    internal readonly delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int> LaunchKernel;
    internal readonly delegate* unmanaged<ulong*, nuint, int> MemAlloc;
    internal readonly delegate* unmanaged<ulong, int> MemFree;
    internal readonly delegate* unmanaged<nint*, nuint, uint, int> MemHostAlloc;
    internal readonly delegate* unmanaged<nint, int> MemFreeHost;
    internal readonly delegate* unmanaged<ulong, void*, nuint, nint, int> MemcpyHtoDAsync;
    internal readonly delegate* unmanaged<void*, ulong, nuint, nint, int> MemcpyDtoHAsync;
    internal readonly delegate* unmanaged<ulong, ulong, nuint, nint, int> MemcpyDtoDAsync;
    internal readonly delegate* unmanaged<ulong, byte, nuint, nint, int> MemsetD8Async;
    internal readonly delegate* unmanaged<nint*, uint, int> StreamCreate;
    internal readonly delegate* unmanaged<nint, int> StreamDestroy;
    internal readonly delegate* unmanaged<nint, int> StreamSynchronize;
    internal readonly delegate* unmanaged<void*, int, ulong, int> PointerGetAttribute;
    private readonly delegate* unmanaged<int, nint*, int> _getErrorName;

    private CudaDriver(nint library, string name)
    {
        Library = library;
        Name = name;
        Init = (delegate* unmanaged<uint, int>)Function("cuInit");
        DriverGetVersion = (delegate* unmanaged<int*, int>)Function("cuDriverGetVersion");
        DeviceGetCount = (delegate* unmanaged<int*, int>)Function("cuDeviceGetCount");
        DeviceGet = (delegate* unmanaged<int*, int, int>)Function("cuDeviceGet");
        DeviceGetName = (delegate* unmanaged<byte*, int, int, int>)Function("cuDeviceGetName");
        DeviceGetAttribute = (delegate* unmanaged<int*, int, int, int>)Function("cuDeviceGetAttribute");
        DeviceTotalMem = (delegate* unmanaged<nuint*, int, int>)Function("cuDeviceTotalMem_v2");
        DevicePrimaryCtxRetain = (delegate* unmanaged<nint*, int, int>)Function("cuDevicePrimaryCtxRetain");
        DevicePrimaryCtxRelease = (delegate* unmanaged<int, int>)Function("cuDevicePrimaryCtxRelease_v2");
        CtxPushCurrent = (delegate* unmanaged<nint, int>)Function("cuCtxPushCurrent_v2");
        CtxPopCurrent = (delegate* unmanaged<nint*, int>)Function("cuCtxPopCurrent_v2");
        ModuleLoadDataEx = (delegate* unmanaged<nint*, byte*, uint, int*, nint*, int>)Function("cuModuleLoadDataEx");
        ModuleUnload = (delegate* unmanaged<nint, int>)Function("cuModuleUnload");
        ModuleGetFunction = (delegate* unmanaged<nint*, nint, byte*, int>)Function("cuModuleGetFunction");
        LaunchKernel = (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)Function("cuLaunchKernel");
        MemAlloc = (delegate* unmanaged<ulong*, nuint, int>)Function("cuMemAlloc_v2");
        MemFree = (delegate* unmanaged<ulong, int>)Function("cuMemFree_v2");
        MemHostAlloc = (delegate* unmanaged<nint*, nuint, uint, int>)Function("cuMemHostAlloc");
        MemFreeHost = (delegate* unmanaged<nint, int>)Function("cuMemFreeHost");
        MemcpyHtoDAsync = (delegate* unmanaged<ulong, void*, nuint, nint, int>)Function("cuMemcpyHtoDAsync_v2");
        MemcpyDtoHAsync = (delegate* unmanaged<void*, ulong, nuint, nint, int>)Function("cuMemcpyDtoHAsync_v2");
        MemcpyDtoDAsync = (delegate* unmanaged<ulong, ulong, nuint, nint, int>)Function("cuMemcpyDtoDAsync_v2");
        MemsetD8Async = (delegate* unmanaged<ulong, byte, nuint, nint, int>)Function("cuMemsetD8Async");
        StreamCreate = (delegate* unmanaged<nint*, uint, int>)Function("cuStreamCreate");
        StreamDestroy = (delegate* unmanaged<nint, int>)Function("cuStreamDestroy_v2");
        StreamSynchronize = (delegate* unmanaged<nint, int>)Function("cuStreamSynchronize");
        PointerGetAttribute = (delegate* unmanaged<void*, int, ulong, int>)Function("cuPointerGetAttribute");
        _getErrorName = (delegate* unmanaged<int, nint*, int>)Function("cuGetErrorName");
    }

    /// <summary>The library's handle.</summary>
    internal nint Library { get; }

    /// <summary>What was loaded.</summary>
    internal string Name { get; }

    /// <summary>The newest CUDA that the driver knows: 1000 major + 10 minor.</summary>
    internal int Version { get; private set; }

    /// <summary>Whether this is the tests' stand-in, for which the host's memory can be a device's.</summary>
    internal bool IsStandIn => NativeLibrary.TryGetExport(Library, "stand_in_set", out _);

    /// <summary>Loads and starts the driver, or the library that <see cref="LibraryVariable"/> names.</summary>
    /// <param name="why">Why there is none: one sentence.</param>
    /// <returns>Null where there is no driver, or none that can be used.</returns>
    internal static CudaDriver? Find(out string? why)
    {
        var chosen = Environment.GetEnvironmentVariable(LibraryVariable);
        if (!string.IsNullOrEmpty(chosen)) return Load([chosen], out why);
        return Load(s_names, out why);
    }

    /// <summary>Loads and starts the first of these libraries that can be loaded.</summary>
    internal static CudaDriver? Load(string[] names, out string? why)
    {
        foreach (var name in names)
        {
            if (!NativeLibrary.TryLoad(name, out var library)) continue;
            try
            {
                var driver = new CudaDriver(library, name);
                driver.Start();
                why = null;
                return driver;
            }
            catch (NativeSteerException error)
            {
                why = error.Message;
                return null;
            }
        }
        why = $"No NVIDIA driver: {names[0]} cannot be loaded.";
        return null;
    }

    /// <summary>Returns when a call succeeded.</summary>
    /// <param name="result">What it returned.</param>
    /// <param name="what">What was being done, as in "CUDA cannot …".</param>
    /// <exception cref="CudaException">It did not.</exception>
    internal void Check(int result, string what)
    {
        if (result != 0) throw new CudaException(result, $"CUDA cannot {what}: {ErrorName(result)}.");
    }

    /// <summary>CUDA's name of an error, e.g. <c>CUDA_ERROR_OUT_OF_MEMORY</c>.</summary>
    internal string ErrorName(int result)
    {
        nint name = 0;
        return _getErrorName(result, &name) == 0 && name != 0 ? Marshal.PtrToStringUTF8(name)! : $"error {result}";
    }

    private void Start()
    {
        int version;
        Check(DriverGetVersion(&version), "say its version");
        Version = version;
        if (version < LeastVersion)
        {
            throw new NativeSteerException(
                $"The NVIDIA driver supports CUDA {ShowVersion(version)}, {ShowVersion(LeastVersion)} is needed; install driver 384.81 or newer.");
        }
        Check(Init(0), "start the driver");
    }

    /// <summary>A version as people write it, e.g. <c>12.4</c>.</summary>
    internal static string ShowVersion(int version) => $"{version / 1000}.{version % 1000 / 10}";

    private nint Function(string name) =>
        NativeLibrary.TryGetExport(Library, name, out var address)
            ? address
            : throw new NativeSteerException($"{Name} has no function {name}; install a newer NVIDIA driver.");
}

/// <summary>A call to the CUDA driver failed.</summary>
public sealed class CudaException : NativeSteerException
{
    internal CudaException(int code, string message) : base(message) => Code = code;

    /// <summary>The driver's CUresult.</summary>
    public int Code { get; }

    /// <summary>Whether the device is short of memory: everything else goes on.</summary>
    public bool IsOutOfMemory => Code == 2;
}
