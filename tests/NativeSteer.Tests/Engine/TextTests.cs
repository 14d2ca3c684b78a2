using System.Text;
using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Engine;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Engine;

/// <summary>Text to tokens and back, whole and as a stream.</summary>
public sealed class TextTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nativesteer-test-").FullName;
    private readonly LanguageModel _bpe;

    public TextTests() => _bpe = LanguageModel.Load(TinyQwen2.Write(Path.Combine(_folder, "bpe.gguf")));

    public void Dispose()
    {
        _bpe.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static readonly string[] s_texts =
    [
        "", " ", "the wait", "  two  spaces ", "\n\t\r\n", "é", "日本", "🦙 and 👩‍👩‍👧", "a\0b", "</s><s>", "<|im_end|>", "{\"x\": 1}", new('x', 3000),
    ];

    [Fact]
    public void Detokenizing_gives_the_text_back()
    {
        foreach (var text in s_texts)
        {
            // SentencePiece puts a space before the text and takes one away again.
            Assert.Equal(text, RoundTrip(Models.Tiny, text, addSpecial: true));
            Assert.Equal(text, RoundTrip(_bpe, text, addSpecial: true));
        }
    }

    [Fact]
    public void Detokenizing_gives_any_text_back() => Prop.ForAll<NonNull<string>>(drawn =>
    {
        var text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(drawn.Item)); // no unpaired surrogates
        Assert.Equal(text, RoundTrip(Models.Tiny, text, addSpecial: true));
        Assert.Equal(text, RoundTrip(_bpe, text, addSpecial: true));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_stream_of_tokens_is_the_text_whatever_the_tokens_cut()
    {
        foreach (var text in s_texts)
        {
            var stream = new TokenTextStream(_bpe.Vocabulary);
            var parts = _bpe.Vocabulary.Tokenize(text, parseSpecial: false).Select(stream.Append).ToList();
            parts.Add(stream.Finish());
            Assert.Equal(text, string.Concat(parts));
            Assert.All(parts, part => Assert.DoesNotContain('\uFFFD', part));
        }
    }

    [Fact]
    public void A_character_appears_with_its_last_byte_and_an_unfinished_one_as_one_replacement()
    {
        var vocabulary = Models.Tiny.Vocabulary;
        int[] llama = [.. "🦙"u8.ToArray().Select(b => 3 + b)]; // byte tokens follow the three control tokens
        var stream = new TokenTextStream(vocabulary);
        Assert.Equal(["", "", "", "🦙"], llama.Select(stream.Append));
        Assert.Equal("", stream.Finish());

        stream = new TokenTextStream(vocabulary);
        Assert.Equal(["", "", ""], llama[..3].Select(stream.Append));
        Assert.Equal("\uFFFD", stream.Finish());
        Assert.Equal("", stream.Finish());

        // What can no longer become a character comes out at once, before the text that follows.
        stream = new TokenTextStream(vocabulary);
        Assert.Equal("", stream.Append(llama[0]));
        Assert.Equal("\uFFFDx", stream.Append(3 + 'x'));
    }

    [Fact]
    public void Special_tokens_are_spelled_only_when_asked()
    {
        var vocabulary = Models.Tiny.Vocabulary;
        int[] tokens = [TinyModel.BeginOfText, 3 + 'x', TinyModel.EndOfText];
        Assert.Equal("x", vocabulary.Detokenize(tokens));
        Assert.Equal("<s>x</s>", vocabulary.Detokenize(tokens, unparseSpecial: true));
        Assert.Equal([TinyModel.BeginOfText, .. vocabulary.Tokenize("x", addSpecial: false)], vocabulary.Tokenize("x"));
        Assert.Contains(TinyModel.EndOfText, vocabulary.Tokenize("x</s>"));
        Assert.DoesNotContain(TinyModel.EndOfText, vocabulary.Tokenize("x</s>", parseSpecial: false));
        Assert.True(vocabulary.IsEndOfGeneration(TinyModel.EndOfText));
        Assert.False(vocabulary.IsEndOfGeneration(TinyModel.BeginOfText));
        Assert.True(vocabulary.IsControl(TinyModel.BeginOfText));
    }

    [Fact]
    public void Tokens_out_of_the_vocabulary_are_an_error()
    {
        foreach (var token in (int[])[-1, TinyModel.VocabularySize, int.MaxValue, int.MinValue])
        {
            Files.Fails.With(() => Models.Tiny.Vocabulary.Piece(token), $"Token {token}", "270");
            Files.Fails.With(() => Models.Tiny.Vocabulary.Detokenize([1, token]), $"Token {token}");
            Files.Fails.With(() => Models.Tiny.Vocabulary.IsControl(token), $"Token {token}");
        }
    }

    private static string RoundTrip(LanguageModel model, string text, bool addSpecial)
    {
        var tokens = model.Vocabulary.Tokenize(text, addSpecial, parseSpecial: false);
        return model.Vocabulary.Detokenize(tokens, removeSpecial: true);
    }
}
