using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace NativeSteer.Tests.Reports;

/// <summary>A report's files read back by the tests' own means.</summary>
internal static partial class ReportFiles
{
    /// <summary>A CSV file's rows by the names in its header, units left away.</summary>
    internal static List<Dictionary<string, string>> Csv(string path)
    {
        var lines = Cells(File.ReadAllText(path));
        var names = lines[0].ConvertAll(cell => cell.Split(" (")[0]);
        return lines.Skip(1).Select(line => names.Zip(line).ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal)).ToList();
    }

    internal static double Number(this Dictionary<string, string> row, string name) =>
        row[name].Length == 0 ? double.NaN : double.Parse(row[name], CultureInfo.InvariantCulture);

    /// <summary>The Vega-Lite specification of each chart by its section's id.</summary>
    internal static Dictionary<string, JsonElement> Charts(string html) => Sections().Matches(html).ToDictionary(
        match => match.Groups["id"].Value, match => JsonDocument.Parse(match.Groups["json"].Value).RootElement, StringComparer.Ordinal);

    private static List<List<string>> Cells(string text)
    {
        var (lines, line, cell, quoted) = (new List<List<string>>(), new List<string>(), new StringBuilder(), false);
        for (var i = 0; i < text.Length; i++)
        {
            if (quoted && text[i] == '"' && i + 1 < text.Length && text[i + 1] == '"') cell.Append(text[++i]);
            else if (text[i] == '"') quoted = !quoted;
            else if (!quoted && text[i] is ',' or '\n' && !quoted)
            {
                line.Add(cell.ToString());
                cell.Clear();
                if (text[i] == ',') continue;
                lines.Add(line);
                line = [];
            }
            else if (quoted || text[i] != '\r') cell.Append(text[i]);
        }
        return lines;
    }

    [GeneratedRegex("<section class=\"figure\" id=\"(?<id>[a-z]+)\">(?:(?!</section>).)*?<script type=\"application/json\" class=\"spec\">(?<json>[^<]*)</script>",
        RegexOptions.Singleline | RegexOptions.CultureInvariant, 10000)]
    private static partial Regex Sections();
}

/// <summary>The run log by the plainest means there are: the independent path to the report's numbers.</summary>
internal sealed class PlainLog
{
    private readonly List<JsonElement> _rollouts = [];

    internal PlainLog(string path)
    {
        foreach (var line in File.ReadLines(path).Select(line => JsonDocument.Parse(line).RootElement))
        {
            var type = line.GetProperty("type").GetString();
            if (type == "cell") Cells.Add(line.GetProperty("key").GetString()!, line);
            if (type == "rollout") _rollouts.Add(line);
        }
    }

    internal Dictionary<string, JsonElement> Cells { get; } = [];

    internal static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();

    /// <summary>The rollouts of the cells that a test picks.</summary>
    internal List<JsonElement> Of(Func<JsonElement, JsonElement, bool> isWanted, string? half = null) => _rollouts
        .Where(rollout => isWanted(Cells[Text(rollout, "cell")!], Cells[Text(rollout, "cell")!].GetProperty("vector")) && (half is null || Text(rollout, "half") == half)).ToList();

    /// <summary>Those of a CSV file's row.</summary>
    internal List<JsonElement> Of(Dictionary<string, string> row, string? half = null) => Of(
        (cell, vector) => Text(cell, "target") == row["target"] && (row["series"] == "unsteered"
            ? Text(vector, "kind") == "none"
            : Text(vector, "kind") == row["kind"] && (Text(vector, "source") ?? "") == row["source"] && (Text(vector, "label") ?? "") == row["label"]
                && Window(vector) == row["window"] && cell.GetProperty("layer").GetRawText() == row["layer"] && cell.GetProperty("magnitude").GetDouble() == row.Number("magnitude")),
        half);

    internal static double Rate(List<JsonElement> rollouts) => (double)Hits(rollouts) / Words(rollouts);

    internal static int Words(List<JsonElement> rollouts) => rollouts.Sum(rollout => SyntheticStudy.Count(Text(rollout, "text")!).Words);

    internal static int Hits(List<JsonElement> rollouts) => rollouts.Sum(rollout => SyntheticStudy.Count(Text(rollout, "text")!).Hits);

    internal static double PerToken(List<JsonElement> rollouts, Func<JsonElement, JsonElement> field, Func<double, double> map)
    {
        var measured = rollouts.Where(rollout => field(rollout).ValueKind == JsonValueKind.Number).ToList();
        return measured.Sum(rollout => map(field(rollout).GetDouble()) * rollout.GetProperty("tokens").GetArrayLength())
            / measured.Sum(rollout => rollout.GetProperty("tokens").GetArrayLength());
    }

    private static string Window(JsonElement vector)
    {
        var offsets = vector.GetProperty("offsets");
        return offsets.ValueKind == JsonValueKind.Null ? "" : $"{offsets[0]} to {offsets[1]}".Replace('-', '−');
    }
}
