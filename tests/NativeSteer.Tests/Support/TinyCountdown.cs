using NativeSteer.Countdown;
using NativeSteer.Engine;

namespace NativeSteer.Tests.Support;

/// <summary>A small random model with the Countdown vocabulary, written and loaded once per test run.</summary>
internal static class TinyCountdown
{
    private static readonly Lazy<string> s_path = new(() =>
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("nativesteer-tests-").FullName, "countdown.gguf");
        TinyModel.Build(CountdownVocabulary.AddTo, CountdownVocabulary.Size, layers: 2).Write(path);
        return path;
    });

    private static readonly Lazy<LanguageModel> s_model = new(() => LanguageModel.Load(File));

    internal static string File => s_path.Value;

    internal static LanguageModel Model => s_model.Value;
}
