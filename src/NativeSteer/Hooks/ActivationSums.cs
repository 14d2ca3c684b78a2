using System.Numerics.Tensors;
using NativeSteer.Cuda;

namespace NativeSteer.Hooks;

/// <summary>
/// Sums of activation rows per (slot, group), in double, with counts and sums of the rows' norms. A group is whatever the
/// caller numbers: a label, a label at an offset. Sums of parts merge into the sum of the whole.
/// </summary>
public sealed class ActivationSums
{
    private readonly int[] _slotIndex;
    private readonly Dictionary<CudaDevice, DeviceSums> _onDevices = []; // what devices added up since the sums were read last

    /// <summary>Allocates zeros.</summary>
    /// <param name="slots">The slots to sum at; duplicates are dropped.</param>
    /// <param name="groups">Number of groups.</param>
    /// <param name="width">Width of the residual stream.</param>
    /// <exception cref="NativeSteerException">The sums would not fit in memory.</exception>
    public ActivationSums(IEnumerable<HookSlot> slots, int groups, int width)
    {
        Slots = HookSlot.InOrder(slots);
        ArgumentOutOfRangeException.ThrowIfLessThan(Slots.Count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        Groups = groups;
        Width = width;
        var cells = (long)Slots.Count * groups;
        if (cells * width > Array.MaxLength)
        {
            throw new NativeSteerException($"Sums for {Slots.Count} layers x {groups} groups x width {width} do not fit; ask for fewer layers (--layers) or offsets (--offsets).");
        }
        Sums = new double[cells * width];
        NormSums = new double[cells];
        Counts = new long[cells];
        _slotIndex = new int[3 * (Slots.Max(s => s.Layer) + 1)];
        Array.Fill(_slotIndex, -1);
        for (var i = 0; i < Slots.Count; i++) _slotIndex[3 * Slots[i].Layer + (int)Slots[i].Site] = i;
    }

    /// <summary>The slots, ascending.</summary>
    public IReadOnlyList<HookSlot> Slots { get; }

    /// <summary>Number of groups.</summary>
    public int Groups { get; }

    /// <summary>Width of the residual stream.</summary>
    public int Width { get; }

    /// <summary>(slots, groups, width).</summary>
    internal double[] Sums { get; }

    /// <summary>(slots, groups).</summary>
    internal double[] NormSums { get; }

    /// <summary>(slots, groups).</summary>
    internal long[] Counts { get; }

    /// <summary>One number: nanoseconds that adding up on the host took.</summary>
    internal long[] HostTime { get; } = new long[1];

    /// <summary>Rows summed at a slot in a group.</summary>
    /// <exception cref="CudaException">A device that has part of the sums was lost; so for all that reads them.</exception>
    public long Count(HookSlot slot, int group) => Counts[Cell(slot, group)];

    /// <summary>The sum (width) at a slot in a group.</summary>
    public ReadOnlySpan<double> Sum(HookSlot slot, int group) => Sums.AsSpan(Cell(slot, group) * Width, Width);

    /// <summary>The mean (width) over all rows of the given groups together; null when they hold no row.</summary>
    public double[]? Mean(HookSlot slot, params ReadOnlySpan<int> groups)
    {
        var mean = new double[Width];
        long count = 0;
        foreach (var group in groups)
        {
            TensorPrimitives.Add(mean, Sum(slot, group), mean);
            count += Count(slot, group);
        }
        if (count == 0) return null;
        TensorPrimitives.Divide(mean, (double)count, mean);
        return mean;
    }

    /// <summary>The mean L2 norm of all rows of the given groups; NaN when they hold no row.</summary>
    public double MeanNorm(HookSlot slot, params ReadOnlySpan<int> groups)
    {
        double norms = 0;
        long count = 0;
        foreach (var group in groups)
        {
            norms += NormSums[Cell(slot, group)];
            count += Count(slot, group);
        }
        return norms / count;
    }

    /// <summary>Adds the sums of another part of the same capture.</summary>
    /// <exception cref="ArgumentException">The parts differ in slots, groups or width.</exception>
    public void Merge(ActivationSums other)
    {
        if (!Slots.SequenceEqual(other.Slots) || Groups != other.Groups || Width != other.Width)
        {
            throw new ArgumentException("The two parts were captured at different slots, groups or width.", nameof(other));
        }
        Collect();
        other.Collect();
        TensorPrimitives.Add(Sums, other.Sums, Sums);
        TensorPrimitives.Add(NormSums, other.NormSums, NormSums);
        for (var i = 0; i < Counts.Length; i++) Counts[i] += other.Counts[i];
        HostTime[0] += other.HostTime[0];
    }

    /// <summary>What a device adds up, to be handed over before the sums are read.</summary>
    internal DeviceSums On(CudaDevice device)
    {
        if (!_onDevices.TryGetValue(device, out var part)) _onDevices.Add(device, part = new DeviceSums(this, device));
        return part;
    }

    /// <summary>Adds sums (groups, width) and norm sums (groups) to those of the slot with this index.</summary>
    internal void Add(int slot, ReadOnlySpan<double> sums, ReadOnlySpan<double> normSums)
    {
        var to = Sums.AsSpan(slot * Groups * Width, Groups * Width);
        var norms = NormSums.AsSpan(slot * Groups, Groups);
        TensorPrimitives.Add(to, sums, to);
        TensorPrimitives.Add(norms, normSums, norms);
    }

    /// <summary>Fetches what devices have. What a lost device had stays missing: asked again, it fails again.</summary>
    internal void Collect()
    {
        foreach (var (device, part) in _onDevices)
        {
            part.HandOver();
            _onDevices.Remove(device);
        }
    }

    private int Cell(HookSlot slot, int group)
    {
        Collect();
        var at = 3 * slot.Layer + (int)slot.Site;
        var index = (uint)at < (uint)_slotIndex.Length ? _slotIndex[at] : -1;
        if (index < 0) throw new ArgumentOutOfRangeException(nameof(slot), slot, "This slot was not captured.");
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)group, (uint)Groups, nameof(group));
        return index * Groups + group;
    }
}
