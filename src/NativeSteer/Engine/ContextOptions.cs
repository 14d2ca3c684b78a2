namespace NativeSteer.Engine;

/// <summary>Number format of the KV cache; the values are ggml's.</summary>
public enum CacheType
{
    /// <summary>32-bit floats.</summary>
    F32 = 0,

    /// <summary>16-bit floats, the default.</summary>
    F16 = 1,

    /// <summary>4-bit blocks; needs flash attention for values.</summary>
    Q4_0 = 2,

    /// <summary>8-bit blocks; needs flash attention for values.</summary>
    Q8_0 = 8,

    /// <summary>16-bit floats with the exponent of 32-bit ones.</summary>
    BF16 = 30,
}

/// <summary>Size and set-up of an <see cref="InferenceContext"/>.</summary>
public sealed record ContextOptions
{
    /// <summary>Cells of the KV cache, all sequences together; forks share cells. 0 means what the model was trained with, at most 4096.</summary>
    public int ContextLength { get; init; }

    /// <summary>Most rows of one decode.</summary>
    public int BatchLength { get; init; } = 512;

    /// <summary>Most sequences at a time, 1 to 256.</summary>
    public int Sequences { get; init; } = 1;

    /// <summary>CPU threads; 0 means one per core.</summary>
    public int Threads { get; init; }

    /// <summary>
    /// Flash attention: true, false, or null for the faster one, which is flash attention except on a CPU with heads shorter than 64
    /// numbers: ggml's runs them number by number there. A quantised cache needs it.
    /// </summary>
    public bool? FlashAttention { get; init; }

    /// <summary>Format of the cache's keys and values.</summary>
    public CacheType CacheType { get; init; } = CacheType.F16;

    /// <summary>Install the hook that capture and steering need. Without it the context is plain llama.cpp, for comparison.</summary>
    public bool Hook { get; init; } = true;
}
