using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Judges;
using Xunit;

namespace NativeSteer.Tests.Judges;

public sealed class SegmentFinderTests
{
    [Fact]
    public void White_space_may_differ_and_nothing_else()
    {
        const string text = "So  3+4\n= 7. Wait, 😀 no.";
        Assert.Equal([new(0, 12, false), new(13, 24, true)], SegmentFinder.Find(text, ["So 3 + 4 = 7.", " Wait, 😀 no.\n"]));
        Assert.All(SegmentFinder.Find(text, ["so 3+4", "Wait; 😀 no.", "", " "]), place => Assert.False(place.IsFound));
    }

    [Fact]
    public void Equal_segments_take_the_places_in_order()
    {
        Assert.Equal([0, 6, 12, -1], SegmentFinder.Find("Wait. Wait. Wait.", ["Wait.", "Wait.", "Wait.", "Wait."]).Select(place => place.From));
        Assert.Equal([(0, 5), (12, 17)], SegmentFinder.Find("Wait. No 1. Wait.", ["Wait.", "Wait."]).Select(place => (place.From, place.To)));
    }

    [Fact]
    public void What_is_made_up_or_out_of_order_does_not_push_the_others_away()
    {
        // A greedy search would take the last "Wait." for the first, and lose everything between.
        const string text = "Wai t! Add 3 and 4. That is 7. Wait. Done.";
        var places = SegmentFinder.Find(text, ["Wait.", "Add 3 and 4.", "It gives 7.", "That is 7.", "Wait.", "Done."]);
        Assert.Equal([-1, 7, -1, 20, 31, 37], places.Select(place => place.From));
        Assert.Equal([-1, 0], SegmentFinder.Find("First one. Second.", ["Second.", "First one."]).Select(place => place.From));
    }

    [Fact]
    public void Places_are_in_order_disjoint_and_cover_as_much_as_any_choice() =>
        Prop.ForAll(
            Gen.Elements("a", "b", " ").ListOf(14).Select(string.Concat).ToArbitrary(),
            Gen.Elements("a", "b", "ab", "ba", "a b a").ListOf(5).ToArbitrary(),
            (text, segments) =>
            {
                var places = SegmentFinder.Find(text, [.. segments]);
                var found = places.Where(place => place.IsFound).ToList();
                for (var i = 1; i < found.Count; i++) Assert.True(found[i - 1].To <= found[i].From);
                foreach (var (segment, place) in segments.Zip(places).Where(pair => pair.Second.IsFound))
                    Assert.Equal(Squeezed(segment), Squeezed(text[place.From..place.To]));
                Assert.Equal(
                    Most(Squeezed(text), [.. segments.Select(Squeezed)]),
                    segments.Zip(places).Where(pair => pair.Second.IsFound).Sum(pair => Squeezed(pair.First).Length));
            }).QuickCheckThrowOnFailure();

    private static string Squeezed(string text) => text.Replace(" ", "", StringComparison.Ordinal);

    // By trying: each segment is left out, or put at any place after the one before.
    private static int Most(string text, string[] segments, int segment = 0, int from = 0)
    {
        if (segment == segments.Length) return 0;
        var best = Most(text, segments, segment + 1, from);
        for (var at = from; at + segments[segment].Length <= text.Length; at++)
        {
            if (string.CompareOrdinal(text, at, segments[segment], 0, segments[segment].Length) != 0) continue;
            best = Math.Max(best, segments[segment].Length + Most(text, segments, segment + 1, at + segments[segment].Length));
        }
        return best;
    }
}
