using System.Text;
using System.Text.Json.Nodes;

namespace NativeSteer.Reports;

/// <summary>What travels in the library for reports: the chart library, the page's style and script, the charts' templates.</summary>
internal static class ReportAssets
{
    /// <summary>A resource's text.</summary>
    internal static string Text(string name)
    {
        using var stream = typeof(ReportAssets).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The library was built without the resource {name}.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    /// <summary>
    /// A Vega-Lite chart: the template <c>NAME.vl.json</c>, in which each text <c>$word</c> is replaced by the value of that name.
    /// </summary>
    internal static JsonObject Chart(string name, IReadOnlyDictionary<string, JsonNode?> values)
    {
        var template = JsonNode.Parse(Text($"{name}.vl.json"))!;
        var filled = (JsonObject)Fill(template, values)!;
        filled["config"] = JsonNode.Parse(Text("chart-config.json"));
        return filled;
    }

    private static JsonNode? Fill(JsonNode? node, IReadOnlyDictionary<string, JsonNode?> values)
    {
        switch (node)
        {
            case JsonObject fields:
                var filled = new JsonObject();
                foreach (var (field, value) in fields) filled[field] = Fill(value, values);
                return filled;
            case JsonArray items:
                return new JsonArray([.. items.Select(item => Fill(item, values))]);
            case JsonValue value when value.TryGetValue<string>(out var text) && text.StartsWith('$'):
                return values[text[1..]]?.DeepClone();
            default:
                return node?.DeepClone();
        }
    }
}
