using System.Text;
using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Countdown;
using NativeSteer.Engine;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Countdown;

/// <summary>Our tokenizer, llama.cpp's, and what the trace writer means must be the same tokens.</summary>
public sealed class CountdownVocabularyTests
{
    private static readonly Vocabulary s_llama = TinyCountdown.Model.Vocabulary;

    [Fact]
    public void Llama_cpp_reads_it_with_its_size_and_its_end_token()
    {
        Assert.Equal(CountdownVocabulary.Size, s_llama.Size);
        Assert.Equal(0, CountdownVocabulary.Size % 32);
        Assert.Equal(CountdownVocabulary.EndOfText, s_llama.EndOfText);
        Assert.False(s_llama.AddsBeginOfText);
        Assert.Equal(-1, s_llama.BeginOfText);
        Assert.Equal([CountdownVocabulary.EndOfText], Enumerable.Range(0, s_llama.Size).Where(s_llama.IsEndOfGeneration));
        Assert.Equal([CountdownVocabulary.EndOfText, CountdownVocabulary.Padding], Enumerable.Range(0, s_llama.Size).Where(s_llama.IsControl));
    }

    [Theory]
    [InlineData(TraceStyle.Solution)]
    [InlineData(TraceStyle.Attempts)]
    [InlineData(TraceStyle.Thinking)]
    public void A_trace_is_the_tokens_that_its_writer_meant(TraceStyle style)
    {
        var generator = new TraceGenerator(new() { Seed = 5, LeastNumber = 1, MostNumber = 60, Limit = 400 }, new() { Styles = [new(style, 1)] });
        foreach (var trace in generator.Traces(1500))
        {
            var text = trace.Prompt + trace.Completion;
            var tokens = s_llama.Tokenize(text);
            Assert.Equal(tokens, CountdownVocabulary.Encode(text));
            Assert.Equal([.. CountdownVocabulary.Encode(trace.Prompt), .. trace.Tokens], tokens);
            Assert.Equal(text, s_llama.Detokenize(tokens));
            Assert.Equal(text, CountdownVocabulary.Decode(tokens));
        }
    }

    [Fact]
    public void Every_phrase_is_its_pieces_after_a_line_end_and_after_a_space()
    {
        foreach (var phrase in Phrases.Everything)
        {
            foreach (var before in new[] { "", "Maybe| this| works|." })
            {
                string[] pieces = [.. before.Split('|', StringSplitOptions.RemoveEmptyEntries), .. phrase.Pieces];
                if (before.Length > 0)
                {
                    if (phrase.Pieces[0][0] == '{') continue; // a number begins a line
                    pieces[^phrase.Pieces.Count] = " " + phrase.Pieces[0];
                }
                string[] filled = [.. pieces.Select(piece => piece switch { "{r}" => "26", "{t}" => "24", _ => piece })];
                Assert.Equal(filled.Select(CountdownVocabulary.Find), s_llama.Tokenize(string.Concat(filled)));
            }
        }
    }

    [Fact]
    public void Sentences_of_backtracking_have_4_to_9_tokens_and_one_word_for_it()
    {
        Assert.Equal(12, Phrases.Backtrackings.Length);
        foreach (var phrase in Phrases.Backtrackings)
        {
            Assert.InRange(phrase.Pieces.Count, 4, 9);
            Assert.Single(phrase.Pieces, piece => piece.Trim().ToLowerInvariant() is "wait" or "hmm");
        }
        foreach (var phrase in Phrases.Everything.Except(Phrases.Backtrackings))
            Assert.DoesNotContain(phrase.Pieces, piece => piece.Trim().ToLowerInvariant() is "wait" or "hmm");
    }

    [Fact]
    public void Numbers_from_10_to_255_and_words_of_backtracking_are_one_token()
    {
        for (var number = 0; number <= 255; number++) Assert.Single(s_llama.Tokenize($"{number}"));
        Assert.Equal(2, s_llama.Tokenize("256").Length);
        foreach (var word in new[] { "wait", "Wait", "hmm", "Hmm" })
        {
            Assert.Single(s_llama.Tokenize(word));
            Assert.Single(s_llama.Tokenize(" " + word));
        }
    }

    [Fact]
    public void A_prompt_takes_few_tokens() =>
        Assert.Equal(
            ["###Question: numbers [", "2", ", ", "39", ", ", "45", "]->target ", "62", "\n###Response:\n"],
            s_llama.Tokenize(new Puzzle([2, 39, 45], 62).Prompt).Select(token => Encoding.UTF8.GetString(s_llama.Piece(token))));

    [Fact]
    public void Any_text_is_tokenized_as_llama_cpp_does_and_comes_back() =>
        Prop.ForAll(
            Gen.ListOf(Gen.OneOf(Gen.Elements(" wait", ", not ", "1", "25", "\\", "\n", "\0", "é", "日", "<unused", "Goal"), ArbMap.Default.GeneratorFor<NonNull<string>>().Select(text => text.Item)))
                .Select(string.Concat).ToArbitrary(),
            text =>
            {
                text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)); // unpaired surrogates have no bytes
                var tokens = CountdownVocabulary.Encode(text);
                Assert.Equal(s_llama.Tokenize(text, parseSpecial: false), tokens);
                Assert.Equal(text, CountdownVocabulary.Decode(tokens));
            }).QuickCheckThrowOnFailure();

    [Fact]
    public void An_id_outside_is_refused() =>
        Files.Fails.With(() => CountdownVocabulary.Decode([CountdownVocabulary.Size]), $"Token {CountdownVocabulary.Size} is not in");
}
