using NativeSteer.Training;
using Xunit;

namespace NativeSteer.Tests.Training;

public sealed class LearningRateScheduleTests
{
    [Fact]
    public void It_rises_in_equal_steps_and_stays()
    {
        var schedule = new LearningRateSchedule(1, 100) { Warmup = 4 };
        Assert.Equal([0.25f, 0.5f, 0.75f, 1, 1, 1], Enumerable.Range(0, 6).Select(step => schedule.At(step)));
        Assert.Equal(1, schedule.At(99));
    }

    [Fact]
    public void A_cosine_starts_at_the_peak_and_ends_at_the_floor()
    {
        var schedule = new LearningRateSchedule(2, 101) { Kind = ScheduleKind.Cosine, Floor = 0.1f };
        Assert.Equal(2, schedule.At(0), 6);
        Assert.Equal(2 * 0.55, schedule.At(50), 6);
        Assert.Equal(0.2, schedule.At(100), 6);
        Assert.Equal(0.2, schedule.At(1000), 6);
        for (var step = 0; step < 100; step++) Assert.True(schedule.At(step) >= schedule.At(step + 1));
    }

    [Theory]
    [InlineData(0.03, 100, 3)]
    [InlineData(0.001, 100, 1)]
    [InlineData(0, 100, 0)]
    [InlineData(1, 100, 1)]
    [InlineData(20, 100, 20)]
    [InlineData(200, 100, 100)]
    public void Warm_up_is_a_share_below_one_and_a_count_from_one_on(double setting, long steps, long expected) =>
        Assert.Equal(expected, LearningRateSchedule.WarmupSteps(setting, steps));

    [Fact]
    public void One_step_alone_has_the_peak() =>
        Assert.Equal(3, new LearningRateSchedule(3, 1) { Warmup = 1, Kind = ScheduleKind.Cosine }.At(0));
}
