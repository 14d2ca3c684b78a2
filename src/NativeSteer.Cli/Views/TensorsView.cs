using System.Text.Json;
using NativeSteer.Cli.Output;
using NativeSteer.Files;

namespace NativeSteer.Cli.Views;

/// <summary>What is shown of a safetensors file, a capture for example.</summary>
internal static class TensorsView
{
    internal static void Print(SafetensorsFile file, Terminal terminal)
    {
        var facts = new Facts($"{file.Path}: safetensors");
        facts.Add("tensors", $"{file.Tensors.Count}");
        facts.Add("size", Text.Bytes(file.Tensors.Sum(tensor => tensor.Bytes)));
        foreach (var (key, value) in file.Metadata) facts.Add(key, value);
        facts.Print(terminal);
        terminal.Out.WriteLine();

        var table = new Table("tensor", "type", "shape", Column.OfNumbers("size"));
        foreach (var tensor in file.Tensors)
        {
            table.Add(tensor.Name, $"{tensor.Type}", string.Join(" x ", tensor.Shape), Text.Bytes(tensor.Bytes));
        }
        table.Print(terminal);
    }

    internal static void Write(SafetensorsFile file, Utf8JsonWriter json)
    {
        json.WriteString("kind", "safetensors");
        json.WriteString("path", file.Path);
        json.WriteStartObject("metadata");
        foreach (var (key, value) in file.Metadata) json.WriteString(key, value);
        json.WriteEndObject();
        json.Objects("tensors", file.Tensors, (inner, tensor) =>
        {
            inner.WriteString("name", tensor.Name);
            inner.WriteString("type", $"{tensor.Type}");
            inner.WriteStartArray("shape");
            foreach (var size in tensor.Shape) inner.WriteNumberValue(size);
            inner.WriteEndArray();
            inner.WriteNumber("bytes", tensor.Bytes);
        });
    }
}
