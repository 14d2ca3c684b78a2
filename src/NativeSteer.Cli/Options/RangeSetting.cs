using System.CommandLine;
using System.Globalization;

namespace NativeSteer.Cli.Options;

/// <summary>Whole numbers from one to another, both included: <c>10-100</c>.</summary>
internal sealed class RangeSetting(string description, params string[] spellings) : Setting(spellings, "A-B", description)
{
    internal required (int Least, int Most) Default { get; init; }

    internal override string? DefaultText => $"{Default.Least}-{Default.Most}";

    internal (int Least, int Most) Get(ParseResult parse)
    {
        if (Value(parse) is not { } text) return Default;
        return text.Split('-') is [var first, var last] && TryParse(first, out var least) && TryParse(last, out var most) && least <= most
            ? (least, most) : throw Wrong(text, $"two numbers, the first not above the second, such as {DefaultText}");
    }

    private static bool TryParse(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
