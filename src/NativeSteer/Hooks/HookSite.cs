namespace NativeSteer.Hooks;

/// <summary>Where in a transformer block rows are read or edited. Values are (rows, width), 32-bit floats.</summary>
public enum HookSite
{
    /// <summary>The residual stream after the block (llama.cpp's <c>l_out</c>).</summary>
    Residual = 0,

    /// <summary>What attention yields (<c>attn_out</c>): what it adds to the residual stream, but for a norm after it where the architecture has one.</summary>
    Attention = 1,

    /// <summary>What the feed-forward network yields (<c>ffn_out</c>): as with attention.</summary>
    FeedForward = 2,
}

/// <summary>A site of one block.</summary>
/// <param name="Site">Where in the block.</param>
/// <param name="Layer">The block, from 0.</param>
public readonly record struct HookSlot(HookSite Site, int Layer)
{
    /// <summary>Distinct slots by site, then layer, as the native side numbers them.</summary>
    internal static HookSlot[] InOrder(IEnumerable<HookSlot> slots) => [.. slots.Distinct().OrderBy(s => s.Site).ThenBy(s => s.Layer)];

    /// <summary>The number the native side knows the slot by.</summary>
    internal int Index(int layers) => (int)Site * layers + Layer;

    /// <summary>llama.cpp's name of the tensor.</summary>
    public override string ToString() => Site switch
    {
        HookSite.Residual => "l_out-",
        HookSite.Attention => "attn_out-",
        _ => "ffn_out-",
    } + Layer;
}
