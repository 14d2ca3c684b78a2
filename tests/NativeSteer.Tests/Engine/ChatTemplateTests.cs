using NativeSteer.Engine;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Engine;

public sealed class ChatTemplateTests
{
    private static readonly ChatMessage[] s_chat =
        [new("system", "Be brief."), new("user", "Grüße, 日本?"), new("assistant", "Hi."), new("user", "Bye.")];

    [Fact]
    public void Chatml_is_written_by_name_and_by_its_marks()
    {
        const string expected =
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nGrüße, 日本?<|im_end|>\n<|im_start|>assistant\nHi.<|im_end|>\n"
            + "<|im_start|>user\nBye.<|im_end|>\n";
        Assert.Equal(expected + "<|im_start|>assistant\n", ChatTemplate.Apply("chatml", s_chat));
        Assert.Equal(expected, ChatTemplate.Apply("chatml", s_chat, addAssistant: false));
        const string jinja = "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}{% endfor %}";
        Assert.Equal(expected, ChatTemplate.Apply(jinja, s_chat, addAssistant: false));
    }

    [Fact]
    public void Llama3_is_written() => Assert.Equal(
        "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi.<|eot_id|>"
        + "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ChatTemplate.Apply("llama3", [new("system", "Be brief."), new("user", "Hi.")]));

    [Fact]
    public void Long_conversations_are_written_whole()
    {
        var text = new string('é', 100_000);
        Assert.Equal($"<|im_start|>user\n{text}<|im_end|>\n", ChatTemplate.Apply("chatml", [new("user", text)], addAssistant: false));
        Assert.Equal("", ChatTemplate.Apply("chatml", [], addAssistant: false));
    }

    [Fact]
    public void The_template_in_a_models_file_is_used()
    {
        using var folder = new TestFolder();
        var path = folder["chat.gguf"];
        TinyModel.Build().Add("tokenizer.chat_template", "{{ '<|im_start|>' }}").Write(path);
        using var model = LanguageModel.Load(path);
        Assert.Equal("<|im_start|>user\nHi.<|im_end|>\n<|im_start|>assistant\n", ChatTemplate.Apply(model, [new("user", "Hi.")]));
    }

    [Fact]
    public void What_cannot_be_written_is_an_error()
    {
        Fails.With(() => ChatTemplate.Apply(Models.Tiny, s_chat), "no chat template", "chatml");
        Fails.With(() => ChatTemplate.Apply("{{ my own }}", s_chat), "runs no Jinja", "chatml");
        Fails.With(() => ChatTemplate.Apply("", s_chat), "runs no Jinja");
        Fails.With(() => ChatTemplate.Apply("chatml", [new("user", "a\0b")]), "zero character");
    }

    [Fact]
    public void Every_built_in_format_writes_a_conversation_or_says_why_not()
    {
        Assert.Contains("chatml", ChatTemplate.BuiltIn);
        Assert.Contains("llama3", ChatTemplate.BuiltIn);
        foreach (var name in ChatTemplate.BuiltIn)
        {
            foreach (var chat in (ChatMessage[][])[s_chat, [], [new("nobody", "")], [new("assistant", "first")]])
            {
                try
                {
                    _ = ChatTemplate.Apply(name, chat);
                }
                catch (NativeSteerException error)
                {
                    Fails.IsOneLine(error);
                }
            }
        }
    }
}
