using System.CommandLine;
using System.Globalization;

namespace NativeSteer.Cli.Options;

/// <summary>A part of a work that is dealt out to several machines: <c>2/4</c> is the second of four.</summary>
internal sealed class ShardSetting() : Setting(["--shard"], "I/N", "Run the I-th of N parts of the grid; 'report' puts the logs together")
{
    /// <summary>The part, counted from 0, and the number of parts; null for the whole.</summary>
    internal (int Index, int Count)? Get(ParseResult parse)
    {
        if (Value(parse) is not { } text) return null;
        return text.Split('/') is [var part, var parts]
            && int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            && int.TryParse(parts, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && index >= 1 && index <= count
                ? (index - 1, count) : throw Wrong(text, "a part and the number of parts, such as 1/4 to 4/4");
    }
}
