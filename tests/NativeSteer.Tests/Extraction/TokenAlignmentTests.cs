using System.Collections.Concurrent;
using System.Reflection;
using System.Text;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Extraction;

/// <summary>Spans of characters find their tokens, whatever the vocabulary does with spaces, bytes and rare characters.</summary>
public sealed class TokenAlignmentTests
{
    private static readonly string[] s_fragments =
        ["Wait", "wait,", "the", "hmm", " so", "é", "ß", "日本", "😀", "👩‍👩‍👧", "𝔘", "\n", "\n\n", "  ", "\t", " ", "x=3", "12345", "“q”", ".", "ü̈"];

    public static TheoryData<string> Vocabularies => ["tiny", "llama-spm", "phi-3", "llama-bpe", "qwen2", "gpt-2", "deepseek-llm", "falcon"];

    [Theory, MemberData(nameof(Vocabularies))]
    public void Every_token_lies_on_the_bytes_it_spells(string name)
    {
        var vocabulary = Open(name);
        foreach (var text in RandomTexts(200))
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            var tokens = vocabulary.Tokenize(text, addSpecial: false);
            var alignment = TokenAlignment.Find(vocabulary, bytes, tokens);
            Assert.NotNull(alignment);
            // Counted another way: joined pieces, less the space that SentencePiece puts before the text.
            var joined = tokens.SelectMany(token => vocabulary.Piece(token, special: true)).ToArray();
            var added = joined.Length - bytes.Length;
            Assert.InRange(added, 0, 1);
            Assert.Equal(bytes, joined[added..]);
            var position = -added;
            for (var i = 0; i < tokens.Length; i++)
            {
                var piece = vocabulary.Piece(tokens[i], special: true);
                var first = Math.Max(0, position);
                var inner = piece.AsSpan(first - position).IndexOfAnyExcept((byte)' ');
                var anchor = first + Math.Max(0, inner);
                position += piece.Length;
                if (position <= 0 || inner < 0) continue;
                var (start, end) = alignment.Tokens(anchor, anchor + 1);
                // Where a space was added, a token of spaces alone may share the place of the one after it.
                Assert.Equal(i + 1, end);
                Assert.All(tokens[start..i], token => Assert.True(vocabulary.Piece(token).AsSpan().IndexOfAnyExcept((byte)' ') < 0));
                if (added == 0) Assert.Equal(i, start);
            }
        }
    }

    [Theory, MemberData(nameof(Vocabularies))]
    public void Consecutive_spans_share_out_the_tokens_between_them(string name)
    {
        var vocabulary = Open(name);
        var random = new Random(3);
        foreach (var text in RandomTexts(100))
        {
            var offsets = TokenAlignment.ByteOffsets(text);
            Assert.Equal(Encoding.UTF8.GetByteCount(text), offsets[^1]);
            var tokens = vocabulary.Tokenize(text, addSpecial: false);
            var alignment = TokenAlignment.Find(vocabulary, Encoding.UTF8.GetBytes(text), tokens)!;
            var cut = random.Next(0, offsets.Length);
            Assert.Equal((0, tokens.Length), alignment.Tokens(0, offsets[^1]));
            var border = alignment.FirstFrom(offsets[cut]);
            if (border > 0 && border < tokens.Length)
            {
                Assert.Equal((0, border), alignment.Tokens(0, offsets[cut]));
                Assert.Equal((border, tokens.Length), alignment.Tokens(offsets[cut], offsets[^1]));
            }
        }
    }

    [Theory, MemberData(nameof(Vocabularies))]
    public void A_word_finds_its_tokens_with_or_without_the_space_before_it(string name)
    {
        var vocabulary = Open(name);
        const string text = "😀 So the answer. Wait, that is wrong 日本 here.";
        foreach (var word in new[] { "So", "answer", "Wait", "wrong", "日本", "here" })
        {
            var at = text[..text.IndexOf(word, StringComparison.Ordinal)].EnumerateRunes().Count();
            var length = word.EnumerateRunes().Count();
            var bare = Spell(new TraceSpan("x", at, at + length));
            Assert.Equal(word, bare.Trim());
            Assert.Equal(word, Spell(new TraceSpan("x", at - 1, at + length)).Trim());
        }

        string Spell(TraceSpan span)
        {
            var trace = new TextTokens(vocabulary, 512).Trace(new LabelledTrace(text, [span]) { Prompt = "A prompt 日.\n" });
            var (_, start, end) = Assert.Single(trace.Spans);
            return Encoding.UTF8.GetString([.. trace.Tokens[start..end].SelectMany(token => vocabulary.Piece(token))]);
        }
    }

    [Theory]
    [InlineData("tiny")]
    [InlineData("phi-3")]
    [InlineData("qwen2")]
    public void Prompt_and_begin_token_are_no_part_of_the_text(string name)
    {
        var vocabulary = Open(name);
        var tokenizer = new TextTokens(vocabulary, 512);
        var trace = tokenizer.Trace(new LabelledTrace("hmm so", [new("x", 0, 6)]) { Prompt = "ask\n" });
        Assert.Equal(vocabulary.AddsBeginOfText ? 1 : 0, trace.FirstRow);
        Assert.Equal("hmm so", Encoding.UTF8.GetString([.. trace.Tokens[trace.TextRow..].SelectMany(token => vocabulary.Piece(token))]));
        Assert.Equal((trace.TextRow, trace.Tokens.Length), (trace.Spans[0].Start, trace.Spans[0].End));
    }

    [Fact]
    public void Special_tokens_that_swallow_the_spaces_beside_them_do_not_shift_what_follows()
    {
        var vocabulary = Open("phi-3");
        const string text = "<|user|>   Hello there<|end|>\n\n <|assistant|> Wait now";
        var at = text.IndexOf("Wait", StringComparison.Ordinal);
        var trace = new TextTokens(vocabulary, 512).Trace(new LabelledTrace(text, [new("x", at, at + 4)]));
        var spelled = Encoding.UTF8.GetString([.. trace.Tokens[trace.Spans[0].Start..trace.Spans[0].End].SelectMany(token => vocabulary.Piece(token))]);
        Assert.Equal("Wait", spelled.Trim());
    }

    [Fact]
    public void Given_tokens_are_kept_as_they_are_and_follow_the_prompts_own()
    {
        var vocabulary = Models.Tiny.Vocabulary;
        var tokenizer = new TextTokens(vocabulary, 512);
        int[] own = [.. "wait the"u8.ToArray().Select(b => 3 + b)]; // byte by byte, as no tokenizer would
        var trace = tokenizer.Trace(new LabelledTrace("wait the", [new("x", 5, 8)]) { Tokens = own, Prompt = "so" });
        Assert.Equal(own, trace.Tokens[trace.TextRow..]);
        Assert.Equal(vocabulary.Tokenize("so"), trace.Tokens[..trace.TextRow]);
        Assert.Equal((trace.TextRow + 5, trace.TextRow + 8), (trace.Spans[0].Start, trace.Spans[0].End));

        var indexed = tokenizer.Trace(new LabelledTrace("", [new("x", 2, 4)]) { Tokens = own, Unit = SpanUnit.Tokens });
        Assert.Equal((3, 5), (indexed.Spans[0].Start, indexed.Spans[0].End));
    }

    [Fact]
    public void Texts_that_cannot_be_run_are_refused_with_their_place()
    {
        var tokenizer = new TextTokens(Models.Tiny.Vocabulary, 8);
        Fails.With(() => tokenizer.Trace(new LabelledTrace("abcdefghijkl", []) { Place = "t.jsonl:3" }), "t.jsonl:3", "the context holds 8", "-c");
        Fails.With(() => tokenizer.Prompt("abcdefghijkl", "p.txt:9"), "p.txt:9", "has 13 tokens");
        Fails.With(() => tokenizer.Prompt("", "p.txt:2"), "p.txt:2", "empty");
        Fails.With(() => tokenizer.Trace(new LabelledTrace("ab", []) { Tokens = [9999], Place = "t.jsonl:4" }), "t.jsonl:4", "token 9999");
        Fails.With(
            () => tokenizer.Trace(new LabelledTrace("wait", [new("x", 0, 4)]) { Tokens = [3 + 'q', 3 + 'z'], Place = "t.jsonl:5" }), "t.jsonl:5", "spell another text");
    }

    private static IEnumerable<string> RandomTexts(int count)
    {
        var random = new Random(1);
        for (var i = 0; i < count; i++)
        {
            yield return string.Concat(Enumerable.Range(0, random.Next(1, 30)).Select(_ => s_fragments[random.Next(s_fragments.Length)]));
        }
    }

    private static readonly ConcurrentDictionary<string, Lazy<LanguageModel>> s_loaded = [];

    private static Vocabulary Open(string name) =>
        name == "tiny" ? Models.Tiny.Vocabulary : s_loaded.GetOrAdd(name, _ => new Lazy<LanguageModel>(() => Load(name))).Value.Vocabulary;

    private static LanguageModel Load(string name)
    {
        var folder = typeof(TokenAlignmentTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "LlamaVocabDirectory").Value!;
        return LanguageModel.Load(Path.Combine(folder, $"ggml-vocab-{name}.gguf"), new ModelOptions { VocabularyOnly = true });
    }
}
