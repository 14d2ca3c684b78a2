using NativeSteer.Extraction;
using NativeSteer.Tests.Files;
using Xunit;

namespace NativeSteer.Tests.Extraction;

public sealed class PromptPairsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("plain é 日 😀", "plain é 日 😀")]
    [InlineData(@"a\nb\tc\rd", "a\nb\tc\rd")]
    [InlineData(@"\\n \' \""", "\\n ' \"")]
    [InlineData(@"\x41\xC3\xA9", "Aé")]
    [InlineData(@"\x4", @"\x4")]
    [InlineData(@"\xZZ \q end\", @"\xZZ \q end\")]
    public void Escapes_are_those_of_llama_cpp(string written, string read) => Assert.Equal(read, EscapedText.Decode(written));

    [Fact]
    public void Two_text_files_pair_line_by_line_and_skip_empty_lines()
    {
        var pairs = PromptPairs.FromTextFiles(_folder.Write("p.txt", "\uFEFFone\r\n\r\ntwo\\nlines\r\n"), _folder.Write("n.txt", "eins\nzwei")).Read().ToArray();
        Assert.Equal(["one", "two\nlines"], pairs.Select(pair => pair.Positive));
        Assert.Equal(["eins", "zwei"], pairs.Select(pair => pair.Negative));
        Assert.EndsWith("p.txt:3", pairs[1].PositivePlace, StringComparison.Ordinal);
        Assert.EndsWith("n.txt:2", pairs[1].NegativePlace, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_lines_hold_both_prompts_and_do_not_touch_escapes()
    {
        var path = _folder.Write("pairs.jsonl", """{"positive": "a\nb \\n", "negative": "c", "more": 1}""" + "\n");
        var pair = Assert.Single(PromptPairs.FromJsonLines(path).Read());
        Assert.Equal(("a\nb \\n", "c"), (pair.Positive, pair.Negative));
    }

    [Fact]
    public void Bad_pairs_are_one_line_errors()
    {
        var one = _folder.Write("one.txt", "a\n");
        var two = _folder.Write("two.txt", "a\nb\n\n");
        var empty = _folder.Write("empty.txt", "\n\n");
        Fails.With(() => PromptPairs.FromTextFiles(two, one), "two.txt has 2 prompts", "one.txt has 1");
        Fails.With(() => PromptPairs.FromTextFiles(empty, empty), "hold no prompts");
        Fails.With(() => PromptPairs.FromTextFiles(_folder["none.txt"], one), "none.txt does not exist");
        Fails.With(() => _ = PromptPairs.FromJsonLines(_folder.Write("x.jsonl", "{\"positive\":\"a\"}\n")).Read().ToList(), "x.jsonl:1", "negative");
        Fails.With(() => _ = PromptPairs.FromJsonLines(_folder.Write("y.jsonl", "{\"positive\":\"a\",\"negative\":\"b\"}\n{")).Read().ToList(), "y.jsonl:2");
    }
}
