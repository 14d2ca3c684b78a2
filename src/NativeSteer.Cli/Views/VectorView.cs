using System.Text.Json;
using NativeSteer.Cli.Output;
using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Cli.Views;

/// <summary>What is shown of a vector.</summary>
internal static class VectorView
{
    internal static void Print(string path, ImportedVector file, Terminal terminal)
    {
        var vector = file.Vector;
        var facts = new Facts($"{path}: vector");
        facts.Add("made for", vector.Shape.ToString());
        facts.Add("layers", LayerList.Format(vector.Layers));
        facts.Add("writer", file.Origin.Note);
        foreach (var (key, value) in vector.Provenance) facts.Add(key.Replace('_', ' '), value);
        facts.Print(terminal);
        terminal.Out.WriteLine();

        var table = new Table(
            Column.OfNumbers("layer"), Column.OfNumbers("norm"), Column.OfNumbers("residual norm"), Column.OfNumbers("ratio"));
        foreach (var layer in vector.Layers)
        {
            var (norm, residual) = (vector.Norm(layer), vector.ResidualNorm(layer));
            table.Add($"{layer}", Text.Number(norm), Text.Number(residual), Text.Number(norm / residual));
        }
        table.Print(terminal);
    }

    internal static void Write(string path, ImportedVector file, Utf8JsonWriter json)
    {
        var vector = file.Vector;
        json.WriteString("kind", "vector");
        json.WriteString("path", path);
        WriteShape(vector.Shape, json);
        json.WriteStartObject("writer");
        json.WriteString("name", $"{file.Origin.Writer}");
        json.WriteNumber("layer_offset", file.Origin.LayerOffset);
        json.WriteBoolean("certain", file.Origin.Certain);
        json.WriteString("note", file.Origin.Note);
        json.WriteEndObject();
        json.WriteStartObject("provenance");
        foreach (var (key, value) in vector.Provenance) json.WriteString(key, value);
        json.WriteEndObject();
        json.Objects("directions", vector.Layers, (inner, layer) =>
        {
            inner.WriteNumber("layer", layer);
            inner.Number("norm", vector.Norm(layer));
            inner.Number("residual_norm", vector.ResidualNorm(layer));
        });
    }

    internal static void WriteShape(ModelShape shape, Utf8JsonWriter json)
    {
        json.WriteStartObject("model");
        json.WriteString("architecture", shape.Architecture);
        json.WriteNumber("layers", shape.Layers);
        json.WriteNumber("width", shape.Width);
        json.WriteEndObject();
    }
}
