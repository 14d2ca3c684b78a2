using System.Reflection;

namespace NativeSteer.Tests.Support;

/// <summary>llama.cpp's vocabulary files, which the build brings along with its headers.</summary>
internal static class VocabularyFiles
{
    /// <summary>The folder with ggml-vocab-*.gguf, and .inp and .out beside some.</summary>
    internal static string Folder { get; } = typeof(VocabularyFiles).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => string.Equals(attribute.Key, "LlamaVocabDirectory", StringComparison.Ordinal)).Value!;
}
