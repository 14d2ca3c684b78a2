using NativeSteer.Training;
using NativeSteer.Vectors;
using NativeSteer.Tests.Support;

namespace NativeSteer.Tests.Training;

/// <summary>Models whose gradients are large enough to be measured, of both architectures, in any weight type.</summary>
internal static class GradientModels
{
    /// <summary>Two layers, width 64, four heads that share two key-value heads.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="architecture">llama or qwen2.</param>
    /// <param name="type">Of the matrices.</param>
    /// <param name="rotated">Positions scaled linearly, by frequencies with divisors where the architecture has them.</param>
    internal static string Write(string folder, string architecture, GgmlType type, bool rotated = false)
    {
        var vocabulary = Path.Combine(folder, "vocabulary.gguf");
        if (!File.Exists(vocabulary))
        {
            if (architecture == "llama") TinyModel.Write(vocabulary);
            else TinyQwen2.Write(vocabulary);
        }
        var plain = Path.Combine(folder, "plain.gguf");
        ModelInitializer.Write(plain, new()
        {
            Architecture = architecture, Width = 64, Layers = 2, Heads = 4, KeyValueHeads = 2, FeedForward = 96, Untied = architecture == "llama",
        }, vocabulary);
        var path = Path.Combine(folder, $"{type}.gguf");
        Rescale(plain, path, type, writer =>
        {
            if (rotated) TinyModel.Rotate(writer, architecture, headSize: 16, factors: architecture == "llama", scaling: 2.5f);
        });
        return path;
    }

    /// <summary>
    /// The same numbers as F32. ggml rounds activations to eight bits on their way into quantised weights, which makes a loss of
    /// small steps; this model's loss is the smooth function that the gradient is of.
    /// </summary>
    internal static string WriteSmooth(string path)
    {
        var smooth = Path.ChangeExtension(path, ".smooth.gguf");
        using var source = GgufFile.Open(path);
        using var trainer = Trainer.Load(path, new() { AllWeights = true });
        var writer = new GgufWriter();
        foreach (var entry in source.Entries) writer.CopyEntry(source, entry);
        foreach (var tensor in trainer.Tensors) writer.AddTensor(tensor.Name, tensor.Values, [.. tensor.Shape]);
        foreach (var tensor in source.Tensors.Where(tensor => trainer.Tensors.All(trained => trained.Name != tensor.Name))) writer.CopyTensor(source, tensor);
        writer.Write(smooth);
        return smooth;
    }

    // The initialiser's weights are small: attention and biases would hardly matter. Every matrix gets rows of length one.
    private static void Rescale(string from, string to, GgmlType type, Action<GgufWriter> add)
    {
        using var source = GgufFile.Open(from);
        var writer = new GgufWriter();
        foreach (var entry in source.Entries) writer.CopyEntry(source, entry);
        var random = new Random(5);
        foreach (var tensor in source.Tensors)
        {
            var values = source.ReadTensor(tensor.Name);
            var deviation = 1 / MathF.Sqrt(tensor.Shape[0]);
            if (tensor.Name.EndsWith(".bias", StringComparison.Ordinal)) deviation = 0.5f;
            var isNorm = tensor.Name.EndsWith("norm.weight", StringComparison.Ordinal);
            for (var i = 0; i < values.Length; i++)
                values[i] = isNorm ? 0.75f + (random.NextSingle() / 2) : deviation * 3.46f * (random.NextSingle() - 0.5f);
            if (tensor.Shape.Count == 1 || type == GgmlType.F32) writer.AddTensor(tensor.Name, values, [.. tensor.Shape]);
            else writer.AddTensor(tensor.Name, type, GgmlRows.Encode(type, values, tensor.Shape[0]), [.. tensor.Shape]);
        }
        add(writer);
        writer.Write(to);
    }
}
