using System.Text.Json.Nodes;
using NativeSteer.Studies;

namespace NativeSteer.Reports;

/// <summary>
/// The colour and the shape of a vector, the same in every figure. Colours are names of the page's style (report.css), which has
/// them for light and dark; they and the shapes tell vectors apart for colour-blind readers too.
/// </summary>
internal static class SeriesStyle
{
    private static readonly (string Name, string Colour, string Shape)[] s_known =
    [
        (StudyWords.Unsteered, "unsteered", "stroke"),
        ("reasoning-derived", "reasoning", "circle"),
        ("base-derived", "base", "square"),
        ("noise", "noise", "cross"),
        ("overall mean", "mean", "diamond"),
        ("self-amplification", "self", "triangle-down"),
        ("shuffled labels", "shuffled", "triangle-right"),
    ];

    private static readonly string[] s_otherShapes = ["triangle-up", "triangle-left", "wedge", "arrow"];

    /// <summary>The known ones first, in a fixed order; then those of other labels.</summary>
    internal static List<string> Order(IEnumerable<string> names) =>
        [.. names.Distinct(StringComparer.Ordinal).OrderBy(Rank).ThenBy(name => name, StringComparer.Ordinal)];

    /// <summary>The entries <c>series</c>, <c>colours</c> and <c>shapes</c> of a chart's template.</summary>
    internal static void AddTo(IDictionary<string, JsonNode?> values, IEnumerable<string> names)
    {
        var order = Order(names);
        var others = 0;
        var (colours, shapes) = (new JsonArray(), new JsonArray());
        foreach (var name in order)
        {
            var rank = Rank(name);
            var other = rank < s_known.Length ? 0 : others++ % s_otherShapes.Length;
            colours.Add($"var(--c-{(rank < s_known.Length ? s_known[rank].Colour : $"label{other + 1}")})");
            shapes.Add(rank < s_known.Length ? s_known[rank].Shape : s_otherShapes[other]);
        }
        values["series"] = Array(order);
        values["colours"] = colours;
        values["shapes"] = shapes;
    }

    internal static JsonArray Array(IEnumerable<string> texts) => new([.. texts.Select(text => (JsonNode)text)]);

    private static int Rank(string name)
    {
        var known = System.Array.FindIndex(s_known, style => style.Name == name);
        return known < 0 ? s_known.Length : known;
    }
}
