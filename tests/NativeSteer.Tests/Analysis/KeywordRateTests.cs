using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Analysis;
using NativeSteer.Extraction;
using Xunit;

namespace NativeSteer.Tests.Analysis;

public sealed class KeywordRateTests
{
    [Theory]
    [InlineData("", 0, 0)]
    [InlineData(" \n\t ", 0, 0)]
    [InlineData("... - ?!", 0, 0)]
    [InlineData("wait", 1, 1)]
    [InlineData("Wait, (wait) \"Hmm...\" but waiting, hmmm.", 6, 3)]
    [InlineData("45-39=6\nWAIT! no", 3, 1)]
    [InlineData("wait\u00a0hmm\u3000no", 3, 2)]
    [InlineData("await wait-list a.wait", 3, 0)]
    [InlineData("Wait\u2014no, hmm...wait a bit \u2013 ok, 3.5 -- Hmm\u2026", 9, 4)]
    [InlineData("*wait* \u2014 \u201chmm\u201d", 2, 2)]
    public void Words_are_told_apart_at_white_space_and_trimmed(string text, int words, int hits) =>
        Assert.Equal(new KeywordRate(words, hits), KeywordRate.Of(text));

    [Fact]
    public void Other_words_are_counted_whatever_their_case()
    {
        var set = KeywordSet.Parse("BUT, however");
        Assert.Equal(["BUT", "however"], set.Words);
        Assert.Equal(new KeywordRate(4, 2), KeywordRate.Of("But wait. However, no", set));
        Assert.Equal(0.5, new KeywordRate(4, 2).Rate);
        Assert.True(double.IsNaN(default(KeywordRate).Rate));
    }

    [Fact]
    public void A_found_word_is_the_stretch_of_the_text_without_its_punctuation()
    {
        const string text = "  so: \"Wait,\" ok";
        Assert.Equal(["so", "Wait", "ok"], KeywordSet.Default.Find(text).Select(word => text.Substring(word.Start, word.Length)));
    }

    [Fact]
    public void The_count_of_a_text_is_the_sum_of_its_lines_counts() => Prop.ForAll<string[]>(lines =>
    {
        var texts = (lines ?? []).Select(line => line ?? "").ToArray();
        var parts = texts.Select(text => KeywordRate.Of(text)).Aggregate(default(KeywordRate), (sum, part) => sum + part);
        return parts == KeywordRate.Of(string.Join('\n', texts)) && parts.Hits <= parts.Words;
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("")]
    [InlineData("wait,")]
    [InlineData("let me")]
    [InlineData("wait!")]
    public void A_word_that_no_text_can_have_is_refused(string words) => Assert.Throws<NativeSteerException>(() => KeywordSet.Parse(words));
}
