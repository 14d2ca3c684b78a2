using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Engine;

/// <summary>
/// Checks a model file before llama.cpp sees it. <see cref="GgufFile"/> has made sure that the file is sound GGUF; here it is
/// made sure that it is a model, and that its facts fit each other: llama.cpp asserts on some of them, divides by others
/// and believes the rest, and what it allocates or computes with then can end the process.
/// </summary>
/// <remarks>
/// Llama and Qwen 2 are checked throughout. Of other architectures only what they all share is, and llama.cpp says the rest
/// itself; an assertion while it loads becomes an error there (native/runtime.h, Guard).
/// </remarks>
internal static class ModelFileCheck
{
    /// <summary>Checks a file.</summary>
    /// <param name="file">The model, or the first part of a split one.</param>
    /// <param name="vocabularyOnly">Only the tokenizer is wanted: weights and their numbers may be missing.</param>
    /// <exception cref="NativeSteerException">The file is not a model, or contradicts itself.</exception>
    internal static void Run(GgufFile file, bool vocabularyOnly)
    {
        var parts = GgufParts.CheckModel(file);
        var numbers = vocabularyOnly ? null : ReadNumbers(file);
        var vocabulary = VocabularyCheck.Run(file);
        if (vocabularyOnly) return;

        var tensors = Tensors(file, parts);
        ModelTensors.CheckTypes(file, tensors.Values);
        if (numbers is not null && ModelNumbers.IsDense(file.Architecture)) ModelTensors.CheckDense(file, tensors, numbers, vocabulary);
    }

    private static ModelNumbers? ReadNumbers(GgufFile file)
    {
        if (file.Tensors.Count > 0 || file.Find("split.count") is not null) return ModelNumbers.Read(file);
        throw new NativeSteerException(
            $"{FileErrors.Shown(file.Path)} holds a vocabulary and no weights; it can be tokenized with, but not run: give a whole model.");
    }

    /// <summary>The tensors of all parts of a model by name.</summary>
    internal static Dictionary<string, GgufTensor> Tensors(GgufFile file, IReadOnlyList<string> parts)
    {
        var tensors = file.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        foreach (var path in parts.Skip(1))
        {
            using var part = GgufFile.Open(path);
            foreach (var tensor in part.Tensors) tensors.Add(tensor.Name, tensor);
        }
        return tensors;
    }
}
