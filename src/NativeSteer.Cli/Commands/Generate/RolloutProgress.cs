using NativeSteer.Cli.Output;
using NativeSteer.Rollouts;

namespace NativeSteer.Cli.Commands.Generate;

/// <summary>
/// How far a run is. Rollouts side by side end nearly together, so tokens tell more than ended rollouts, until many end
/// before their limit.
/// </summary>
internal static class RolloutProgress
{
    internal static Action<RolloutStatistics> Of(IProgressReport report, IReadOnlyCollection<RolloutRequest> requests)
    {
        var most = requests.Sum(request => (double)request.MaxTokens);
        return done => report.Report(
            Math.Max(done.GeneratedTokens / Math.Max(1, most), (double)done.Finished / Math.Max(1, requests.Count)),
            $"{done.Finished} of {requests.Count}, {done.GeneratedTokens} tokens");
    }
}
