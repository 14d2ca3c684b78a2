using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Engine;
using Xunit;

namespace NativeSteer.Tests.Engine;

public sealed class StopStringsTests
{
    [Theory]
    [InlineData("a b STOP c", "STOP", "a b ", "STOP")]
    [InlineData("aab", "ab", "a", "ab")] // a prefix that overlaps itself
    [InlineData("abababac", "ababac", "ab", "ababac")]
    [InlineData("one two", "two|one", "", "one")] // the first in the text wins, not in the list
    [InlineData("abc", "bc|abc|b", "a", "b")] // what is complete first
    [InlineData("abc", "bc|abc|c", "", "abc")] // of those that end together the longest
    [InlineData("xab", "ab|abc", "x", "ab")]
    [InlineData("no stop here", "STOP", "no stop here", null)]
    [InlineData("almost STO", "STOP", "almost STO", null)] // held back and released at the end
    [InlineData("anything", "", "anything", null)]
    public void The_text_ends_before_the_first_stop_string_however_it_is_cut(string text, string stops, string expected, string? met)
    {
        foreach (var pieces in (int[])[1, 2, 3, text.Length])
        {
            var (released, stop) = Feed(new(stops.Split('|')), text.Chunk(pieces).Select(piece => new string(piece)));
            Assert.Equal(expected, released);
            Assert.Equal(met, stop);
        }
    }

    [Fact]
    public void Nothing_is_held_back_that_cannot_become_a_stop_string()
    {
        var stops = new StopStrings(["</think>", "\n\n"]);
        Assert.Equal("abc", stops.Append("abc"));
        Assert.Equal("d", stops.Append("d</th"));
        Assert.Equal("</the", stops.Append("e"));
        Assert.Equal("", stops.Append("\n"));
        Assert.Equal("\nx", stops.Append("x"));
        Assert.Equal("", stops.Append("\n\n"));
        Assert.Equal("\n\n", stops.Met);
        Assert.Equal("", stops.Append("more"));
        Assert.Equal("", stops.Finish());
    }

    [Fact]
    public void Any_text_in_any_pieces_is_cut_where_a_plain_search_cuts_it()
    {
        // Few letters make many overlaps.
        var words = Gen.Elements('a', 'b', 'c').ArrayOf().Select(letters => new string(letters));
        var stopLists = Gen.Choose(0, 4).SelectMany(count => Gen.ListOf(words.Where(word => word.Length < 6), count));
        var cases = words.ListOf().SelectMany(pieces => stopLists.Select(stops => (Pieces: pieces.ToList(), Stops: stops.ToList())));
        Prop.ForAll(cases.ToArbitrary(), drawn =>
        {
            var (released, met) = Feed(new(drawn.Stops), drawn.Pieces);
            var (expected, stop) = Search(string.Concat(drawn.Pieces), drawn.Stops);
            Assert.Equal(expected, released);
            Assert.Equal(stop, met);
        }).QuickCheckThrowOnFailure();
    }

    private static (string Text, string? Met) Feed(StopStrings stops, IEnumerable<string> pieces)
    {
        var released = string.Concat(pieces.Select(stops.Append));
        return (released + stops.Finish(), stops.Met);
    }

    private static (string Text, string? Met) Search(string text, List<string> stops)
    {
        for (var end = 1; end <= text.Length; end++)
        {
            var met = stops.Where(stop => stop.Length > 0 && text.AsSpan(0, end).EndsWith(stop)).MaxBy(stop => stop.Length);
            if (met is not null) return (text[..(end - met.Length)], met);
        }
        return (text, null);
    }
}
