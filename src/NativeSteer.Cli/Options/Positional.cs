using System.CommandLine;

namespace NativeSteer.Cli.Options;

/// <summary>Arguments without an option's name before them.</summary>
internal static class Positional
{
    internal static Argument<string[]> Many(string name, string description, bool required = false) =>
        new(name) { HelpName = name, Description = description, Arity = required ? ArgumentArity.OneOrMore : ArgumentArity.ZeroOrMore };

    internal static Argument<string[]> One(string name, string description) =>
        new(name) { HelpName = name, Description = description, Arity = ArgumentArity.ExactlyOne };

    internal static IReadOnlyList<string> Values(Argument argument, ParseResult parse) =>
        parse.GetResult(argument) is { } result ? [.. result.Tokens.Select(token => token.Value)] : [];
}
