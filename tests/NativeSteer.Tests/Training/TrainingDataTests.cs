using System.Text;
using System.Text.Json;
using NativeSteer.Engine;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Training;
using Xunit;

namespace NativeSteer.Tests.Training;

/// <summary>Lines to tokens: what is masked, what is trained, where prompt and completion meet.</summary>
public sealed class TrainingDataTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Vocabularies => new(
        Directory.GetFiles(VocabularyFiles.Folder, "ggml-vocab-*.gguf").Select(path => Path.GetFileName(path)!)
            .Where(name => !name.Contains("bert", StringComparison.Ordinal)) // no model to be trained here, and it changes what it reads
            .Order(StringComparer.Ordinal));

    private static readonly string[] s_texts =
    [
        "Once upon a time", " there was", "3 + 45 = 48\n", "\n\n  indented\ttabs", "Hello, world! ", "é, ü, 日本語", "🦙 and 🐍", "don't we'll I'D",
    ];

    [Theory, MemberData(nameof(Vocabularies))]
    public void Prompt_and_completion_meet_at_a_boundary_of_tokens(string name)
    {
        using var model = LanguageModel.Load(Path.Combine(VocabularyFiles.Folder, name), new() { VocabularyOnly = true });
        var tokenizer = new TrainingTokenizer(model.Vocabulary);
        var spelled = 0;
        foreach (var prompt in s_texts)
        {
            foreach (var completion in s_texts)
            {
                var path = WriteLines(new { prompt, completion, end = false });
                TrainingSequence sequence;
                try
                {
                    sequence = TrainingData.Read(path, tokenizer).Sequences[0];
                }
                catch (NativeSteerException error)
                {
                    Assert.Contains("data.jsonl:1: the model's vocabulary cannot spell the", error.Message, StringComparison.Ordinal);
                    continue;
                }
                spelled++;
                int[] tokens = [.. sequence.Tokens];
                var start = Array.FindIndex([.. sequence.Weights], weight => weight != 0);
                // A rollout starts from the same tokens, and what is trained after them is the completion and nothing else.
                Assert.Equal(WithoutEnd(model.Vocabulary, model.Vocabulary.TokenizePrompt(prompt)), tokens[..start]);
                var written = Encoding.UTF8.GetString([.. tokens[start..].SelectMany(token => model.Vocabulary.Piece(token, special: true))]);
                Assert.Equal(completion.Trim(), written.Trim());
                if (tokenizer.Spans(Encoding.UTF8.GetBytes(completion), tokens.AsSpan(start), out _) is [(0, > 0), ..])
                    Assert.Equal(completion.Length - completion.TrimStart().Length, written.Length - written.TrimStart().Length);
            }
        }
        Assert.True(spelled >= 36, $"{spelled} of 64");
    }

    [Theory, MemberData(nameof(Vocabularies))]
    public void Masks_of_characters_become_masks_of_tokens(string name)
    {
        using var model = LanguageModel.Load(Path.Combine(VocabularyFiles.Folder, name), new() { VocabularyOnly = true });
        var tokenizer = new TrainingTokenizer(model.Vocabulary);
        const string text = "It was 45-39=7, wait, that is wrong: 45-39=6.";
        foreach (var (from, to) in new[] { (0, 2), (7, 14), (15, 21), (44, 45), (3, 3), (0, 44) })
        {
            var sequence = TrainingData.Read(WriteLines(new { text, mask = new[] { new[] { from, to } } }), tokenizer).Sequences[0];
            var at = 0;
            for (var i = 0; i < sequence.Tokens.Count; i++)
            {
                var piece = Encoding.UTF8.GetString(model.Vocabulary.Piece(sequence.Tokens[i], special: true));
                if (i == 0 && (sequence.Tokens[0] == model.Vocabulary.BeginOfText)) continue;
                if (at == 0 && piece.StartsWith(' ')) piece = piece[1..]; // the vocabulary's own
                Assert.Equal(piece, text.Substring(at, piece.Length));
                var overlaps = from < Math.Max(at + piece.Length, at + 1) && at < to && from < to;
                if (i > 0) Assert.Equal(overlaps ? 0 : 1, sequence.Weights[i]);
                at += piece.Length;
            }
            Assert.Equal(text.Length, at);
        }
    }

    [Fact]
    public void The_prompt_is_masked_and_the_end_token_is_trained()
    {
        var (tokens, weights) = Read(new { prompt = "the", completion = " a wait" });
        var vocabulary = Models.Tiny.Vocabulary;
        int[] prompt = vocabulary.TokenizePrompt("the");
        Assert.Equal(prompt, tokens[..prompt.Length]);
        Assert.Equal(TinyModel.EndOfText, tokens[^1]);
        Assert.Equal(" a wait", string.Concat(tokens[prompt.Length..^1].Select(token => Encoding.UTF8.GetString(vocabulary.Piece(token)))));
        Assert.All(weights[..prompt.Length], weight => Assert.Equal(0, weight));
        Assert.All(weights[prompt.Length..], weight => Assert.Equal(1, weight));
    }

    [Fact]
    public void A_text_is_trained_without_end_token_and_its_first_token_is_not_predicted()
    {
        var (tokens, weights) = Read(new { text = "wait" });
        Assert.Equal(Models.Tiny.Vocabulary.Tokenize("wait"), tokens);
        Assert.Equal(0, weights[0]);
        Assert.All(weights[1..], weight => Assert.Equal(1, weight));
        Assert.Equal(TinyModel.EndOfText, Read(new { text = "wait", end = true }).Tokens[^1]);
        Assert.NotEqual(TinyModel.EndOfText, Read(new { prompt = "a", completion = "wait", end = false }).Tokens[^1]);
    }

    [Fact]
    public void An_end_token_that_the_text_has_is_not_doubled()
    {
        var (tokens, _) = Read(new { prompt = "a", completion = "wait</s>" });
        Assert.Equal(TinyModel.EndOfText, tokens[^1]);
        Assert.NotEqual(TinyModel.EndOfText, tokens[^2]);
    }

    [Fact]
    public void Masks_count_code_points()
    {
        // 🦙 is one code point, two UTF-16 units and four bytes, each of them a token here.
        var (_, weights) = Read(new { prompt = "a", completion = "🦙wait", mask = new[] { new[] { 1, 5 } }, end = false });
        Assert.Equal([1, 1, 1, 1, 0, 0, 0, 0], weights[^8..]);
    }

    [Fact]
    public void A_search_path_is_the_papers_text_and_masks_the_wrong_line()
    {
        var tokenizer = new TrainingTokenizer(Models.Tiny.Vocabulary, ["<backtrack>"]);
        var path = WriteLines(new { nums = new[] { 2, 39, 45, 10 }, target = 62, search_path = "45-39=6\n39+6=45\n<backtrack>\n" });
        var sequence = TrainingData.Read(path, tokenizer).Sequences[0];
        int[] tokens = [.. sequence.Tokens];
        var backtrack = Array.IndexOf(tokens, Models.Tiny.Vocabulary.Size);
        Assert.Equal(tokens.Length - 2, backtrack);
        Assert.Equal(TinyModel.EndOfText, tokens[^1]);
        Assert.Equal(
            "###Question: numbers [2, 39, 45, 10]->target 62\n###Response:\n45-39=6\n39+6=45\n",
            Models.Tiny.Vocabulary.Detokenize(tokens.AsSpan(..backtrack), removeSpecial: true).TrimStart());
        // Every character of the line is a byte token: "45-39=6\n" is trained, "39+6=45\n" is not, then token and end are.
        float[] expected = [.. Enumerable.Repeat(1f, 8), .. Enumerable.Repeat(0f, 8), 1, 1];
        Assert.Equal(expected, sequence.Weights.TakeLast(18));
        Assert.All(sequence.Weights.SkipLast(18), weight => Assert.Equal(0, weight));
    }

    [Fact]
    public void New_tokens_are_cut_out_longest_first()
    {
        var tokenizer = new TrainingTokenizer(Models.Tiny.Vocabulary, ["<b>", "<b><b>"]);
        var size = Models.Tiny.Vocabulary.Size;
        Assert.Equal([size + 1, size], tokenizer.Continue("<b><b><b>"));
        Assert.Equal(size, tokenizer.Find("<b>"));
        Assert.Equal(TinyModel.EndOfText, tokenizer.Find("</s>"));
        Assert.Equal(-1, tokenizer.Find("<c>"));
        Assert.Equal("wait", Encoding.UTF8.GetString(Models.Tiny.Vocabulary.Piece(tokenizer.Find("wait"))));
    }

    [Theory]
    [InlineData("wait", "in the vocabulary already")]
    [InlineData("</s>", "in the vocabulary already")]
    [InlineData("", "is empty")]
    [InlineData(" x", "begins or ends with a space")]
    [InlineData("<a>,<a>", "given twice")]
    public void Impossible_new_tokens_are_refused(string tokens, string expected) =>
        Fails.With(() => _ = new TrainingTokenizer(Models.Tiny.Vocabulary, tokens.Split(',')), expected);

    [Fact]
    public void Provenance_lines_are_skipped_and_long_ones_can_be()
    {
        var tokenizer = new TrainingTokenizer(Models.Tiny.Vocabulary);
        var path = WriteLines(new { type = "provenance" }, new { text = "wait wait" }, new { text = new string('x', 600) });
        Fails.With(() => TrainingData.Read(path, tokenizer), "data.jsonl:3:", "602 tokens", "--length", "--drop-long");
        var data = TrainingData.Read(path, tokenizer, new() { DropLong = true });
        Assert.Equal(1, data.Dropped);
        Assert.Single(data.Sequences);
        Assert.Equal(data.Sequences[0].Tokens.Count, data.Tokens);
        Assert.Equal(data.Tokens - 1, data.Targets);
    }

    [Theory]
    [InlineData("", "holds no lines")]
    [InlineData("{\"type\":\"provenance\"}", "holds nothing to train")]
    [InlineData("{}", "data.jsonl:1: it has none of the fields")]
    [InlineData("{\"completion\":\"a\"}", "\"prompt\" is missing")]
    [InlineData("{\"prompt\":\"a\",\"text\":\"b\"}", "name what is to be trained after a prompt \"completion\"")]
    [InlineData("{\"text\":\"wait\",\"mask\":[[0,5]]}", "the mask [0, 5] does not lie in the text, which has 4 code points")]
    [InlineData("{\"text\":\"wait\",\"mask\":[[2,1]]}", "the mask [2, 1] ends before it begins")]
    [InlineData("{\"text\":\"wait\",\"mask\":[[-1,1]]}", "the mask [-1, 1] does not lie")]
    [InlineData("{\"text\":\"wait\",\"mask\":[0,1]}", "an array of pairs")]
    [InlineData("{\"text\":\"wait\",\"mask\":[[0.5,1]]}", "an array of pairs")]
    [InlineData("{\"text\":\"wait\",\"mask\":[[0,4]]}", "masked as a whole")]
    [InlineData("{\"text\":\"\"}", "nothing in it is to be trained")]
    [InlineData("{\"prompt\":\"a\",\"completion\":\"\",\"end\":false}", "nothing in it is to be trained")]
    [InlineData("{\"text\":\"wait\",\"end\":1}", "\"end\" should be true or false")]
    [InlineData("{\"nums\":[1],\"search_path\":\"1\"}", "\"target\" is missing")]
    [InlineData("{\"nums\":[1],\"target\":2,\"search_path\":\"1+1=3\\n<backtrack>\"}", "--new-token '<backtrack>'")]
    [InlineData("not json", "data.jsonl:1: not valid JSON")]
    public void Bad_lines_are_named(string line, string expected)
    {
        var path = _folder.Write("data.jsonl", line);
        Fails.With(() => TrainingData.Read(path, new TrainingTokenizer(Models.Tiny.Vocabulary)), expected, "data.jsonl");
    }

    private (int[] Tokens, float[] Weights) Read(object line)
    {
        var sequence = TrainingData.Read(WriteLines(line), new TrainingTokenizer(Models.Tiny.Vocabulary)).Sequences[0];
        return ([.. sequence.Tokens], [.. sequence.Weights]);
    }

    private string WriteLines(params object[] lines) =>
        _folder.Write("data.jsonl", string.Join('\n', lines.Select(line => JsonSerializer.Serialize(line))));

    private static int[] WithoutEnd(Vocabulary vocabulary, int[] tokens) =>
        tokens.Length > 1 && vocabulary.IsEndOfGeneration(tokens[^1]) ? tokens[..^1] : tokens;
}
