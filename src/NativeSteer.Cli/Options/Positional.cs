using System.CommandLine;

namespace NativeSteer.Cli.Options;

/// <summary>Arguments without an option's name before them.</summary>
internal static class Positional
{
    internal static Argument<string[]> Many(string name, string description, bool required = false) =>
        Create(name, description, required ? ArgumentArity.OneOrMore : ArgumentArity.ZeroOrMore);

    internal static Argument<string[]> Optional(string name, string description) => Create(name, description, ArgumentArity.ZeroOrOne);

    internal static Argument<string[]> One(string name, string description) => Create(name, description, ArgumentArity.ExactlyOne);

    internal static IReadOnlyList<string> Values(Argument argument, ParseResult parse) =>
        parse.GetResult(argument) is { } result ? [.. result.Tokens.Select(token => token.Value)] : [];

    private static Argument<string[]> Create(string name, string description, ArgumentArity arity) => new(name)
    {
        HelpName = name,
        Description = description,
        Arity = arity,
        CustomParser = result => [.. result.Tokens.Select(token => token.Value)],
    };
}
