using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NativeSteer.Cuda;
using NativeSteer.Interop;

namespace NativeSteer.Hooks;

/// <summary>
/// Works on rows that lie in GPUs' memory: the native hook calls it with them, it starts our kernels there and waits until they are
/// done, because llama.cpp goes on in a stream of its own. Each device has the vectors and sums of the layers that it computes.
/// The driver is loaded at the first such row; where it or the kernels cannot be had, rows go through copies on the host, said once.
/// </summary>
internal sealed unsafe class DevicePath : IDisposable
{
    private static int s_said;

    private readonly Dictionary<int, OnDevice> _devices = [];
    private readonly HashSet<int> _declined = []; // devices that cannot be used
    private CudaDriver? _driver;
    private bool _noDriver;
    private SteeringTable? _table;
    private ActivationSums? _sums;
    private Exception? _failure;

    /// <summary>Prepares to be called.</summary>
    /// <param name="driver">The driver, or null to load the machine's when it is needed.</param>
    internal DevicePath(CudaDriver? driver)
    {
        _driver = driver;
        // A library of the user's choice is the tests' stand-in, under which the host's memory can pass for a device's.
        if (driver is null && !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(CudaDriver.LibraryVariable))) _driver = Find();
        TakesHostMemory = _driver is { IsStandIn: true };
    }

    /// <summary>ns_device_result.</summary>
    internal enum Result
    {
        Done = 0,
        Declined = 1,
        Failed = 2,
    }

    /// <summary>Whether rows in the host's memory are given to the kernels too.</summary>
    internal bool TakesHostMemory { get; }

    /// <summary>What the native hook calls.</summary>
    internal static delegate* unmanaged[Cdecl]<ShimDeviceWork*, void*, int> Callback => &OnWork;

    /// <summary>What it passes along.</summary>
    internal static void* User(Handle<DevicePath> path) => (void*)path.Pointer;

    /// <summary>Tables of the next decode.</summary>
    internal void Begin(SteeringTable table, ActivationSums? sums)
    {
        if (!ReferenceEquals(_table, table)) foreach (var device in _devices.Values) device.ForgetVectors();
        _table = table;
        _sums = sums;
        _failure = null;
    }

    /// <summary>Throws what went wrong during the decode, which the native side knows no details of.</summary>
    internal void ThrowFailure()
    {
        if (_failure is not { } failure) return;
        _failure = null;
        if (failure is CudaException cuda)
        {
            throw new NativeSteerException($"{Lost(cuda)}.", cuda);
        }
        throw failure;
    }

    private static string Lost(CudaException error) =>
        $"{error.Message.TrimEnd('.')}; the model's device is lost for this process, start it again, or run on the CPU with -ngl 0";

    public void Dispose()
    {
        foreach (var device in _devices.Values) device.Dispose();
        _devices.Clear();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnWork(ShimDeviceWork* work, void* user)
    {
        var path = (DevicePath)GCHandle.FromIntPtr((nint)user).Target!;
        try
        {
            return (int)path.Work(work);
        }
        catch (Exception error)
        {
            path._failure = error; // an exception that left this function would end the process
            // The next thing that llama.cpp does with a lost device ends the process: what happened must have been said by then.
            if (error is CudaException cuda) NativeLog.Notify(Lost(cuda));
            return (int)Result.Failed;
        }
    }

    private Result Work(ShimDeviceWork* work)
    {
        if (_noDriver || (_driver ??= Find()) is not { } driver) return Result.Declined;
        var device = -1;
        OnDevice on;
        var rows = new DeviceRows((ulong)work->Data, work->Stride, work->Rows, _table!.Width);
        var edits = new ReadOnlySpan<ShimEdit>(work->Edits, work->EditCount);
        var labels = new ReadOnlySpan<ShimLabel>(work->Labels, work->LabelCount);
        var groups = _sums?.Groups ?? 0;
        try
        {
            if (CudaDevice.OfAddress(driver, rows.Data) is not { } ordinal)
            {
                SayOnce("The CUDA driver knows no device that the residual stream lies on");
                return Result.Declined;
            }
            if (_declined.Contains(device = ordinal)) return Result.Declined;
            if (!_devices.TryGetValue(ordinal, out on!)) _devices.Add(ordinal, on = new OnDevice(CudaDevice.Open(driver, ordinal)));
        }
        catch (CudaException error)
        {
            // It would not go better with the next layer.
            if (device < 0) _noDriver = true;
            else _declined.Add(device);
            SayOnce(error.Message);
            return Result.Declined;
        }
        using var current = on.Device.Enter();
        ulong vectors;
        DeviceSums? sums = null;
        try
        {
            on.Work.Prepare(rows, edits, _table.Count, labels, groups);
            vectors = edits.IsEmpty ? 0 : on.Upload(_table);
            if (!labels.IsEmpty) (sums = _sums!.On(on.Device)).Reserve(work->ReadIndex);
        }
        catch (CudaException error) when (error.IsOutOfMemory)
        {
            SayOnce(error.Message);
            return Result.Declined;
        }
        on.Work.Run(rows, vectors, sums?.Sums(work->ReadIndex) ?? 0, sums?.NormSums(work->ReadIndex) ?? 0);
        on.Device.Synchronize();
        foreach (var label in labels) _sums!.Counts[work->ReadIndex * groups + label.Group]++;
        return Result.Done;
    }

    private CudaDriver? Find()
    {
        var driver = CudaDriver.Find(out var why);
        if (driver is not null) return driver;
        _noDriver = true;
        SayOnce(why!);
        return null;
    }

    private static void SayOnce(string why)
    {
        if (Interlocked.Exchange(ref s_said, 1) != 0) return;
        NativeLog.Notify($"{why.TrimEnd('.')}; rows that are read or steered are copied to the host and back at every decode.");
    }

    /// <summary>For tests: the next reason is said again.</summary>
    internal static void ForgetWhatWasSaid() => s_said = 0;

    /// <summary>What one device has of this hook's.</summary>
    private sealed class OnDevice(CudaDevice device) : IDisposable
    {
        private DeviceMemory? _vectors;
        private int _uploaded;

        internal CudaDevice Device => device;

        internal RowWork Work { get; } = new(device);

        /// <summary>The address of the table's vectors (count, width), after copying those that are new.</summary>
        internal ulong Upload(SteeringTable table)
        {
            var row = (long)table.Width * sizeof(float);
            if (_vectors is null || _vectors.Bytes < table.Count * row)
            {
                ForgetVectors();
                _vectors = device.Allocate(Math.Max(16, 2 * table.Count) * row);
            }
            device.CopyToDevice(_vectors.Address + (ulong)(_uploaded * row), table.Directions[(_uploaded * table.Width)..]);
            _uploaded = table.Count;
            return _vectors.Address;
        }

        internal void ForgetVectors()
        {
            _vectors?.Dispose();
            (_vectors, _uploaded) = (null, 0);
        }

        public void Dispose()
        {
            _vectors?.Dispose();
            Work.Dispose();
        }
    }
}
