using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Engine;
using NativeSteer.Hooks;

namespace NativeSteer.Cli.Commands;

/// <summary><c>doctor</c>: runs the library's self-checks and says which of them fail.</summary>
internal sealed class DoctorCommand : Verb
{
    private readonly ModelSettings _model = new();
    private readonly CountSetting _threads = CommonSettings.Threads();
    private readonly Flag _json = CommonSettings.Json();

    internal DoctorCommand() : base("doctor", "Prove that steering works on a model")
    {
        Details = """
            Runs short texts of made-up tokens through the model and compares numbers that must be equal: steering by zero with
            no steering, a steered layer with h + scale * v, our steering with llama.cpp's own control vector, and so on.
            On NVIDIA GPUs our kernels' results are compared with the CPU's.
            """;
        AddGroup("Model", [.. _model.All, _threads]);
        AddGroup("Output", _json);
        AddExample("doctor", "do the native libraries load, and does steering work, on a built-in model");
        AddExample("doctor -m model.gguf", "all checks on this model; exit code 1 when one fails");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var threads = _threads.Get(parse);
        var results = new List<SelfCheckResult> { Installation(), Devices(), KernelSelfCheck.Run() };
        if (results.TrueForAll(result => result.Passed))
        {
            using var model = _model.Load(parse, terminal, stop);
            var checks = new SteeringSelfCheck(model, threads).Checks;
            Progress.Run(terminal, "Checking", report =>
            {
                for (var i = 0; i < checks.Count && !stop.IsCancellationRequested; i++)
                {
                    report.Report((double)i / checks.Count, checks[i].Name);
                    results.Add(checks[i].Run());
                }
                return results;
            });
        }
        Print(results, terminal, _json.IsGiven(parse));
        stop.ThrowIfCancellationRequested(); // what was checked before Ctrl-C has been printed
        var failed = results.Where(result => !result.Passed).ToList();
        if (failed.Count == 0) return ExitCode.Done;
        terminal.Flush();
        terminal.Error.WriteLine(
            $"nativesteer: error: {failed.Count} of {results.Count} checks failed: {string.Join(", ", failed.Select(f => f.Name))}.");
        return ExitCode.Error;
    }

    private static SelfCheckResult Installation() => Try("native libraries load", () => $"llama.cpp {LlamaLibrary.Version}");

    private static SelfCheckResult Devices() => Try("devices are found", () =>
        string.Join("; ", LlamaLibrary.Devices) + (LlamaLibrary.CpuVariant is { } variant ? $" ({variant})" : "")
        + (GpuBackend.Unused is { } why ? $"; {why}" : ""));

    private static SelfCheckResult Try(string name, Func<string> measure)
    {
        try
        {
            return new SelfCheckResult(name, true, measure());
        }
        catch (NativeSteerException error)
        {
            return new SelfCheckResult(name, false, error.Message);
        }
    }

    private static void Print(List<SelfCheckResult> results, Terminal terminal, bool json)
    {
        if (json)
        {
            Json.PrintObject(terminal, writer =>
            {
                writer.WriteBoolean("passed", results.TrueForAll(result => result.Passed));
                writer.Objects("checks", results, (inner, result) =>
                {
                    inner.WriteString("name", result.Name);
                    inner.WriteBoolean("passed", result.Passed);
                    inner.WriteString("measured", result.Measured);
                });
            });
            return;
        }
        var table = new Table("check", "result", "measured");
        foreach (var result in results) table.Add(result.Name, result.Passed ? "pass" : "FAIL", result.Measured);
        table.Print(terminal);
    }
}
