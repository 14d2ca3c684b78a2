using System.Runtime.InteropServices;

namespace NativeSteer.Cuda;

/// <summary>
/// Holds a device's primary context: the one that llama.cpp's CUDA backend computes in, so that its memory can be worked on where
/// it lies.
/// </summary>
internal sealed unsafe class PrimaryContext : SafeHandle
{
    private readonly int _device;

    internal PrimaryContext(CudaDriver driver, int device) : base(0, ownsHandle: true)
    {
        Driver = driver;
        _device = device;
        nint context;
        driver.Check(driver.DevicePrimaryCtxRetain(&context, device), $"use device {device}");
        SetHandle(context);
    }

    internal CudaDriver Driver { get; }

    public override bool IsInvalid => handle == 0;

    /// <summary>Makes the context the calling thread's until the result is disposed. Every other call needs this.</summary>
    internal Current Enter()
    {
        Driver.Check(Driver.CtxPushCurrent(handle), "enter the device's context");
        return new Current(Driver);
    }

    protected override bool ReleaseHandle() => Driver.DevicePrimaryCtxRelease(_device) == 0;

    /// <summary>The calling thread's context.</summary>
    internal readonly ref struct Current(CudaDriver driver)
    {
        public void Dispose()
        {
            nint context;
            driver.CtxPopCurrent(&context);
        }
    }
}

/// <summary>Something that lives in a context and keeps it alive. Freed from any thread.</summary>
internal abstract class ContextHandle : SafeHandle
{
    private readonly PrimaryContext _context;

    private protected ContextHandle(PrimaryContext context) : base(0, ownsHandle: true) => _context = context;

    /// <summary>Takes what was made. What could not be made keeps no context alive.</summary>
    private protected void Own(nint made)
    {
        var added = false;
        _context.DangerousAddRef(ref added);
        SetHandle(made);
    }

    public sealed override bool IsInvalid => handle == 0;

    private protected CudaDriver Driver => _context.Driver;

    private protected abstract int Free();

    protected sealed override bool ReleaseHandle()
    {
        bool freed;
        try
        {
            using (_context.Enter()) freed = Free() == 0;
        }
        catch (CudaException)
        {
            freed = false; // the context was lost, and with it everything in it
        }
        _context.DangerousRelease();
        return freed;
    }
}

/// <summary>Compiled kernels.</summary>
internal sealed unsafe class KernelModule : ContextHandle
{
    private const int ErrorLog = 5, ErrorLogSize = 6; // CUjit_option

    /// <summary>Has the driver compile PTX.</summary>
    /// <param name="context">Must have been entered.</param>
    /// <param name="ptx">Text.</param>
    internal KernelModule(PrimaryContext context, ReadOnlySpan<byte> ptx) : base(context)
    {
        const int logSize = 4096;
        byte[] text = [.. ptx, 0];
        var log = new byte[logSize];
        nint module;
        int result;
        fixed (byte* image = text, message = log)
        {
            var options = stackalloc int[] { ErrorLog, ErrorLogSize };
            var values = stackalloc nint[] { (nint)message, logSize };
            result = Driver.ModuleLoadDataEx(&module, image, 2, options, values);
        }
        if (result != 0)
        {
            var end = log.AsSpan().IndexOf((byte)0);
            var said = System.Text.Encoding.UTF8.GetString(end < 0 ? log : log.AsSpan(0, end)).Trim();
            var reason = said.Length == 0 ? "" : $" ({said.ReplaceLineEndings(" ")})";
            throw new CudaException(result, $"The NVIDIA driver does not compile the kernels: {Driver.ErrorName(result)}{reason}; install a newer driver.");
        }
        Own(module);
    }

    private protected override int Free() => Driver.ModuleUnload(handle);

    /// <summary>A kernel by name.</summary>
    internal nint Function(ReadOnlySpan<byte> name)
    {
        nint function;
        fixed (byte* text = name) Driver.Check(Driver.ModuleGetFunction(&function, handle, text), "find a kernel");
        return function;
    }
}

/// <summary>An order of work of our own, which neither llama.cpp's streams nor the default one wait for.</summary>
internal sealed unsafe class StreamHandle : ContextHandle
{
    private const uint NonBlocking = 1;

    internal StreamHandle(PrimaryContext context) : base(context)
    {
        nint stream;
        Driver.Check(Driver.StreamCreate(&stream, NonBlocking), "make a stream");
        Own(stream);
    }

    internal nint Pointer => handle;

    private protected override int Free() => Driver.StreamDestroy(handle);
}

/// <summary>Memory of a device.</summary>
internal sealed unsafe class DeviceMemory : ContextHandle
{
    internal DeviceMemory(PrimaryContext context, long bytes) : base(context)
    {
        ulong address;
        Driver.Check(Driver.MemAlloc(&address, (nuint)bytes), $"allocate {bytes / (double)(1 << 20):0.0} MiB on the device");
        Bytes = bytes;
        Own((nint)address);
    }

    internal long Bytes { get; }

    internal ulong Address => (ulong)handle;

    private protected override int Free() => Driver.MemFree((ulong)handle);
}

/// <summary>Memory of the host that a device copies to and from by itself.</summary>
internal sealed unsafe class PinnedMemory : ContextHandle
{
    internal PinnedMemory(PrimaryContext context, long bytes) : base(context)
    {
        nint address;
        Driver.Check(Driver.MemHostAlloc(&address, (nuint)bytes, 0), $"pin {bytes / (double)(1 << 20):0.0} MiB of memory");
        Bytes = bytes;
        Own(address);
    }

    internal long Bytes { get; }

    internal byte* Pointer => (byte*)handle;

    private protected override int Free() => Driver.MemFreeHost(handle);
}
