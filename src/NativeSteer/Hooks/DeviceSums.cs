using NativeSteer.Cuda;

namespace NativeSteer.Hooks;

/// <summary>What one device has added up for an <see cref="ActivationSums"/> and not handed over yet: sums of the slots that it computes.</summary>
/// <param name="sums">What it is for.</param>
/// <param name="device">The device.</param>
internal sealed class DeviceSums(ActivationSums sums, CudaDevice device)
{
    private readonly DeviceMemory?[] _cells = new DeviceMemory?[sums.Slots.Count]; // (groups, width), then (groups) norms

    /// <summary>Makes room for a slot, zeros at first. The device must have been entered.</summary>
    /// <exception cref="CudaException">There is none.</exception>
    internal void Reserve(int slot)
    {
        if (_cells[slot] is not null) return;
        var memory = device.Allocate((long)Values * sizeof(double));
        device.Clear(memory.Address, memory.Bytes);
        _cells[slot] = memory;
    }

    /// <summary>(groups, width) of a slot.</summary>
    internal ulong Sums(int slot) => _cells[slot]!.Address;

    /// <summary>(groups) of a slot.</summary>
    internal ulong NormSums(int slot) => Sums(slot) + (ulong)Cells * sizeof(double);

    /// <summary>Adds everything to the host's sums and gives the memory back.</summary>
    internal void HandOver()
    {
        var values = new double[Values];
        using var current = device.Enter();
        for (var slot = 0; slot < _cells.Length; slot++)
        {
            if (_cells[slot] is not { } memory) continue;
            device.CopyToHost(values.AsSpan(), memory.Address);
            _cells[slot] = null;
            memory.Dispose();
            sums.Add(slot, values.AsSpan(0, Cells), values.AsSpan(Cells));
        }
    }

    private int Cells => sums.Groups * sums.Width;

    private int Values => Cells + sums.Groups;
}
