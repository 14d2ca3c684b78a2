using System.CommandLine;
using System.Globalization;

namespace NativeSteer.Cli.Options;

/// <summary>Several whole numbers, as llama-bench takes them: <c>1,8</c>, <c>1-4</c>, <c>1-9+2</c>, <c>1-256*2</c>, or the option again.</summary>
internal sealed class NumberListSetting : Setting
{
    private const int Most = 1000;

    internal NumberListSetting(string description, params string[] spellings) : base(spellings, "N,...", description) => Arity = ArgumentArity.OneOrMore;

    internal required IReadOnlyList<int> Default { get; init; }

    internal int Minimum { get; init; }

    internal int Maximum { get; init; } = int.MaxValue;

    internal override string? DefaultText => string.Join(',', Default);

    internal IReadOnlyList<int> Get(ParseResult parse)
    {
        if (!IsGiven(parse)) return Default;
        return [.. Values(parse).SelectMany(value => value.Split(',')).SelectMany(Numbers).Distinct().Take(Most).Select(InRange)];
    }

    private int InRange(int number) => number >= Minimum && number <= Maximum ? number : throw Wrong($"{number}", CountSetting.Range(Minimum, Maximum));

    private IEnumerable<int> Numbers(string text)
    {
        var (range, step, times) = text.IndexOfAny(['+', '*']) switch
        {
            < 0 => (text, "1", false),
            var at => (text[..at], text[(at + 1)..], text[at] == '*'),
        };
        var ends = range.Split('-');
        if (ends.Length > 2 || !TryParse(ends[0], out var first) || !TryParse(ends[^1], out var last) || !TryParse(step, out var by)
            || by < (times ? 2 : 1) || last < first || (times && first == 0))
        {
            throw Wrong(text, "numbers such as 8, 1,8,32, 1-4, 1-9+2 or 1-256*2");
        }
        for (long n = first; n <= last; n = times ? n * by : n + by) yield return (int)n;
    }

    private static bool TryParse(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
