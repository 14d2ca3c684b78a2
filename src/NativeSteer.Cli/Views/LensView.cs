using System.Globalization;
using System.Text.Json;
using NativeSteer.Analysis;
using NativeSteer.Cli.Output;
using NativeSteer.Engine;
using NativeSteer.Extraction;

namespace NativeSteer.Cli.Views;

/// <summary>A vector seen through a model's unembedding.</summary>
internal sealed record LensView(string Vector, string Model, KeywordSet Keywords, int WordTokens, IReadOnlyList<LensLayer> Layers)
{
    internal void Print(Terminal terminal)
    {
        var table = new Table(Column.OfNumbers("layer"), Column.OfNumbers("score"), "top by dot product", "top by cosine");
        foreach (var layer in Layers) table.Add($"{layer.Layer}", Text.Number(layer.Score), Names(layer.TopDot), Names(layer.TopCosine));
        table.Print(terminal);
        if (WordTokens > 0) terminal.Out.WriteLine($"The score is the mean dot product over {WordTokens} tokens that contain one of {Keywords}.");
    }

    internal void Write(Utf8JsonWriter json)
    {
        json.WriteString("vector", Vector);
        json.WriteString("model", Model);
        json.WriteStartArray("words");
        foreach (var word in Keywords.Words) json.WriteStringValue(word);
        json.WriteEndArray();
        json.WriteNumber("word_tokens", WordTokens);
        json.Objects("layers", Layers, (inner, layer) =>
        {
            inner.WriteNumber("layer", layer.Layer);
            inner.Number("score", layer.Score);
            inner.Objects("top_dot", layer.TopDot, (item, token) => Write(item, token, "value"));
            inner.Objects("top_cosine", layer.TopCosine, (item, token) => Write(item, token, "value"));
        });
    }

    /// <summary>A token as tables show it: in quotes, since many begin with a space.</summary>
    internal static string Name(string text) => $"\"{text.Replace("\n", "\\n", StringComparison.Ordinal)}\"";

    internal static void Write(Utf8JsonWriter json, LensToken token, string value)
    {
        json.WriteNumber("token", token.Id);
        json.WriteString("text", token.Text);
        json.Number(value, token.Value);
    }

    private static string Names(IEnumerable<LensToken> tokens) => string.Join(' ', tokens.Select(token => Name(token.Text)));
}

/// <summary>A text seen through a model's layers: what each would say next.</summary>
internal sealed record PositionLensView(LanguageModel Model, int[] Tokens, IReadOnlyList<LensPosition> Positions)
{
    private const int MostLayers = 8;

    /// <summary>As many layers as a table holds, evenly spaced, the last one among them.</summary>
    internal static int[] Thinned(int[] layers) => layers.Length <= MostLayers
        ? layers
        : [.. Enumerable.Range(1, MostLayers).Select(i => layers[(int)Math.Round((double)i * layers.Length / MostLayers) - 1])];

    internal void Print(Terminal terminal)
    {
        var layers = Positions.Select(position => position.Layer).Distinct().ToList();
        var table = new Table([Column.OfNumbers("position"), "token", .. layers.Select(layer => (Column)$"after layer {layer}")]);
        foreach (var position in Positions.GroupBy(position => position.Position))
        {
            var cells = position.Select(at => $"{LensView.Name(at.Top[0].Text)} {at.Top[0].Value.ToString("0.00", CultureInfo.InvariantCulture)}");
            table.Add([$"{position.Key}", LensView.Name(TextOf(position.Key)), .. cells]);
        }
        table.Print(terminal);
    }

    internal void Write(Utf8JsonWriter json)
    {
        json.WriteString("model", Model.Path);
        json.Objects("positions", Positions.GroupBy(position => position.Position), (inner, position) =>
        {
            inner.WriteNumber("position", position.Key);
            inner.WriteNumber("token", Tokens[position.Key]);
            inner.WriteString("text", TextOf(position.Key));
            inner.Objects("layers", position, (item, at) =>
            {
                item.WriteNumber("layer", at.Layer);
                item.Objects("top", at.Top, (last, token) => LensView.Write(last, token, "probability"));
            });
        });
    }

    private string TextOf(int position) => LogitLens.TextOf(Model.Vocabulary, Tokens[position]);
}
