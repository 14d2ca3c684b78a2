using Spectre.Console;

namespace NativeSteer.Cli.Output;

/// <summary>Spectre.Console on our own writers, with our own idea of what the terminal can do.</summary>
internal static class Consoles
{
    internal static IAnsiConsole Create(TextWriter writer, Terminal terminal, bool isTerminal)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = !isTerminal || !terminal.Ansi ? AnsiSupport.No : OperatingSystem.IsWindows() ? AnsiSupport.Detect : AnsiSupport.Yes,
            ColorSystem = terminal.Colors && isTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            // A progress bar redraws itself only on what counts as interactive.
            Interactive = isTerminal && terminal.Ansi ? InteractionSupport.Yes : InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        console.Profile.Width = terminal.Width;
        return console;
    }
}
