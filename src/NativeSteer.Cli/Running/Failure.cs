using NativeSteer.Cli.Output;

namespace NativeSteer.Cli.Running;

/// <summary>Says in one line on stderr what went wrong, and which exit code that is.</summary>
internal static class Failure
{
    internal static int Report(Exception error, Terminal terminal)
    {
        if (BrokenPipe.Is(error)) return ExitCode.Done; // the reader has all it wanted
        var (message, code) = error switch
        {
            UsageException => (error.Message, ExitCode.Usage),
            NativeSteerException => (error.Message, ExitCode.Error),
            OperationCanceledException => ("", ExitCode.Interrupted),
            _ => ($"unexpected {error.GetType().Name}: {FirstLine(error.Message)} (--verbose shows where)", ExitCode.Error),
        };
        try
        {
            terminal.Flush();
        }
        catch (IOException)
        {
            // The error to report is the first one.
        }
        terminal.Error.WriteLine(code == ExitCode.Interrupted ? "nativesteer: stopped" : $"nativesteer: error: {message}");
        if (terminal.Verbose) terminal.Error.WriteLine(error);
        return code;
    }

    private static string FirstLine(string text)
    {
        var end = text.AsSpan().IndexOfAny('\r', '\n');
        return end < 0 ? text : text[..end];
    }
}
