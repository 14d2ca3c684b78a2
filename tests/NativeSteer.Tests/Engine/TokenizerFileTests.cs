using System.Globalization;
using NativeSteer.Engine;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Engine;

/// <summary>
/// llama.cpp's own tokenizer test files (tests/test-tokenizer-0.cpp): texts in .inp, and in each line of .out the ids that
/// the model's first tokenizer gave for one of them, without begin or end token.
/// </summary>
public sealed class TokenizerFileTests
{
    private const string Separator = "\n__ggml_vocab_test__\n";

    public static TheoryData<string> Vocabularies => new(
        Directory.GetFiles(VocabularyFiles.Folder, "ggml-vocab-*.gguf.inp")
            .Select(path => Path.GetFileName(path)[..^".inp".Length]).Order(StringComparer.Ordinal));

    [Fact]
    public void There_are_files_of_at_least_five_vocabularies() => Assert.True(Vocabularies.Count >= 5, VocabularyFiles.Folder);

    [Theory, MemberData(nameof(Vocabularies))]
    public void Texts_become_the_ids_in_the_file(string name)
    {
        var path = Path.Combine(VocabularyFiles.Folder, name);
        using var model = LanguageModel.Load(path, new() { VocabularyOnly = true });
        var texts = File.ReadAllText(path + ".inp").Split(Separator);
        var lines = File.ReadAllText(path + ".out").TrimEnd('\n').Split('\n');
        if (texts.Length == lines.Length + 1 && texts[^1].Length == 0) texts = texts[..^1]; // the last text has its separator, too
        Assert.Equal(lines.Length, texts.Length);
        for (var i = 0; i < texts.Length; i++)
        {
            var expected = lines[i].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => int.Parse(id, CultureInfo.InvariantCulture));
            Assert.Equal(expected, model.Vocabulary.Tokenize(texts[i], addSpecial: false, parseSpecial: false));
        }
    }
}
