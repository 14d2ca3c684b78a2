using System.CommandLine;
using NativeSteer.Cli.Help;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Interop;

namespace NativeSteer.Cli.Commands;

/// <summary>A verb of the command line: its settings, its help and what it does.</summary>
/// <param name="path">What is typed after the program's name, e.g. <c>vector show</c>.</param>
/// <param name="purpose">One line.</param>
internal abstract class Verb(string path, string purpose) : Command(path[(path.LastIndexOf(' ') + 1)..], purpose)
{
    private static readonly ParserConfiguration s_parser = new() { EnablePosixBundling = false, ResponseFileTokenReplacer = null };

    private readonly Flag _help = new("Show this", "--help", "-h", "-?");
    private readonly Flag _verbose = new("Show llama.cpp's log, and where an error comes from", "--verbose");
    private readonly List<SettingGroup> _groups = [];
    private readonly List<Example> _examples = [];

    /// <summary>What is typed after the program's name.</summary>
    internal string Path { get; } = path;

    internal IReadOnlyList<SettingGroup> Groups => _groups;

    internal IReadOnlyList<Example> Examples => _examples;

    /// <summary>More about the verb, below its purpose; lines as they are to be printed.</summary>
    internal string Details { get; private protected init; } = "";

    /// <summary>Parses and runs.</summary>
    /// <returns>The exit code.</returns>
    internal int Run(string[] args, Terminal terminal)
    {
        AddGroup("General", _verbose, _help);
        // The parser drops a first word that is the command's own name: a file may be called so.
        var parse = Parse([Name, .. args], s_parser);
        if (_help.IsGiven(parse))
        {
            VerbHelp.Write(this, terminal.Out);
            return ExitCode.Done;
        }
        Check(parse);
        NativeLog.Notices = terminal.Note;
        if (terminal.Verbose) NativeLog.Sink = (_, line) => terminal.Error.Write(line);
        using var interrupt = new Interrupt(terminal.Error);
        return Execute(parse, terminal, interrupt.Token);
    }

    /// <summary>Reads all settings, then works.</summary>
    protected abstract int Execute(ParseResult parse, Terminal terminal, CancellationToken stop);

    protected void AddGroup(string title, params Setting[] settings)
    {
        foreach (var setting in settings) Add(setting);
        _groups.Add(new SettingGroup(title, settings));
    }

    protected void AddExample(string arguments, string what) => _examples.Add(new Example($"nativesteer {arguments}", what));

    private void Check(ParseResult parse)
    {
        // What looks like an option but is none would otherwise pass as a file's name.
        var stray = parse.CommandResult.Tokens.Select(token => token.Value).Concat(parse.UnmatchedTokens)
            .FirstOrDefault(token => token.StartsWith("--", StringComparison.Ordinal) && token.Length > 2);
        if (stray is not null) throw Wrong($"there is no option '{stray}'");
        if (parse.UnmatchedTokens is [var unexpected, ..]) throw Wrong($"'{unexpected}' is not expected here");
        if (parse.Errors is [var error, ..]) throw Wrong(error.Message.TrimEnd('.'));
    }

    private UsageException Wrong(string problem) => new($"{problem}; 'nativesteer {Path} --help' shows what can be given.");
}

/// <summary>Settings that belong together in the help.</summary>
internal sealed record SettingGroup(string Title, IReadOnlyList<Setting> Settings);

/// <summary>A command line to copy, and what it does.</summary>
internal sealed record Example(string CommandLine, string What);
