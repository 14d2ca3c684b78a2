using System.Text.Json;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Cli;

public sealed class GenerateTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void One_rollout_prints_its_text_and_nothing_else()
    {
        var text = Generate("-p", "the a", "-n", "8");
        var line = Lines(Generate("-p", "the a", "-n", "8", "--json"))[1];
        Assert.Equal(line.GetProperty("text").GetString() + "\n", text);
    }

    [Fact]
    public void Without_prompt_the_begin_token_is_the_prompt()
    {
        var line = Lines(Generate("-n", "3", "--json"))[1];
        Assert.Equal("", line.GetProperty("prompt").GetString());
        Assert.Equal(1, line.GetProperty("prompt_tokens").GetInt32());
    }

    [Fact]
    public void Several_rollouts_have_headings_with_seed_and_steering()
    {
        Vector();
        var text = Generate("-p", "the", "-p", "a", "--samples", "2", "-n", "2", "--control-vector-scaled", $"{_folder["v.gguf"]}:3");
        var headings = text.Split('\n').Where(line => line.StartsWith("=== ", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
        Assert.Equal(
            [
                "=== 1/1, seed 42, v.gguf:3 ===",
                "=== 1/2, seed 43, v.gguf:3 ===",
                "=== 2/1, seed 44, v.gguf:3 ===",
                "=== 2/2, seed 45, v.gguf:3 ===",
            ],
            headings);
    }

    [Fact]
    public void A_log_says_what_ran_and_holds_every_rollout()
    {
        Vector();
        Assert.Empty(Generate("-f", Prompts(), "-n", "4", "-o", _folder["run.jsonl"]));
        var lines = Lines(File.ReadAllText(_folder["run.jsonl"]));
        Assert.Equal("provenance", lines[0].GetProperty("type").GetString());
        Assert.StartsWith("sampled-sha256:", lines[0].GetProperty("model").GetProperty("hash").GetString(), StringComparison.Ordinal);
        var rollouts = lines.Skip(1).ToDictionary(line => line.GetProperty("id").GetString()!);
        Assert.Equal(["2", "plain", "steered"], rollouts.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("generated:1:", rollouts["steered"].GetProperty("steer")[0].GetProperty("at").GetString());
        Assert.Equal(0, rollouts["plain"].GetProperty("steer").GetArrayLength());
        foreach (var (_, rollout) in rollouts)
        {
            Assert.Equal(rollout.GetProperty("generated_tokens").GetInt32(), rollout.GetProperty("tokens").GetArrayLength());
            Assert.Contains(rollout.GetProperty("finish").GetString(), new[] { "end", "length" });
        }
    }

    [Fact]
    public void An_interrupted_log_is_continued_to_the_same_rollouts()
    {
        Vector();
        string[] args = ["-f", Prompts(), "-n", "4", "--samples", "2", "-np", "1", "-o", _folder["run.jsonl"]];
        Generate(args);
        var whole = File.ReadAllLines(_folder["run.jsonl"]);
        File.WriteAllText(_folder["run.jsonl"], string.Join('\n', whole[..4]) + "\n" + whole[4][..30]);
        Generate([.. args, "--resume"]);
        Assert.Equal(whole, File.ReadAllLines(_folder["run.jsonl"]));
        Generate([.. args, "--resume"]); // nothing is left to do
        Assert.Equal(whole, File.ReadAllLines(_folder["run.jsonl"]));
    }

    [Theory]
    [InlineData("-n 5", "the log has max_tokens 4, this run 5")]
    [InlineData("-n 4 --temp 0", "the log has temperature 0.8, this run 0")]
    [InlineData("-n 4 -p more", "the log has prompts 1, this run 2")]
    public void A_log_of_other_settings_is_not_continued(string change, string expected)
    {
        var log = _folder["run.jsonl"];
        Generate("-p", "the", "-n", "4", "-o", log);
        var before = File.ReadAllText(log);
        Assert.Contains(
            expected, CliRun.Fails(1, ["generate", "-m", TinyModel.Path, "-p", "the", .. change.Split(' '), "-o", log, "--resume"]),
            StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(log));
    }

    [Fact]
    public void A_file_that_is_no_log_is_left_alone()
    {
        var file = _folder.Write("notes.jsonl", "{\"a\": 1}\n");
        Assert.Contains(
            "notes.jsonl:1: this is no log", CliRun.Fails(1, "generate", "-m", TinyModel.Path, "-o", file, "--resume"),
            StringComparison.Ordinal);
        Assert.Equal("{\"a\": 1}\n", File.ReadAllText(file));
    }

    [Theory]
    [InlineData("{\"prompt\": \"a\"}\nnot json", ":2: not valid JSON")]
    [InlineData("{\"promt\": \"a\"}", ":1: the field \"prompt\" is missing")]
    [InlineData("{\"prompt\": \"a\", \"id\": \"x\"}\n{\"prompt\": \"b\", \"id\": \"x\"}", ":2: the id \"x\" was used before")]
    [InlineData("{\"prompt\": \"a\", \"steer\": {}}", ":1: \"steer\" should be an array")]
    [InlineData("{\"prompt\": \"a\", \"steer\": [{\"scale\": 1}]}", ":1: an object of \"steer\" lacks the field \"vector\"")]
    [InlineData("{\"prompt\": \"a\", \"steer\": [{\"vector\": \"v\", \"sclae\": 1}]}", ":1: \"steer\" has an unknown field \"sclae\"")]
    [InlineData("{\"prompt\": \"a\", \"steer\": [{\"vector\": \"v\", \"at\": \"soon\"}]}", ":1: 'soon' is no range of positions")]
    [InlineData("{\"prompt\": \"a\", \"steer\": [{\"vector\": \"v\", \"operation\": \"erase\"}]}",
        "it should be add, project, clamp, add-keep-norm or self")]
    [InlineData("", "holds no lines")]
    public void A_bad_line_is_named_with_file_and_number(string text, string expected) =>
        Assert.Contains(
            expected, CliRun.Fails(1, "generate", "-m", TinyModel.Path, "-f", _folder.Write("p.jsonl", text)), StringComparison.Ordinal);

    [Fact]
    public void A_prompt_longer_than_the_context_is_refused_before_anything_runs() =>
        Assert.Contains(
            "give a longer one with -c", CliRun.Fails(1, "generate", "-m", TinyModel.Path, "-p", new string('a', 300), "-c", "256"),
            StringComparison.Ordinal);

    [Fact]
    public void A_text_file_is_one_prompt_without_its_last_line_end()
    {
        var line = Lines(Generate("-f", _folder.Write("p.txt", "the\na\n"), "-n", "1", "--json"))[1];
        Assert.Equal("the\na", line.GetProperty("prompt").GetString());
    }

    [Fact]
    public void Chat_writes_the_prompt_as_the_models_template_does()
    {
        var model = _folder["chat.gguf"];
        TinyModel.Build().Add("tokenizer.chat_template", "{% for m in messages %}<|im_start|>{{ m.role }}{% endfor %}").Write(model);
        var chat = Lines(CliRun.Run("generate", "-m", model, "--json", "-n", "6", "--chat", "--system", "so", "-p", "wait").Out)[1];
        const string written = "<|im_start|>system\nso<|im_end|>\n<|im_start|>user\nwait<|im_end|>\n<|im_start|>assistant\n";
        var plain = Lines(CliRun.Run("generate", "-m", model, "--json", "-n", "6", "-p", written).Out)[1];
        Assert.Equal("wait", chat.GetProperty("prompt").GetString());
        Assert.Equal(plain.GetProperty("prompt_tokens").GetInt32(), chat.GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(plain.GetProperty("text").GetString(), chat.GetProperty("text").GetString());
    }

    private static string Generate(params string[] args)
    {
        var result = CliRun.Run(["generate", "-m", TinyModel.Path, .. args]);
        Assert.True(result.Code == 0, result.Error);
        return result.Out;
    }

    private static JsonElement[] Lines(string text) => [.. text.TrimEnd('\n').Split('\n').Select(line => JsonElement.Parse(line))];

    private string Prompts() => _folder.Write("p.jsonl", $$"""
        {"prompt": "the", "id": "plain"}
        {"prompt": "a"}
        {"prompt": "so", "id": "steered", "steer": [{"vector": "{{_folder["v.gguf"]}}", "scale": 4, "layers": 1, "at": "generated:1:"}]}
        """);

    private void Vector() => ControlVectorFile.Write(_folder["v.gguf"], Models.RandomVector(Models.Tiny.Shape, 3, 1, 2));
}
