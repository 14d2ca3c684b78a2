using NativeSteer.Engine;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Engine;

/// <summary>What stories260K is known to say: llama.cpp's own answer, and an independent pass in float64.</summary>
public sealed class GoldenStoriesTests
{
    private static readonly int[] s_tokens =
        [403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426, 338, 401, 396, 267, 337];
    private static readonly float[] s_llamaLogits = [17.024f, 18.460f, 17.139f, 18.879f, 17.798f];
    private static readonly float[] s_float64Logits = [17.0235f, 18.4600f, 17.1370f, 18.8744f, 17.7994f];

    [StoriesFact]
    public void Greedy_from_the_begin_token_gives_the_known_tokens_and_logits()
    {
        var (tokens, logits) = Generate(new() { ContextLength = 64, FlashAttention = true }); // as llama.cpp's were made
        Assert.Equal(s_tokens, tokens);
        var text = Models.Stories.Vocabulary.Detokenize(tokens).TrimStart();
        Assert.StartsWith("Once upon a time, there was a little girl named Lily.", text, StringComparison.Ordinal);
        for (var i = 0; i < s_llamaLogits.Length; i++)
        {
            Assert.InRange(logits[i] - s_llamaLogits[i], -2e-3f, 2e-3f); // given to 3 decimals
            Assert.InRange(logits[i] - s_float64Logits[i], -6e-3f, 6e-3f); // the F16 cache
        }
    }

    [StoriesFact]
    public void With_an_F32_cache_the_logits_are_those_of_a_float64_pass()
    {
        var (tokens, logits) = Generate(new() { ContextLength = 64, CacheType = CacheType.F32, FlashAttention = false });
        Assert.Equal(s_tokens, tokens);
        for (var i = 0; i < s_float64Logits.Length; i++) Assert.InRange(logits[i] - s_float64Logits[i], -1e-4f, 1e-4f); // given to 4 decimals
    }

    private static (int[] Tokens, float[] ArgmaxLogits) Generate(ContextOptions options)
    {
        using var context = Models.Stories.CreateContext(options);
        var batch = new TokenBatch();
        var (tokens, logits) = (new int[s_tokens.Length], new float[s_tokens.Length]);
        var next = Models.Stories.Vocabulary.BeginOfText;
        using var greedy = Sampler.Create(SamplerOptions.Greedy);
        for (var i = 0; i < tokens.Length; i++)
        {
            batch.Clear();
            batch.Add(next, i, 0, output: true);
            context.Decode(batch);
            context.Sample([0], [greedy], tokens.AsSpan(i, 1));
            next = tokens[i];
            logits[i] = context.Logits(0)[next];
        }
        return (tokens, logits);
    }
}
