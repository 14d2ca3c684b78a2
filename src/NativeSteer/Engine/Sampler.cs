using NativeSteer.Interop;

namespace NativeSteer.Engine;

/// <summary>How the next token is picked. The order is llama.cpp's: top-k, top-p, min-p, temperature, then a draw.</summary>
public sealed record SamplerOptions
{
    /// <summary>Greedy decoding: the most likely token.</summary>
    public static SamplerOptions Greedy { get; } = new() { Temperature = 0 };

    /// <summary>Divides the logits; 0 means greedy.</summary>
    public float Temperature { get; init; } = 0.8f;

    /// <summary>Keep the k most likely tokens; 0 keeps all.</summary>
    public int TopK { get; init; } = 40;

    /// <summary>Keep the smallest set of tokens with this total probability; 1 keeps all.</summary>
    public float TopP { get; init; } = 0.95f;

    /// <summary>Drop tokens below this fraction of the most likely one's probability; 0 drops none.</summary>
    public float MinP { get; init; } = 0.05f;

    /// <summary>Seed of the draw; the same seed on the same batch repeats the tokens.</summary>
    public uint Seed { get; init; } = 42;

    /// <summary>Throws when a value makes no sense.</summary>
    public void Validate()
    {
        if (!float.IsFinite(Temperature) || Temperature < 0) throw new NativeSteerException($"The temperature is {Temperature}; it must be 0 (greedy) or more.");
        if (TopK < 0) throw new NativeSteerException($"top-k is {TopK}; it must be 0 (all) or more.");
        if (!(TopP is > 0 and <= 1)) throw new NativeSteerException($"top-p is {TopP}; it must lie above 0 and not above 1.");
        if (!(MinP is >= 0 and <= 1)) throw new NativeSteerException($"min-p is {MinP}; it must lie between 0 and 1.");
    }
}

/// <summary>One sequence's sampler: llama.cpp's chain with its own random state.</summary>
public sealed class Sampler : IDisposable
{
    private readonly SamplerHandle? _chain;

    private Sampler(SamplerHandle? chain) => _chain = chain;

    /// <summary>0 for greedy.</summary>
    internal nint Pointer => _chain?.DangerousGetHandle() ?? 0;

    /// <summary>Builds the chain.</summary>
    /// <exception cref="NativeSteerException">An option makes no sense.</exception>
    public static Sampler Create(SamplerOptions options)
    {
        options.Validate();
        if (options.Temperature == 0) return new Sampler(null);

        NativeRuntime.EnsureLoaded();
        var chain = LlamaApi.llama_sampler_chain_init(new LlamaApi.ChainParameters { NoPerformanceCounters = 1 });
        if (options.TopK > 0) LlamaApi.llama_sampler_chain_add(chain, LlamaApi.llama_sampler_init_top_k(options.TopK));
        if (options.TopP < 1) LlamaApi.llama_sampler_chain_add(chain, LlamaApi.llama_sampler_init_top_p(options.TopP, 1));
        if (options.MinP > 0) LlamaApi.llama_sampler_chain_add(chain, LlamaApi.llama_sampler_init_min_p(options.MinP, 1));
        LlamaApi.llama_sampler_chain_add(chain, LlamaApi.llama_sampler_init_temp(options.Temperature));
        LlamaApi.llama_sampler_chain_add(chain, LlamaApi.llama_sampler_init_dist(options.Seed));
        return new Sampler(new SamplerHandle(chain));
    }

    /// <summary>Frees the chain.</summary>
    public void Dispose() => _chain?.Dispose();
}
