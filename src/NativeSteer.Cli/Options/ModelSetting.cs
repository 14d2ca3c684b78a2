using System.CommandLine;
using NativeSteer.Engine;

namespace NativeSteer.Cli.Options;

/// <summary>A model: a file, or a built-in model's name.</summary>
/// <param name="description">One line.</param>
/// <param name="optional">Whether without it there is no model, instead of the built-in one.</param>
/// <param name="builtIn">The model that is meant where none is given.</param>
internal sealed class ModelSetting(
    string description = "The model: a GGUF file, or a built-in model's name", bool optional = false, string builtIn = BuiltInModel.Default)
    : Setting(["--model", "-m"], "FILE", description)
{
    internal override string? DefaultText => optional ? null : builtIn;

    /// <summary>Its file; null when it is optional and not given.</summary>
    internal string? Get(ParseResult parse) => Value(parse) is { } given ? BuiltInModel.Resolve(given)
        : optional ? null : BuiltInModel.Resolve(builtIn);

    /// <summary>Its file.</summary>
    internal string Path(ParseResult parse) => Get(parse) ?? throw new InvalidOperationException("An optional model has no path.");

    /// <summary>As it was typed, for what finds the file itself.</summary>
    internal string Given(ParseResult parse) => Value(parse) ?? builtIn;
}
