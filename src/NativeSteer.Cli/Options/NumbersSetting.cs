using System.CommandLine;
using System.Globalization;

namespace NativeSteer.Cli.Options;

/// <summary>Several numbers, <c>-1,0.5,2</c>.</summary>
internal sealed class NumbersSetting(string description, params string[] spellings) : Setting(spellings, "N,...", description)
{
    internal required IReadOnlyList<float> Default { get; init; }

    internal override string? DefaultText => string.Join(',', Default.Select(number => number.ToString(CultureInfo.InvariantCulture)));

    internal IReadOnlyList<float> Get(ParseResult parse)
    {
        if (Value(parse) is not { } text) return Default;
        return [.. text.Split(',').Select(part => NumberSetting.TryParse(part, out var number) ? number : throw Wrong(text, "numbers such as 0.5,1,2 or -1,1"))];
    }
}
