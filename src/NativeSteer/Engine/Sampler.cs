using System.Text;
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

    /// <summary>
    /// A grammar in llama.cpp's GBNF whose rule <c>root</c> the whole generated text follows, e.g. <c>root ::= "yes" | "no"</c>; null for any
    /// text. Where the text is complete the model can only end it, so the vocabulary needs an end token.
    /// </summary>
    public string? Grammar { get; init; }

    /// <summary>Throws when a value makes no sense.</summary>
    public void Validate()
    {
        if (!float.IsFinite(Temperature) || Temperature < 0) throw new NativeSteerException($"The temperature is {Temperature}; it must be 0 (greedy) or more.");
        if (TopK < 0) throw new NativeSteerException($"top-k is {TopK}; it must be 0 (all) or more.");
        if (!(TopP is > 0 and <= 1)) throw new NativeSteerException($"top-p is {TopP}; it must lie above 0 and not above 1.");
        if (!(MinP is >= 0 and <= 1)) throw new NativeSteerException($"min-p is {MinP}; it must lie between 0 and 1.");
        if (Grammar is not null && (string.IsNullOrWhiteSpace(Grammar) || Grammar.Contains('\0', StringComparison.Ordinal)))
            throw new NativeSteerException("The grammar is empty or holds a zero character; give rules in GBNF, or none.");
    }
}

/// <summary>One sequence's sampler: llama.cpp's chain with its own random state, and its place in the grammar.</summary>
public sealed unsafe class Sampler : IDisposable
{
    private readonly SamplerHandle? _handle;

    private Sampler(SamplerHandle? handle) => _handle = handle;

    /// <summary>0 for greedy.</summary>
    internal nint Pointer => _handle?.DangerousGetHandle() ?? 0;

    /// <summary>Builds it.</summary>
    /// <param name="options">How it picks.</param>
    /// <param name="vocabulary">The tokens that a grammar judges; needed with a grammar alone.</param>
    /// <exception cref="NativeSteerException">An option makes no sense, or the grammar cannot be read.</exception>
    public static Sampler Create(SamplerOptions options, Vocabulary? vocabulary = null)
    {
        options.Validate();
        if (options.Temperature == 0 && options.Grammar is null) return new Sampler(null);
        if (options.Grammar is not null) ArgumentNullException.ThrowIfNull(vocabulary);

        NativeRuntime.EnsureLoaded();
        var model = options.Grammar is null ? null : vocabulary!.ModelHandle;
        using var held = model is null ? default : new HandleLease(model);
        fixed (byte* grammar = options.Grammar is null ? null : Encoding.UTF8.GetBytes(options.Grammar + '\0'))
        {
            var native = new ShimSamplerOptions
            {
                Size = sizeof(ShimSamplerOptions),
                Temperature = options.Temperature,
                TopK = options.TopK,
                TopP = options.TopP,
                MinP = options.MinP,
                Seed = options.Seed,
                Grammar = grammar,
            };
            var status = ShimApi.ns_sampler_create(model is null ? 0 : vocabulary!.Pointer, &native, out var sampler);
            NativeError.Check(status, next: "check its rules (llama.cpp's grammars/README.md explains GBNF)");
            return new Sampler(new SamplerHandle(sampler, model));
        }
    }

    /// <summary>Frees it.</summary>
    public void Dispose() => _handle?.Dispose();
}
