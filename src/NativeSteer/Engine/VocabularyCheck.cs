using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Engine;

/// <summary>Checks a model's tokenizer for what llama.cpp asserts on or reads without looking (src/llama-vocab.cpp, <c>load</c>).</summary>
internal static class VocabularyCheck
{
    /// <summary>More than any vocabulary has; llama.cpp allocates about 50 bytes for each.</summary>
    internal const int MostTokens = 1 << 24;

    private static readonly string[] s_specialTokens =
    [
        "bos", "eos", "eot", "eom", "unknown", "seperator", "padding", "mask", "fim_pre", "fim_suf", "fim_mid", "fim_pad",
        "fim_rep", "fim_sep", "prefix", "suffix", "middle",
    ];

    private static readonly string[] s_flags =
    [
        "add_bos_token", "add_eos_token", "add_sep_token", "add_space_prefix", "remove_extra_whitespaces",
    ];

    /// <summary>Checks the vocabulary and returns its number of tokens.</summary>
    /// <exception cref="NativeSteerException">The vocabulary is missing or contradicts itself.</exception>
    internal static long Run(GgufFile file)
    {
        var keys = new ModelKeys(file);
        var kind = keys.Text("tokenizer.ggml.model") ?? throw keys.Fault("it has no tokenizer (no key tokenizer.ggml.model)");
        var pre = keys.Text("tokenizer.ggml.pre");
        foreach (var flag in s_flags) keys.Flag($"tokenizer.ggml.{flag}");
        keys.Number("tokenizer.ggml.token_type_count");
        switch (kind)
        {
            case "no_vocab" or "none":
                return keys.Number($"{file.Architecture}.vocab_size", 0, MostTokens) ?? 0;
            case "llama" or "bert" or "t5" or "rwkv" or "plamo2" or "test":
                break;
            case "gpt2" or "gemma4" or "hybriddna" or "whitespace":
                if (keys.ArrayLength("tokenizer.ggml.merges", GgufValueType.String) is null && pre != "kimi-k2")
                    throw keys.Fault("its tokenizer has no merges (no key tokenizer.ggml.merges)");
                break;
            default:
                throw keys.Fault($"its tokenizer is of the kind '{FileErrors.Printable(kind)}', which llama.cpp v0.5.0 does not know");
        }

        var tokens = keys.ArrayLength("tokenizer.ggml.tokens", GgufValueType.String)
            ?? throw keys.Fault("its tokenizer has no tokens (no key tokenizer.ggml.tokens)");
        if (tokens is 0 or > MostTokens) throw keys.Fault($"its tokenizer has {tokens} tokens");
        CheckLength("tokenizer.ggml.scores", GgufValueType.Float32, GgufValueType.Int32);
        CheckLength("tokenizer.ggml.token_type", GgufValueType.Int32);
        keys.ArrayLength("tokenizer.ggml.suppress_tokens", GgufValueType.Int32);
        keys.ArrayLength("tokenizer.ggml.precompiled_charsmap", GgufValueType.Int8, GgufValueType.UInt8);

        foreach (var name in s_specialTokens)
        {
            // llama.cpp ignores an id outside the vocabulary with a warning; generation could then never end.
            var id = keys.Number($"tokenizer.ggml.{name}_token_id");
            if (id >= tokens && id != uint.MaxValue && name is "bos" or "eos")
                throw keys.Fault($"its key tokenizer.ggml.{name}_token_id is {id}, its vocabulary has {tokens} tokens");
        }
        CheckUnique(file, keys);
        return tokens;

        void CheckLength(string key, params ReadOnlySpan<GgufValueType> types)
        {
            if (keys.ArrayLength(key, types) is { } length && length < tokens)
                throw keys.Fault($"its key {key} has {length} elements for {tokens} tokens");
        }
    }

    // llama.cpp asserts that no two tokens are spelled alike. It takes the text up to the first zero byte.
    private static void CheckUnique(GgufFile file, ModelKeys keys)
    {
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        var index = 0;
        foreach (var token in file.GetLatin1Strings("tokenizer.ggml.tokens"))
        {
            var end = token.IndexOf('\0', StringComparison.Ordinal);
            var text = end < 0 ? token : token[..end];
            if (text.Length == 0) text = $"[EMPTY_{index}]";
            if (!seen.TryAdd(text, index)) throw keys.Fault($"tokens {seen[text]} and {index} of its vocabulary are spelled alike");
            index++;
        }
    }
}
