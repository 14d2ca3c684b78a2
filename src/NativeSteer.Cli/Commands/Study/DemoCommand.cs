using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Engine;
using NativeSteer.Studies;

namespace NativeSteer.Cli.Commands.Study;

/// <summary><c>demo</c></summary>
internal sealed class DemoCommand : Verb
{
    private const string DefaultFolder = "nativesteer-demo";

    private readonly CountSetting _threads = CommonSettings.Threads();
    private readonly TextSetting _output = new("DIR", $"The study's folder (default: {DefaultFolder})", "--output", "-o");
    private readonly Flag _resume = new("Go on with what the folder has", "--resume");

    internal DemoCommand() : base("demo", "The backtracking study on the built-in models, in about a minute")
    {
        Details = """
            A model that solves number puzzles says wait or hmm before it tries another way. Which direction of its residual stream
            precedes that, does it bring it about when it is added, and does the model that it was made from, which never says so,
            have it too? This is 'study backtracking' with all its defaults: three sentences here, figures and tables in a report.
            """;
        AddGroup("Run", _threads);
        AddGroup("Output", _output, _resume);
        AddExample("demo", $"the answer, and {DefaultFolder}/report.html");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var options = CountdownStudy.Options();
        return StudyRun.Run(
            options with { Context = options.Context with { Threads = _threads.Get(parse) } }, _output.Get(parse) ?? DefaultFolder, _resume.IsGiven(parse),
            [.. parse.Tokens.Select(token => token.Value)], terminal, stop);
    }
}
