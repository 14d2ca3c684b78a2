using NativeSteer.Cli.Output;
using NativeSteer.Rollouts;

namespace NativeSteer.Cli.Commands.Generate;

/// <summary>Rollouts as text on stdout: a single one as it is generated, several each under a heading as they end.</summary>
internal sealed class TextOutput(Terminal terminal, RolloutJobs jobs)
{
    internal void Print(RolloutRunner runner, CancellationToken stop)
    {
        var requests = jobs.Requests(new HashSet<string>());
        if (requests.Count == 1)
        {
            Stream(runner, requests, stop);
            return;
        }
        if (terminal.OutIsTerminal) // the text itself is the progress
        {
            foreach (var rollout in runner.Run(requests, stop)) PrintOne(rollout);
            return;
        }
        Progress.Run(terminal, "Generating", report =>
        {
            runner.Stepped = RolloutProgress.Of(report, requests);
            foreach (var rollout in runner.Run(requests, stop)) PrintOne(rollout);
            return requests.Count;
        });
    }

    private void Stream(RolloutRunner runner, List<RolloutRequest> requests, CancellationToken stop)
    {
        var begun = false;
        runner.TextGenerated = (_, text) =>
        {
            begun = true;
            terminal.Out.Write(text);
            terminal.Flush();
        };
        try
        {
            foreach (var rollout in runner.Run(requests, stop)) begun = true; // an empty text is a line too
        }
        finally
        {
            if (begun) terminal.Out.WriteLine();
        }
    }

    private void PrintOne(Rollout rollout)
    {
        var steer = string.Join(' ', jobs.Sources[rollout.Request.Id].Job.Steer);
        terminal.Out.WriteLine(
            $"=== {Text.OneLine(rollout.Request.Id)}, seed {rollout.Request.Sampling.Seed}{(steer.Length > 0 ? $", {steer}" : "")} ===");
        terminal.Out.WriteLine(rollout.Text);
        terminal.Out.WriteLine();
        terminal.Flush();
    }
}
