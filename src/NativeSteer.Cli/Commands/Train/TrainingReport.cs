using NativeSteer.Cli.Output;
using NativeSteer.Training;

namespace NativeSteer.Cli.Commands.Train;

/// <summary>Shows how a run goes.</summary>
internal sealed class TrainingReport(IProgressReport report) : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value)
    {
        var heldOut = double.IsNaN(value.HeldOutLoss) ? "" : $", held-out {Text.Number(value.HeldOutLoss)}";
        // Of this part of the run: what an earlier one did took no time now.
        report.Report(
            (double)(value.Step - value.Resumed) / Math.Max(1, value.Steps - value.Resumed),
            $"step {value.Step} of {value.Steps}, loss {Text.Number(value.Loss)}{heldOut}, {value.TokensPerSecond:0} tokens/s");
    }
}
