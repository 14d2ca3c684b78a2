namespace NativeSteer.Hooks;

/// <summary>Raw activations of the rows that a batch asked to copy, filled by each decode anew.</summary>
public sealed class ActivationRows
{
    private float[] _values = [];

    /// <summary>Copies at these slots; duplicates are dropped.</summary>
    /// <param name="slots">The slots.</param>
    /// <param name="width">Width of the residual stream.</param>
    public ActivationRows(IEnumerable<HookSlot> slots, int width)
    {
        Slots = HookSlot.InOrder(slots);
        ArgumentOutOfRangeException.ThrowIfLessThan(Slots.Count, 1);
        Width = width;
    }

    /// <summary>The slots, ascending.</summary>
    public IReadOnlyList<HookSlot> Slots { get; }

    /// <summary>Width of the residual stream.</summary>
    public int Width { get; }

    /// <summary>Rows of the last decode.</summary>
    public int Count { get; private set; }

    /// <summary>(rows, slots, width) of the last decode, rows in the order the batch asked for them.</summary>
    public ReadOnlySpan<float> Values => _values.AsSpan(0, Count * Slots.Count * Width);

    /// <summary>One row (slots, width) of the last decode.</summary>
    public ReadOnlySpan<float> Row(int row) => Values.Slice(row * Slots.Count * Width, Slots.Count * Width);

    /// <summary>One row (width) at the slot with this index in <see cref="Slots"/>.</summary>
    public ReadOnlySpan<float> Row(int row, int slot) => Row(row).Slice(slot * Width, Width);

    internal float[] Reserve(int rows)
    {
        var needed = (long)rows * Slots.Count * Width;
        if (needed > Array.MaxLength)
        {
            throw new NativeSteerException($"Copies of {rows} rows x {Slots.Count} layers x width {Width} do not fit; copy fewer rows of a batch, or fewer layers.");
        }
        Count = rows;
        if (_values.Length < needed) _values = new float[needed];
        return _values;
    }
}
