using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace NativeSteer.Tasks;

/// <summary>
/// Lets a command of the user's judge answers. It gets <c>{"prompt", "gold", "completion"}</c> as a line of JSON on its input; exit code
/// 0 means right, 1 wrong, anything else that it failed. One that takes too long is ended, with all it started.
/// </summary>
/// <param name="command">What <c>sh -c</c> runs.</param>
/// <param name="limit">Time for one answer.</param>
public sealed class CommandVerifier(string command, TimeSpan limit)
{
    /// <summary>Time for one answer where no other is given.</summary>
    public static TimeSpan DefaultLimit { get; } = TimeSpan.FromSeconds(10);

    /// <summary>A task that the command judges.</summary>
    public TaskItem Task(string id, string prompt, string? gold) => new(id, prompt, text => Judge(prompt, gold, text)) { Gold = gold };

    private TaskVerdict Judge(string prompt, string? gold, string completion)
    {
        var line = new JsonObject { ["prompt"] = prompt, ["gold"] = gold, ["completion"] = completion }.ToJsonString() + "\n";
        try
        {
            using var process = Start();
            _ = FeedAsync(process, line);
            if (process.WaitForExit(limit))
                return new(process.ExitCode switch { 0 => TaskOutcome.Right, 1 => TaskOutcome.Wrong, _ => TaskOutcome.Crashed }, completion);
            process.Kill(entireProcessTree: true);
            process.WaitForExit(limit);
            return new(TaskOutcome.TimedOut, completion);
        }
        catch (Exception error) when (error is Win32Exception or InvalidOperationException or IOException)
        {
            return new(TaskOutcome.Crashed, completion);
        }
    }

    // Its own words go where ours do; only the exit code counts.
    private Process Start() => Process.Start(new ProcessStartInfo("sh")
    {
        ArgumentList = { "-c", command },
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        UseShellExecute = false,
        StandardInputEncoding = new UTF8Encoding(false),
    }) ?? throw new InvalidOperationException("The command did not start.");

    // Beside the waiting: a command that reads nothing must not hold it up, nor one that writes much.
    private static async Task FeedAsync(Process process, string line)
    {
        try
        {
            process.BeginOutputReadLine();
            await process.StandardInput.WriteAsync(line).ConfigureAwait(false);
            process.StandardInput.Close();
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // It ended without reading: its exit code says the rest.
        }
    }
}
