using NativeSteer.Engine;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Engine;

public sealed class ContextOptionsTests
{
    [Fact]
    public void Options_out_of_range_are_refused_and_named()
    {
        Refused(new() { ContextLength = -1 }, "context length", "-1");
        Refused(new() { BatchLength = 0 }, "batch length", "0");
        Refused(new() { Sequences = 0 }, "0 sequences", "1 to 256");
        Refused(new() { Sequences = 257 }, "257 sequences", "1 to 256");
        Refused(new() { Threads = -1 }, "-1 threads");
        Refused(new() { Threads = 100_000 }, "100000 threads");
        Refused(new() { CacheType = (CacheType)99 }, "cache type", "99", "Q8_0");
    }

    [Fact]
    public void A_context_that_cannot_fit_is_refused_before_memory_is_touched()
    {
        Refused(new() { ContextLength = int.MaxValue }, "GiB", "-c");
        Refused(new() { ContextLength = 1 << 30, CacheType = CacheType.Q4_0 }, "GiB");
        Refused(new() { ContextLength = 1 << 24, BatchLength = 1 << 24 }, "GiB", "-b");
    }

    [Fact]
    public void Defaults_are_filled_in()
    {
        using var context = Models.Tiny.CreateContext();
        Assert.Equal(512, context.Options.ContextLength); // what the model was trained with
        Assert.Equal(Environment.ProcessorCount, context.Options.Threads);
        using var rounded = Models.Tiny.CreateContext(new() { ContextLength = 300, BatchLength = 4, Sequences = 8 });
        Assert.Equal(512, rounded.Options.ContextLength); // llama.cpp rounds up to 256
        Assert.Equal(8, rounded.Options.BatchLength); // one row for each sequence at least
    }

    [Theory]
    [InlineData(CacheType.F32, true)]
    [InlineData(CacheType.F16, false)]
    [InlineData(CacheType.BF16, true)]
    [InlineData(CacheType.Q8_0, true)]
    [InlineData(CacheType.Q4_0, true)]
    public void Every_cache_type_decodes(CacheType type, bool flash)
    {
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 64, CacheType = type, FlashAttention = flash });
        context.Decode(Models.Sequence(Models.Tiny, 8));
        Assert.True(float.IsFinite(context.Logits(7)[0]));
    }

    [Fact]
    public void A_quantised_cache_without_flash_attention_is_an_error() =>
        Refused(new() { CacheType = CacheType.Q8_0, FlashAttention = false }, "lash");

    [Fact]
    public void A_model_outlives_its_disposal_while_a_context_uses_it()
    {
        var model = LanguageModel.Load(TinyModel.Path);
        using var context = model.CreateContext(new() { ContextLength = 64 });
        var batch = Models.Sequence(model, 4);
        model.Dispose();
        context.Decode(batch);
    }

    private static void Refused(ContextOptions options, params string[] parts) =>
        Fails.With(() => Models.Tiny.CreateContext(options).Dispose(), parts);
}
