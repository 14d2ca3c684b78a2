namespace NativeSteer.Cli.Help;

/// <summary>The last lines of every help.</summary>
internal static class ExitCodes
{
    internal static void Write(TextWriter output) =>
        output.WriteLine("Exit codes: 0 done, 1 error, 2 wrong usage, 130 stopped by Ctrl-C (what was finished is kept).");
}
