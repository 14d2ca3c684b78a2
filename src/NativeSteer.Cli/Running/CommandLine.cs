using NativeSteer.Cli.Commands;
using NativeSteer.Cli.Help;
using NativeSteer.Cli.Output;

namespace NativeSteer.Cli.Running;

/// <summary>From the arguments to an exit code.</summary>
internal static class CommandLine
{
    /// <summary>Finds the verb, runs it, and turns every failure into one line and an exit code.</summary>
    internal static int Run(string[] args, Terminal terminal)
    {
        terminal.Verbose = args.Contains("--verbose", StringComparer.Ordinal);
        try
        {
            var code = Dispatch(args, terminal);
            terminal.Flush();
            return code;
        }
        catch (Exception error)
        {
            return Failure.Report(error, terminal);
        }
    }

    private static int Dispatch(string[] args, Terminal terminal)
    {
        if (args.Length == 0)
        {
            RootHelp.Write(terminal.Error);
            return ExitCode.Usage;
        }
        switch (args[0])
        {
            case "--help" or "-h" or "-?":
            case "help" when args.Length == 1:
                RootHelp.Write(terminal.Out);
                return ExitCode.Done;
            case "help": // nativesteer help VERB
                return Dispatch([.. args[1..], "--help"], terminal);
            case "--version":
                terminal.Out.WriteLine(Product.Versions());
                return ExitCode.Done;
            default:
                return VerbList.Root.Run(args, terminal);
        }
    }
}
