using System.Text.Json;
using NativeSteer.Cli.Output;
using NativeSteer.Engine;

namespace NativeSteer.Cli.Views;

/// <summary>What is shown of a model.</summary>
internal static class ModelView
{
    internal static void Print(string path, ModelSummary model, Terminal terminal)
    {
        var facts = new Facts($"{path}: model{(model.Name is null ? "" : $" '{model.Name}'")}");
        facts.Add("architecture", model.Shape.Architecture);
        facts.Add("layers", $"{model.Shape.Layers} (0-{model.Shape.Layers - 1})");
        facts.Add("width", $"{model.Shape.Width}");
        if (model.Heads is { } heads) facts.Add("heads", $"{heads}, {model.KeyValueHeads ?? heads} for keys and values");
        if (model.FeedForwardWidth is { } width) facts.Add("feed-forward", $"{width}" + (model.Experts > 0 ? $", {model.Experts} experts" : ""));
        facts.Add("context", model.ContextLength is null ? null : $"{model.ContextLength} tokens");
        facts.Add("vocabulary", model.VocabularySize is null ? null : $"{model.VocabularySize} tokens");
        facts.Add("tokenizer", model.Tokenizer ?? "none");
        facts.Add("chat template", Text.YesNo(model.HasChatTemplate));
        facts.Add("weights", Text.Count(model.Weights));
        facts.Add("file size", Text.Bytes(model.FileBytes) + (model.Files.Count > 1 ? $" in {model.Files.Count} parts" : ""));
        facts.Print(terminal);
        terminal.Out.WriteLine();

        var table = new Table(
            "type", Column.OfNumbers("tensors"), Column.OfNumbers("weights"), Column.OfNumbers("size"), Column.OfNumbers("bits a weight"));
        foreach (var type in model.Types)
        {
            var bits = Text.Number(8.0 * type.Bytes / type.Weights);
            table.Add($"{type.Type}", $"{type.Tensors}", Text.Count(type.Weights), Text.Bytes(type.Bytes), bits);
        }
        table.Print(terminal);
    }

    internal static void Write(string path, ModelSummary model, Utf8JsonWriter json)
    {
        json.WriteString("kind", "model");
        json.WriteString("path", path);
        json.WriteString("name", model.Name);
        json.WriteString("architecture", model.Shape.Architecture);
        json.WriteNumber("layers", model.Shape.Layers);
        json.WriteNumber("width", model.Shape.Width);
        json.Number("heads", model.Heads);
        json.Number("key_value_heads", model.KeyValueHeads);
        json.Number("feed_forward", model.FeedForwardWidth);
        json.Number("experts", model.Experts);
        json.Number("context", model.ContextLength);
        json.Number("vocabulary", model.VocabularySize);
        json.WriteString("tokenizer", model.Tokenizer);
        json.WriteBoolean("chat_template", model.HasChatTemplate);
        json.WriteNumber("weights", model.Weights);
        json.WriteNumber("file_bytes", model.FileBytes);
        json.WriteNumber("files", model.Files.Count);
        json.Objects("types", model.Types, (inner, type) =>
        {
            inner.WriteString("type", $"{type.Type}");
            inner.WriteNumber("tensors", type.Tensors);
            inner.WriteNumber("weights", type.Weights);
            inner.WriteNumber("bytes", type.Bytes);
        });
    }
}
