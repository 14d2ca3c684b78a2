using System.Globalization;
using NativeSteer.Engine;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Engine;

/// <summary>
/// Damaged model files end in an error or in a model that runs, never in the end of the process. To hunt for more, run
/// this class with NATIVESTEER_MUTATIONS=5000 and another NATIVESTEER_MUTATION_SEED; the file that was being loaded when a
/// process died is last.gguf in NATIVESTEER_MUTATION_FOLDER.
/// </summary>
public sealed class MutatedModelTests
{
    private static int Setting(string name, int standard) =>
        int.TryParse(Environment.GetEnvironmentVariable("NATIVESTEER_" + name), CultureInfo.InvariantCulture, out var value) ? value : standard;

    [Fact]
    public void Damaged_llama_models_end_in_an_error_or_run() =>
        Run(path => TinyModel.Write(path, layers: 2, width: 32, hidden: 48), vocabularyOnly: false, Setting("MUTATIONS", 400));

    [Fact]
    public void Damaged_qwen2_models_end_in_an_error_or_run() =>
        Run(path => TinyQwen2.Write(path), vocabularyOnly: false, Setting("MUTATIONS", 200));

    [Fact]
    public void Damaged_vocabularies_end_in_an_error_or_tokenize() =>
        Run(
            path =>
            {
                File.Copy(Path.Combine(VocabularyFiles.Folder, "ggml-vocab-llama-spm.gguf"), path);
                return path;
            },
            vocabularyOnly: true,
            Setting("MUTATIONS", 40));

    private static void Run(Func<string, string> write, bool vocabularyOnly, int count)
    {
        using var folder = new TestFolder();
        var mutator = new GgufMutator(write(folder["model.gguf"]));
        var kept = Environment.GetEnvironmentVariable("NATIVESTEER_MUTATION_FOLDER");
        var path = kept is null ? folder["last.gguf"] : Path.Combine(kept, "last.gguf");
        var first = Setting("MUTATION_SEED", 1);
        var (loaded, refused) = (0, 0);
        for (var seed = first; seed < first + count; seed++)
        {
            File.WriteAllBytes(path, mutator.Mutate(seed));
            try
            {
                Use(path, vocabularyOnly);
                loaded++;
            }
            catch (NativeSteerException error)
            {
                refused++;
                Assert.True(error.Message.EndsWith('.') && !error.Message.Contains('\n', StringComparison.Ordinal), $"seed {seed}: {error.Message}");
                if (kept is not null) File.AppendAllText(Path.Combine(kept, "errors.txt"), $"{seed} {error.Message}\n");
            }
            catch (Exception error) when (error is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {seed}: {error}");
            }
        }
        // Both ends must be reached, or nothing was tested.
        Assert.True(loaded > count / 20 && refused > count / 20, $"{loaded} ran, {refused} were refused");
    }

    private static void Use(string path, bool vocabularyOnly)
    {
        using var model = LanguageModel.Load(path, new() { VocabularyOnly = vocabularyOnly });
        NativeSteerException? text = null;
        try
        {
            var tokens = model.Vocabulary.Tokenize("Hmm, wait: é 日\n");
            _ = model.Vocabulary.Detokenize(tokens);
            foreach (var token in tokens) _ = model.Vocabulary.IsControl(token) && model.Vocabulary.IsEndOfGeneration(token);
        }
        catch (NativeSteerException error)
        {
            text = error; // a model may run whose tokenizer does not
        }
        if (!vocabularyOnly)
        {
            using var context = model.CreateContext(new() { ContextLength = 32, BatchLength = 8, Threads = 2 });
            var batch = Models.Sequence(model, 4);
            context.Decode(batch);
            _ = context.Logits(3)[0];
            using var sampler = Sampler.Create(new SamplerOptions());
            context.Sample([3, 3], [Sampler.Create(SamplerOptions.Greedy), sampler], new int[2]);
        }
        if (text is not null) throw text;
    }
}
