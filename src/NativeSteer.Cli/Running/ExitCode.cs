namespace NativeSteer.Cli.Running;

/// <summary>What the process returns.</summary>
internal static class ExitCode
{
    internal const int Done = 0;

    /// <summary>Something failed; one line on stderr says what.</summary>
    internal const int Error = 1;

    /// <summary>The command line itself is wrong.</summary>
    internal const int Usage = 2;

    /// <summary>Ctrl-C; what was finished is kept.</summary>
    internal const int Interrupted = 130;
}

/// <summary>The command line cannot be understood: exit code 2, and a pointer to the help.</summary>
/// <param name="message">What is wrong, ending with a full stop or with a hint.</param>
internal sealed class UsageException(string message) : Exception(message);
