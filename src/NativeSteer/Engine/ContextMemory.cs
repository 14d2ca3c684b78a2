using System.Globalization;
using NativeSteer.Interop;

namespace NativeSteer.Engine;

/// <summary>
/// Refuses contexts that cannot fit this machine. llama.cpp allocates first and clears then; Linux grants such an
/// allocation and ends the process when it is touched, without a message.
/// </summary>
internal static class ContextMemory
{
    // llama.cpp's bookkeeping of one cache cell: position, shift, and a set of 256 sequences.
    private const long CellBytes = 48;

    /// <summary>Throws when the least that the context needs is more than the machine has.</summary>
    internal static unsafe void Check(LanguageModel model, ContextOptions options)
    {
        var available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var cells = (Int128)options.ContextLength;
        var needed = cells * CellBytes
            + (Int128)options.BatchLength * model.Vocabulary.Size * sizeof(float) // logits
            + (Int128)options.BatchLength * cells * 2; // the mask of who sees whom, F16
        var isOnHost = ShimApi.ns_device_name(1) == null;
        if (isOnHost) needed += cells * CacheRow(model, options.CacheType) * model.Shape.Layers;
        if (needed <= available) return;
        throw new NativeSteerException(
            $"A context of {options.ContextLength} cells for batches of {options.BatchLength} needs {Gibibytes(needed)} GiB or more, "
            + $"this machine has {Gibibytes(available)}; ask for a shorter context (-c) or a smaller batch (-b).");
    }

    /// <summary>How many sequences of a length fit into a quarter of the machine's memory: at least 1, at most as many as given.</summary>
    internal static unsafe int Sequences(LanguageModel model, CacheType type, int tokensEach, int most)
    {
        if (ShimApi.ns_device_name(1) != null) return most; // the cache lies in the device's memory, whose driver says what fits
        var each = (double)tokensEach * (CellBytes + CacheRow(model, type) * model.Shape.Layers);
        return (int)Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4 / each, 1, most);
    }

    // Keys and values of one cell in one layer, in bytes.
    private static long CacheRow(LanguageModel model, CacheType type)
    {
        var (heads, keyValueHeads) = (LlamaApi.llama_model_n_head(model.Pointer), LlamaApi.llama_model_n_head_kv(model.Pointer));
        if (heads < 1 || keyValueHeads < 1) return 0; // no attention, no cache of this kind
        var bits = type switch { CacheType.F32 => 32, CacheType.Q8_0 => 8, CacheType.Q4_0 => 4, _ => 16 };
        return 2L * model.Shape.Width * keyValueHeads / heads * bits / 8;
    }

    private static string Gibibytes(Int128 bytes) => ((double)bytes / (1L << 30)).ToString("0.#", CultureInfo.InvariantCulture);
}
