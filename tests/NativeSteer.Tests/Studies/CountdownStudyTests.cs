using NativeSteer.Engine;
using NativeSteer.Studies;
using NativeSteer.Tests.Files;
using Xunit;

namespace NativeSteer.Tests.Studies;

/// <summary>What is found on the built-in pair: a part of the demo, large enough to show it.</summary>
public sealed class CountdownStudyTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_direction_brings_backtracking_about_and_noise_of_its_length_does_much_less()
    {
        var folder = new StudyFolder(_folder["study"]);
        var options = CountdownStudy.Options(traces: 120, prompts: 32) with
        {
            Figures = ["baselines"], BaselineLabels = [], Magnitudes = [0.6f], MaxTokens = 48, MeasuredPrompts = 4, Context = new ContextOptions { Sequences = 0, Threads = 1 },
        };
        new BacktrackingStudy(options, folder).Run();
        var choice = BacktrackingResults.Of(BacktrackingLog.Read([folder.Log])).Choice!;
        Assert.Equal(16, choice.Steered.Prompts);
        Assert.True(choice.Steered.Factor is { Value: > 3, Low: > 1.5 }, $"over unsteered: {choice.Steered.Factor}");
        Assert.True(choice.OverNoise!.Value.Low > 1.3, $"over noise: {choice.OverNoise}");
    }
}
