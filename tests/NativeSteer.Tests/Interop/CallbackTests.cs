using NativeSteer.Engine;
using NativeSteer.Interop;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Interop;

/// <summary>An exception must not leave a callback into native code, and must not be lost either.</summary>
public sealed class CallbackTests
{
    [Theory]
    [InlineData(0f)] // the first call
    [InlineData(1f)] // the last one, when the weights are loaded
    public void What_a_progress_callback_throws_arrives_at_the_caller_and_loading_works_again(float from)
    {
        var thrown = new FormatException("mine");
        var caught = Assert.Throws<FormatException>(() => LanguageModel.Load(
            TinyModel.Path, new() { Progress = value => { if (value >= from) throw thrown; } }));
        Assert.Same(thrown, caught);

        var steps = new List<float>();
        using var model = LanguageModel.Load(TinyModel.Path, new() { Progress = steps.Add });
        Assert.Equal(1f, steps[^1]);
        Assert.Equal(steps.Order(), steps);
    }

    [Fact]
    public void A_progress_callback_that_cancels_is_a_cancellation() =>
        Assert.ThrowsAny<OperationCanceledException>(() => LanguageModel.Load(
            TinyModel.Path, new() { Progress = _ => throw new OperationCanceledException() }));

    [Fact]
    public void A_log_sink_gets_lines_and_one_that_throws_is_removed_and_its_exception_kept()
    {
        var lines = 0;
        NativeLog.Sink = (_, _) => lines++;
        try
        {
            LanguageModel.Load(TinyModel.Path).Dispose();
            Assert.NotEqual(0, lines);

            var thrown = new FormatException("mine");
            NativeLog.Sink = (_, _) => throw thrown;
            LanguageModel.Load(TinyModel.Path).Dispose();
            Assert.Null(NativeLog.Sink);
            Assert.Same(thrown, NativeLog.SinkFailure);
        }
        finally
        {
            NativeLog.Sink = null;
        }
    }
}
