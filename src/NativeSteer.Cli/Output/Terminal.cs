using System.Text;
using Microsoft.Win32.SafeHandles;

namespace NativeSteer.Cli.Output;

/// <summary>Where results (stdout) and everything else (stderr) go.</summary>
internal sealed class Terminal : IDisposable
{
    private readonly Lazy<int> _width;

    internal Terminal(TextWriter output, TextWriter error, Func<int>? width = null)
    {
        const int defaultWidth = 100, leastWidth = 40;
        Out = output;
        Error = error;
        _width = new Lazy<int>(() => width?.Invoke() is { } columns and > 0 ? Math.Max(columns, leastWidth) : defaultWidth);
    }

    /// <summary>Results. Buffered: flush where a reader should see them at once.</summary>
    internal TextWriter Out { get; }

    /// <summary>Progress, notes and errors. Lines appear at once.</summary>
    internal TextWriter Error { get; }

    /// <summary>Whether a person reads the results.</summary>
    internal bool OutIsTerminal { get; init; }

    /// <summary>Whether a person watches progress.</summary>
    internal bool ErrorIsTerminal { get; init; }

    /// <summary>Whether the terminal understands escape sequences: not a dumb one.</summary>
    internal bool Ansi { get; init; } = true;

    /// <summary>Whether colours may be used: not with NO_COLOR set.</summary>
    internal bool Colors { get; init; }

    /// <summary>Columns of the terminal; asked for when something is drawn.</summary>
    internal int Width => _width.Value;

    /// <summary>Show llama.cpp's log and stack traces.</summary>
    internal bool Verbose { get; set; }

    /// <summary>The process's own streams, UTF-8 whatever the locale.</summary>
    internal static Terminal OfProcess()
    {
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        var outIsTerminal = !Console.IsOutputRedirected;
        var ansi = !string.Equals(Environment.GetEnvironmentVariable("TERM"), "dumb", StringComparison.Ordinal);
        return new Terminal(
            new StreamWriter(OutputStream(outIsTerminal), utf8, bufferSize: 1 << 14),
            TextWriter.Synchronized(new StreamWriter(Console.OpenStandardError(), utf8, bufferSize: 256) { AutoFlush = true }),
            WindowWidth)
        {
            OutIsTerminal = outIsTerminal,
            ErrorIsTerminal = !Console.IsErrorRedirected,
            Ansi = ansi,
            Colors = ansi && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")),
        };
    }

    /// <summary>A line for the person, not part of the result.</summary>
    internal void Note(string line) => Error.WriteLine($"nativesteer: {line}");

    internal void Flush() => Out.Flush();

    public void Dispose()
    {
        try
        {
            Out.Flush();
        }
        catch (IOException)
        {
            // A reader that left; what could be said was said by then.
        }
    }

    // .NET's console stream drops what a closed pipe refuses and says nothing, so a program would work on for nobody. A plain
    // stream on the same descriptor throws. Not for files: it would keep a position of its own.
    private static Stream OutputStream(bool isTerminal)
    {
        if (isTerminal || OperatingSystem.IsWindows()) return Console.OpenStandardOutput();
        try
        {
            var stream = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
            return stream.CanSeek ? Console.OpenStandardOutput() : stream;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Console.OpenStandardOutput(); // stdout is closed
        }
    }

    private static int WindowWidth()
    {
        try
        {
            return Console.WindowWidth;
        }
        catch (IOException)
        {
            return 0; // unknown
        }
    }
}

/// <summary>Recognises that the reader of stdout has gone.</summary>
internal static class BrokenPipe
{
    private const int Epipe = 32, WindowsBrokenPipe = unchecked((int)0x8007006D), WindowsNoData = unchecked((int)0x800700E8);

    internal static bool Is(Exception error) => error is IOException { HResult: Epipe or WindowsBrokenPipe or WindowsNoData };
}
