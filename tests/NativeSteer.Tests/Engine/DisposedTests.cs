using NativeSteer.Engine;
using NativeSteer.Rollouts;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Engine;

/// <summary>Use after Dispose throws; it never touches freed memory.</summary>
public sealed class DisposedTests
{
    [Fact]
    public void A_disposed_context_throws_at_every_call()
    {
        var context = Models.Tiny.CreateContext(new() { ContextLength = 64, Sequences = 2 });
        var runner = new RolloutRunner(context);
        context.Dispose();
        Assert.Throws<ObjectDisposedException>(() => context.Decode(Models.Sequence(Models.Tiny, 3)));
        Assert.Throws<ObjectDisposedException>(() => context.Logits(0));
        Assert.Throws<ObjectDisposedException>(context.Clear);
        Assert.Throws<ObjectDisposedException>(context.Cancel);
        Assert.Throws<ObjectDisposedException>(() => context.CopySequence(0, 1));
        Assert.Throws<ObjectDisposedException>(() => context.SequenceLength(0));
        runner.Dispose();
        context.Dispose();
    }

    [Fact]
    public void A_disposed_model_lives_on_for_its_contexts_and_throws_after_them()
    {
        var model = LanguageModel.Load(TinyModel.Path);
        var context = model.CreateContext(new() { ContextLength = 64 });
        model.Dispose();
        context.Decode(Models.Sequence(Models.Tiny, 3)); // the context holds the weights
        context.Dispose();
        Assert.Throws<ObjectDisposedException>(() => model.CreateContext());
        Assert.Throws<ObjectDisposedException>(() => model.Vocabulary.Tokenize("so"));
    }
}
