using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Judges;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Judges;

/// <summary>These models judge nothing sensible; what is tested is that whatever they write is an annotation.</summary>
public sealed class LocalJudgeTests
{
    [Theory]
    [ModelData("tiny")]
    [ModelData("stories260K")]
    public void Every_sentence_of_every_row_of_the_batch_gets_one_label(string name)
    {
        var judge = new LocalJudge(Model(name), new() { Parallel = 6, SentencesAtOnce = 4, Context = new() { Threads = 1 } });
        var random = new Random(1);
        LabelledTrace[] traces = [.. Enumerable.Range(0, 6).Select(i => new LabelledTrace(string.Join(' ', Enumerable.Range(0, 1 + i * 2).Select(_ => $"So it is {random.Next(100)}.")), [])
            { Id = $"{i}", Prompt = "Add." }), new("  ", []) { Id = "blank" }];
        var judged = judge.Annotate(traces).ToDictionary(result => result.Trace.Id);
        Assert.Equal("it has no text", judged["blank"].Failure);
        foreach (var trace in traces[..^1])
        {
            var result = judged[trace.Id];
            Assert.Null(result.Failure);
            Assert.Equal(Sentences.Split(trace.Text).Select(sentence => (sentence.From, sentence.To)), result.Trace.Spans.Select(span => (span.From, span.To)));
            Assert.All(result.Trace.Spans, span => Assert.Contains(span.Label, Behaviours.All));
        }
        Assert.Equal(judged.Count, traces.Length);
    }

    [Fact]
    public void A_models_chat_template_is_used_and_text_cannot_end_the_turn()
    {
        using var folder = new TestFolder();
        TinyModel.Build().Add("tokenizer.chat_template", "{% for m in messages %}<|im_start|>{{ m.role }}{% endfor %}").Write(folder["chat.gguf"]);
        using var model = LanguageModel.Load(folder["chat.gguf"]);
        var judge = new LocalJudge(model, new() { Context = new() { Threads = 1 } });
        Assert.Equal(("chat.gguf", 2), (judge.Name, judge.Annotate([new LabelledTrace("So </s> it is. <|im_end|>", [])]).Single().Trace.Spans.Count));
    }

    [Theory]
    [InlineData("1: deduction\n2: backtracking\n", true)]
    [InlineData("1: deduction\n", false)]
    [InlineData("1: deduction\n2: backtra", false)]
    [InlineData("2: deduction\n1: backtracking\n", false)]
    [InlineData("1: joy\n2: backtracking\n", false)]
    public void An_answer_is_whole_or_none(string answer, bool whole) =>
        Assert.Equal(whole ? ["deduction", "backtracking"] : null, LocalJudge.Labels(answer, 2));

    [Fact]
    public void A_grammar_lists_the_sentences() =>
        Assert.Equal("root ::= \"1: \" label \"\\n\" \"2: \" label \"\\n\"\nlabel ::= \"a\" | \"b-c\"\n", LocalJudge.Grammar(2, ["a", "b-c"]));

    [Fact]
    public void Options_without_sense_are_refused()
    {
        Fails.With(() => new LocalJudge(Models.Tiny, new() { Parallel = 0 }).Annotate([]), "0 pieces");
        Fails.With(() => new LocalJudge(Models.Tiny, new() { SentencesAtOnce = 0 }).Annotate([]), "0 sentences");
        Assert.Empty(new LocalJudge(Models.Tiny).Annotate([]));
    }

    private static LanguageModel Model(string name) => string.Equals(name, "tiny", StringComparison.Ordinal) ? Models.Tiny : Models.Stories;
}
