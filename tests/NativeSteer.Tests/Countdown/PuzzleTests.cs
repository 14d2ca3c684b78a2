using FsCheck.Fluent;
using FsCheck;
using NativeSteer.Countdown;
using NativeSteer.Files;
using NativeSteer.Tests.Files;
using Xunit;

namespace NativeSteer.Tests.Countdown;

public sealed class PuzzleTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_prompt_is_the_papers() =>
        Assert.Equal("###Question: numbers [2, 39, 45, 10]->target 62\n###Response:\n", new Puzzle([2, 39, 45, 10], 62).Prompt);

    [Fact]
    public void The_hash_does_not_ask_for_the_order()
    {
        Assert.Equal(new Puzzle([2, 39, 45], 62).StableHash, new Puzzle([45, 2, 39], 62).StableHash);
        Assert.NotEqual(new Puzzle([2, 39, 45], 62).StableHash, new Puzzle([2, 39, 45], 63).StableHash);
        Assert.Equal(0x2ED5E10657C03B79UL, new Puzzle([2, 39, 45], 62).StableHash); // another value would move puzzles between splits
    }

    [Fact]
    public void A_puzzle_without_sense_is_refused()
    {
        Fails.With(() => _ = new Puzzle([], 5), "0 numbers");
        Fails.With(() => _ = new Puzzle([1, 2, 3, 4, 5, 6, 7], 5), "7 numbers");
        Fails.With(() => _ = new Puzzle([0, 2], 5), "the number 0");
        Fails.With(() => _ = new Puzzle([1, 2], 10_000), "the target 10000");
    }

    [Fact]
    public void Random_numbers_stay_what_they_are()
    {
        // The published first numbers of SplitMix64 for its usual example; the rest by an implementation in another language.
        Assert.Equal(6457827717110365317UL, StableRandom.Mix(1234567));
        var random = new StableRandom(42, 7);
        Assert.Equal([8611475122112622633UL, 18238512585507813993UL, 16816991872845569654UL], [random.NextBits(), random.NextBits(), random.NextBits()]);
    }

    [Fact]
    public void Random_numbers_stay_below_their_bound_and_reach_all_values() =>
        Prop.ForAll<ulong, PositiveInt>((seed, bound) =>
        {
            var random = new StableRandom(seed);
            var seen = new HashSet<long>();
            for (var i = 0; i < 60 * bound.Get; i++)
            {
                var value = random.Below(bound.Get);
                Assert.InRange(value, 0, bound.Get - 1);
                seen.Add(value);
            }
            Assert.Equal(bound.Get, seen.Count);
            Assert.InRange(random.NextShare(), 0, 1 - 1e-17);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Files_of_both_kinds_are_read()
    {
        var path = _folder.Write("p.jsonl", """
            {"nums": [2, 39, 45], "target": 62, "search_path": "ignored"}
            {"input": "30,100, 93", "output": "23"}
            """);
        Assert.Equal(["[2, 39, 45]->62", "[30, 100, 93]->23"], PuzzleFiles.Read(path).Select(puzzle => puzzle.ToString()));
    }

    [Theory]
    [InlineData("{\"nums\": [1, 2]}", ":1: the field \"target\" is missing")]
    [InlineData("{\"text\": \"x\"}", ":1: there is no puzzle")]
    [InlineData("{\"nums\": [1, 2], \"target\": 5}\n{\"nums\": [0], \"target\": 5}", ":2: A puzzle has the number 0")]
    [InlineData("{\"nums\": [1, 2], \"target\": 99999999999}", ":1: A puzzle has the target")]
    [InlineData("{\"nums\": \"1,2\", \"target\": 5}", ":1: \"nums\" should be an array")]
    [InlineData("{\"input\": \"1,x\", \"output\": \"3\"}", ":1: \"input\" has 'x'")]
    [InlineData("{\"input\": \"1,2\", \"output\": \"3.5\"}", ":1: \"output\" has '3.5'")]
    [InlineData("{\"input\": \"1,2\"}", ":1: the field \"output\" is missing")]
    [InlineData("{\"input\": \"\", \"output\": \"3\"}", ":1: A puzzle has 0 numbers")]
    [InlineData("", "holds no lines")]
    public void A_line_without_a_puzzle_is_named(string text, string expected) =>
        Fails.With(() => _ = PuzzleFiles.Read(_folder.Write("p.jsonl", text)).ToList(), "p.jsonl", expected);
}
