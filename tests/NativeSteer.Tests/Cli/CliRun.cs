using System.Diagnostics;
using System.Runtime.CompilerServices;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using Xunit;

namespace NativeSteer.Tests.Cli;

/// <summary>What a run of the command line gave.</summary>
internal sealed record CliResult(int Code, string Out, string Error);

/// <summary>Runs the command line in this process, or as one of its own.</summary>
internal static class CliRun
{
    /// <summary>Runs it here, with the streams of a program that is piped.</summary>
    internal static CliResult Run(params string[] args) => Run(false, args);

    /// <summary>Runs it here.</summary>
    internal static CliResult Run(bool outIsTerminal, params string[] args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        using var terminal = new Terminal(output, error) { OutIsTerminal = outIsTerminal };
        var code = CommandLine.Run(args, terminal);
        return new CliResult(code, output.ToString(), error.ToString());
    }

    /// <summary>Runs it and demands one line on stderr.</summary>
    internal static string Fails(int code, params string[] args)
    {
        var result = Run(args);
        Assert.Equal(code, result.Code);
        var line = Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
        Assert.StartsWith("nativesteer: error: ", line, StringComparison.Ordinal);
        return line["nativesteer: error: ".Length..];
    }

    /// <summary>Starts the built program; its streams are piped.</summary>
    internal static Process Start(params string[] args) => Start([], args);

    /// <summary>Starts it with an environment variable.</summary>
    internal static Process Start((string Name, string Value) variable, params string[] args) => Start([variable], args);

    /// <summary>Starts it with environment variables.</summary>
    internal static Process Start((string Name, string Value)[] variables, params string[] args)
    {
        var start = new ProcessStartInfo(
            Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) is "dotnet" ? host : "dotnet")
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "NativeSteer.Cli.dll"));
        foreach (var arg in args) start.ArgumentList.Add(arg);
        foreach (var (name, value) in variables) start.Environment[name] = value;
        return Process.Start(start)!;
    }
}

/// <summary>
/// Texts that people see, kept in files beside the tests. With NATIVESTEER_UPDATE_GOLDEN=1 the files are written instead of
/// compared; look at the difference before committing it.
/// </summary>
internal static class Golden
{
    internal static void Check(string name, string actual, [CallerFilePath] string here = "")
    {
        var path = Path.Combine(Path.GetDirectoryName(here)!, name + ".txt");
        if (Environment.GetEnvironmentVariable("NATIVESTEER_UPDATE_GOLDEN") is "1") File.WriteAllText(path, actual);
        Assert.True(File.Exists(path), $"{name}.txt is missing; NATIVESTEER_UPDATE_GOLDEN=1 writes it");
        Assert.Equal(File.ReadAllText(path), actual);
    }
}
