using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;

namespace NativeSteer.Cuda;

/// <summary>One GPU: its context, our stream and kernels there, and copies. One thread at a time works with it.</summary>
internal sealed unsafe class CudaDevice : IDisposable
{
    private const int MemoryType = 2, DeviceOrdinal = 9; // CUpointer_attribute
    private const uint OnDevice = 2; // CU_MEMORYTYPE_DEVICE
    private const int NoContext = 201; // CUDA_ERROR_INVALID_CONTEXT
    private const int CapabilityMajor = 75, CapabilityMinor = 76; // CUdevice_attribute
    private const int LeastCapability = 60; // kernels.ptx is for sm_60
    private const int NotSupported = 801; // CUDA_ERROR_NOT_SUPPORTED

    // A device stays open for the process: llama.cpp's context is alive that long, and compiling the kernels takes a while.
    private static readonly ConcurrentDictionary<(nint Library, int Ordinal), Lazy<CudaDevice>> s_open = new();

    private readonly PrimaryContext _context;
    private readonly StreamHandle _stream;

    private CudaDevice(CudaDriver driver, int ordinal)
    {
        Driver = driver;
        Ordinal = ordinal;
        int device;
        driver.Check(driver.DeviceGet(&device, ordinal), $"find device {ordinal}");
        (Name, Memory, var capability) = Describe(device);
        if (capability < LeastCapability)
            throw new CudaException(NotSupported, $"{Name} is too old: the kernels need compute capability {LeastCapability / 10}.{LeastCapability % 10} (Pascal, 2016) or newer.");
        _context = new PrimaryContext(driver, device);
        using var current = Enter();
        _stream = new StreamHandle(_context);
        Kernels = new Kernels(_context, _stream);
    }

    /// <summary>The driver it was opened by.</summary>
    internal CudaDriver Driver { get; }

    /// <summary>Its number.</summary>
    internal int Ordinal { get; }

    /// <summary>Its name, with its compute capability.</summary>
    internal string Name { get; }

    /// <summary>Bytes of its memory.</summary>
    internal long Memory { get; }

    /// <summary>The kernels, on this device's stream.</summary>
    internal Kernels Kernels { get; }

    /// <summary>Number of devices.</summary>
    internal static int Count(CudaDriver driver)
    {
        int count;
        driver.Check(driver.DeviceGetCount(&count), "count the devices");
        return count;
    }

    /// <summary>Opens a device, or gives the one that is open.</summary>
    /// <exception cref="CudaException">It cannot be used, or the driver does not compile the kernels.</exception>
    internal static CudaDevice Open(CudaDriver driver, int ordinal)
    {
        var key = (driver.Library, ordinal);
        try
        {
            return s_open.GetOrAdd(key, _ => new Lazy<CudaDevice>(() => new CudaDevice(driver, ordinal))).Value;
        }
        catch (CudaException)
        {
            s_open.TryRemove(key, out _);
            throw;
        }
    }

    /// <summary>The device whose memory an address is in; null for memory of the host, or unknown.</summary>
    internal static int? OfAddress(CudaDriver driver, ulong address)
    {
        // The question needs some context. On llama.cpp's threads there is its own; else any will do.
        uint type;
        if (driver.PointerGetAttribute(&type, MemoryType, address) != NoContext) return Ask(driver, address);
        using var current = Open(driver, 0).Enter();
        return Ask(driver, address);
    }

    private static int? Ask(CudaDriver driver, ulong address)
    {
        uint type;
        int ordinal;
        if (driver.PointerGetAttribute(&type, MemoryType, address) != 0 || type != OnDevice) return null;
        return driver.PointerGetAttribute(&ordinal, DeviceOrdinal, address) == 0 ? ordinal : null;
    }

    /// <summary>Makes the device the calling thread's until the result is disposed; everything below needs this.</summary>
    internal PrimaryContext.Current Enter() => _context.Enter();

    /// <summary>Memory of the device.</summary>
    internal DeviceMemory Allocate(long bytes) => new(_context, bytes);

    /// <summary>Memory of the host for fast copies.</summary>
    internal PinnedMemory AllocatePinned(long bytes) => new(_context, bytes);

    /// <summary>Queues a copy to the device. The source must stay as it is until <see cref="Synchronize"/> when it is pinned.</summary>
    internal void CopyToDevice<T>(ulong to, ReadOnlySpan<T> from) where T : unmanaged
    {
        if (from.IsEmpty) return;
        fixed (T* source = from)
        {
            Driver.Check(Driver.MemcpyHtoDAsync(to, source, (nuint)from.Length * (nuint)sizeof(T), _stream.Pointer), "copy to the device");
        }
    }

    /// <summary>Copies to the host and waits for everything queued.</summary>
    internal void CopyToHost<T>(Span<T> to, ulong from) where T : unmanaged
    {
        if (!to.IsEmpty)
        {
            fixed (T* target = to)
            {
                Driver.Check(Driver.MemcpyDtoHAsync(target, from, (nuint)to.Length * (nuint)sizeof(T), _stream.Pointer), "copy from the device");
                Synchronize(); // within fixed: the copy may still be on its way
            }
        }
    }

    /// <summary>Queues a copy within the device's memory.</summary>
    internal void Copy(ulong to, ulong from, long bytes) =>
        Driver.Check(Driver.MemcpyDtoDAsync(to, from, (nuint)bytes, _stream.Pointer), "copy within the device");

    /// <summary>Queues zeros.</summary>
    internal void Clear(ulong address, long bytes) =>
        Driver.Check(Driver.MemsetD8Async(address, 0, (nuint)bytes, _stream.Pointer), "clear memory of the device");

    /// <summary>Waits for everything queued here. What a kernel did wrong is reported now.</summary>
    internal void Synchronize() => Driver.Check(Driver.StreamSynchronize(_stream.Pointer), "run a kernel");

    public void Dispose()
    {
        Kernels.Dispose();
        _stream.Dispose();
        _context.Dispose();
    }

    private (string Name, long Memory, int Capability) Describe(int device)
    {
        const int nameLength = 256;
        var text = stackalloc byte[nameLength];
        int major = 0, minor = 0;
        nuint memory = 0;
        Driver.Check(Driver.DeviceGetName(text, nameLength, device), "name the device");
        Driver.Check(Driver.DeviceGetAttribute(&major, CapabilityMajor, device), "describe the device");
        Driver.Check(Driver.DeviceGetAttribute(&minor, CapabilityMinor, device), "describe the device");
        Driver.Check(Driver.DeviceTotalMem(&memory, device), "describe the device");
        var name = Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));
        return ($"{name} (compute capability {major}.{minor})", (long)memory, 10 * major + minor);
    }
}
