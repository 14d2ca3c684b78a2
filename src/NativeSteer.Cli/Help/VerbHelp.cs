using NativeSteer.Cli.Commands;
using NativeSteer.Cli.Options;

namespace NativeSteer.Cli.Help;

/// <summary>The help of one verb: purpose, usage, options by group, examples, exit codes.</summary>
internal static class VerbHelp
{
    private const int Width = 110;

    internal static void Write(Verb verb, TextWriter output)
    {
        output.WriteLine($"{verb.Description}.");
        output.WriteLine();
        var arguments = string.Concat(verb.Arguments.Select(argument =>
            argument.Arity switch
            {
                { MinimumNumberOfValues: 0, MaximumNumberOfValues: 1 } => $" [{argument.HelpName}]",
                { MinimumNumberOfValues: 0 } => $" [{argument.HelpName}...]",
                { MaximumNumberOfValues: 1 } => $" {argument.HelpName}",
                _ => $" {argument.HelpName}...",
            }));
        output.WriteLine($"Usage: nativesteer {verb.Path}{arguments} [options]");
        if (verb.Details.Length > 0)
        {
            output.WriteLine();
            output.WriteLine(verb.Details);
        }
        if (verb.Arguments.Count > 0)
        {
            output.WriteLine();
            output.WriteLine("Arguments:");
            foreach (var argument in verb.Arguments) Entry(argument.HelpName ?? argument.Name, argument.Description ?? "", 12, output);
        }
        foreach (var group in verb.Groups)
        {
            output.WriteLine();
            output.WriteLine($"{group.Title}:");
            foreach (var setting in group.Settings) Entry(Left(setting), Right(setting), 28, output);
        }
        output.WriteLine();
        output.WriteLine("Examples:");
        foreach (var example in verb.Examples)
        {
            output.WriteLine($"  {example.CommandLine}");
            output.WriteLine($"      {example.What}");
        }
        output.WriteLine();
        ExitCodes.Write(output);
    }

    private static string Left(Setting setting)
    {
        // Short spellings first, as in llama.cpp's help.
        var spellings = string.Join(
            ", ", setting.Aliases.Append(setting.Name).OrderBy(spelling => spelling.StartsWith("--", StringComparison.Ordinal)));
        return setting.HelpName is null ? spellings : $"{spellings} {setting.HelpName}";
    }

    private static string Right(Setting setting) =>
        setting.DefaultText is { } value ? $"{setting.Description} (default: {value})" : setting.Description ?? "";

    private static void Entry(string left, string right, int column, TextWriter output)
    {
        var line = $"  {left}";
        if (line.Length + 2 > column)
        {
            output.WriteLine(line);
            line = "";
        }
        line = line.PadRight(column);
        foreach (var part in Wrap(right, Width - column))
        {
            output.WriteLine(line + part);
            line = new string(' ', column);
        }
    }

    private static IEnumerable<string> Wrap(string text, int width)
    {
        while (text.Length > width)
        {
            var space = text.LastIndexOf(' ', width);
            if (space <= 0) break;
            yield return text[..space];
            text = text[(space + 1)..];
        }
        yield return text;
    }
}
