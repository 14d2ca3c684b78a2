using System.Globalization;
using System.Text;

namespace NativeSteer.Cli.Output;

/// <summary>Numbers and names as people read them.</summary>
internal static class Text
{
    private static readonly string[] s_binary = ["B", "KiB", "MiB", "GiB", "TiB"];
    private static readonly string[] s_decimal = ["", " K", " M", " B", " T"];

    /// <summary><c>4.4 GiB</c></summary>
    internal static string Bytes(long bytes) => Scaled(bytes, 1024, s_binary, " ");

    /// <summary><c>7.6 B</c> weights.</summary>
    internal static string Count(long count) => Scaled(count, 1000, s_decimal, "");

    /// <summary>Four significant digits; a dash where there is no number.</summary>
    internal static string Number(double value) => double.IsNaN(value) ? "-" : value.ToString("g4", CultureInfo.InvariantCulture);

    internal static string Number(long? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "-";

    internal static string Percent(double share) => (100 * share).ToString("0.0", CultureInfo.InvariantCulture) + " %";

    internal static string YesNo(bool value) => value ? "yes" : "no";

    /// <summary>What came from a file, without characters that would move the cursor or break the line.</summary>
    internal static string OneLine(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\0', '\u001f') && !text.AsSpan().ContainsAnyInRange('\u007f', '\u009f')) return text;
        var result = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (char.IsControl(c)) result.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
            else result.Append(c);
        }
        return result.ToString();
    }

    private static string Scaled(long value, int step, string[] units, string space)
    {
        var scaled = (double)value;
        var unit = 0;
        while (scaled >= step && unit < units.Length - 1)
        {
            scaled /= step;
            unit++;
        }
        var format = unit > 0 && scaled < 100 ? "0.0" : "0";
        return scaled.ToString(format, CultureInfo.InvariantCulture) + space + units[unit];
    }
}
