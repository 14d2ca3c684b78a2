using System.Diagnostics;
using System.Text.Json;
using NativeSteer.Countdown;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Cli;

public sealed class CountdownCommandTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("solution")]
    [InlineData("attempts")]
    [InlineData("thinking")]
    [InlineData("base-mix")]
    public void Generated_lines_are_the_librarys_on_stdout_as_in_a_file(string style)
    {
        var printed = Run("countdown", "generate", "-n", "30", "--style", style);
        Assert.StartsWith("nativesteer: 30 traces (", printed.Error, StringComparison.Ordinal);
        var written = Run("countdown", "generate", "-n", "30", "--style", style, "-o", _folder["t.jsonl"]);
        Assert.Empty(written.Out);
        Assert.Equal(File.ReadAllText(_folder["t.jsonl"]), printed.Out);
        Assert.Equal(30, printed.Out.Count(c => c == '\n'));
        Assert.NotEqual(printed.Out, Run("countdown", "generate", "-n", "30", "--style", style, "-s", "7").Out);
    }

    [Fact]
    public void Options_reach_the_generator()
    {
        var lines = Run("countdown", "generate", "-n", "50", "--style", "base-mix", "--mix", "thinking:2,attempts", "--numbers", "4", "--range", "2-20",
            "--targets", "20-40", "--split", "new-targets", "--held-out", "0.3", "--failures", "2").Out.TrimEnd('\n').Split('\n').Select(line => JsonElement.Parse(line)).ToList();
        Assert.Equal(["attempts", "thinking"], lines.Select(line => line.GetProperty("style").GetString()!).Distinct().Order());
        Assert.All(lines, line => Assert.Equal(4, line.GetProperty("nums").GetArrayLength()));
        Assert.All(lines, line => Assert.True(new PuzzleSplits(0.3).IsHeldOut(line.GetProperty("target").GetInt32())));
        Assert.Contains(lines, line => line.GetProperty("mask").GetArrayLength() > 0);
    }

    [Theory]
    [InlineData("--style is 'poem'", "--style", "poem")]
    [InlineData("-n is '0'", "-n", "0")]
    [InlineData("--numbers is '3:x'; give numbers with weights", "--numbers", "3:x")]
    [InlineData("--numbers is '3,3'; give 3 once", "--numbers", "3,3")]
    [InlineData("--range is '50-1'; give two numbers", "--range", "50-1")]
    [InlineData("--targets is 'ten'", "--targets", "ten")]
    [InlineData("--mix has no meaning without --style base-mix", "--mix", "solution")]
    [InlineData("--mix is 'poem:1'; give some of solution, attempts, thinking", "--style", "base-mix", "--mix", "poem:1")]
    [InlineData("--style base-mix is for base models", "--style", "base-mix", "--for", "reasoning")]
    [InlineData("--split is 'test'", "--split", "test")]
    public void A_wrong_option_of_generate_is_wrong_usage(string expected, params string[] args) =>
        Assert.Contains(expected, CliRun.Fails(2, ["countdown", "generate", .. args]), StringComparison.Ordinal);

    [Theory]
    [InlineData("Puzzles of 9 numbers cannot be drawn", "--numbers", "9")]
    [InlineData("lies above the limit of results", "--targets", "10-500")]
    [InlineData("The share of held-out targets is 2", "--held-out", "2")]
    [InlineData("A trace may have 10 tokens", "--max-tokens", "10")]
    [InlineData("its folder does not exist", "-o", "nowhere/t.jsonl")]
    [InlineData("No puzzle of 2 numbers 1 to 2", "--numbers", "2", "--range", "1-2", "--targets", "90-100")]
    public void What_generate_cannot_do_is_said_in_one_line(string expected, params string[] args) =>
        Assert.Contains(expected, CliRun.Fails(1, ["countdown", "generate", .. args]), StringComparison.Ordinal);

    [Fact]
    public void A_failed_generate_leaves_no_file()
    {
        CliRun.Fails(1, "countdown", "generate", "--numbers", "2", "--range", "1-2", "--targets", "90-100", "-o", _folder["t.jsonl"]);
        Assert.Empty(_folder.Names);
    }

    [Fact]
    public void Evaluate_counts_every_puzzle_once()
    {
        var json = JsonElement.Parse(Evaluate("-n", "40", "--predict", "12", "--json", "-o", _folder["answers.jsonl"]));
        Assert.Equal(40, json.GetProperty("puzzles").GetInt32());
        Assert.Equal(0, json.GetProperty("accuracy").GetProperty("value").GetDouble());
        Assert.InRange(json.GetProperty("accuracy").GetProperty("high").GetDouble(), 0.08, 0.09);
        Assert.Equal(40, json.GetProperty("failures").EnumerateObject().Sum(failure => failure.Value.GetInt32()));
        Assert.Equal(40, json.GetProperty("by_numbers").EnumerateArray().Sum(part => part.GetProperty("puzzles").GetInt32()));
        Assert.InRange(json.GetProperty("tokens").GetInt32(), 1, 40 * 12);

        var lines = File.ReadLines(_folder["answers.jsonl"]).Select(line => JsonElement.Parse(line)).ToList();
        Assert.Equal("provenance", lines[0].GetProperty("type").GetString());
        Assert.Equal(41, lines.Count);
        Assert.Equal(40, lines.Skip(1).Select(line => line.GetProperty("id").GetString()).Distinct().Count());
        Assert.Equal(
            json.GetProperty("failures").GetProperty("not_reached").GetInt32(),
            lines.Skip(1).Count(line => line.GetProperty("outcome").GetString() is "not_reached"));
        var splits = new PuzzleSplits();
        Assert.All(lines.Skip(1), line => Assert.Equal(
            PuzzleSplit.Validation, splits.Of(new Puzzle([.. line.GetProperty("nums").EnumerateArray().Select(n => n.GetInt32())], line.GetProperty("target").GetInt32()))));
    }

    [Fact]
    public void Evaluate_repeats_itself_and_prints_a_table()
    {
        var table = Evaluate("-n", "30", "--predict", "8");
        Assert.Equal(table[..table.IndexOf("tokens in", StringComparison.Ordinal)], Again()[..table.IndexOf("tokens in", StringComparison.Ordinal)]);
        Assert.Contains("numbers  puzzles  solved", table, StringComparison.Ordinal);
        Assert.Matches(@"\n3 +30 +0\.0 % +0\.0 % - 11\.4 % ", table);
        Assert.Contains("Not solved: ", table, StringComparison.Ordinal);

        string Again() => Evaluate("-n", "30", "--predict", "8");
    }

    [Fact]
    public void Evaluate_reads_puzzles_of_generate_and_of_others()
    {
        Run("countdown", "generate", "-n", "5", "-o", _folder["t.jsonl"]);
        File.AppendAllText(_folder["t.jsonl"], "{\"input\": \"30,100,93\", \"output\": \"23\"}\n");
        Assert.Equal(6, JsonElement.Parse(Evaluate("-f", _folder["t.jsonl"], "--predict", "4", "--json")).GetProperty("puzzles").GetInt32());
        Assert.Equal(2, JsonElement.Parse(Evaluate("-f", _folder["t.jsonl"], "-n", "2", "--predict", "4", "--json")).GetProperty("puzzles").GetInt32());
    }

    [Fact]
    public void Evaluate_steers()
    {
        ControlVectorFile.Write(_folder["v.gguf"], Models.RandomVector(TinyCountdown.Model.Shape, 3, 0, 1));
        Run("countdown", "generate", "-n", "1", "-o", _folder["t.jsonl"]);
        string[] args = ["-f", _folder["t.jsonl"], "--predict", "8", "-o", _folder["a.jsonl"]];
        Evaluate(args);
        var plain = Answer();
        Evaluate([.. args, "--control-vector-scaled", $"{_folder["v.gguf"]}:60"]);
        Assert.NotEqual(plain, Answer());
        Evaluate([.. args, "--control-vector-scaled", $"{_folder["v.gguf"]}:0"]);
        Assert.Equal(plain, Answer());

        string Answer() => JsonElement.Parse(File.ReadLines(_folder["a.jsonl"]).Last()).GetProperty("tokens").GetRawText();
    }

    [Fact]
    public async Task Ctrl_C_prints_the_figures_of_what_was_finished()
    {
        var patience = TimeSpan.FromSeconds(60);
        var log = _folder["answers.jsonl"];
        using var process = CliRun.Start("countdown", "evaluate", "-m", TinyCountdown.File, "-t", "1", "-n", "10000", "--numbers", "3,4", "--json", "-o", log);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        var clock = Stopwatch.StartNew();
        while ((!File.Exists(log) || new FileInfo(log).Length < 8000) && clock.Elapsed < patience) await Task.Delay(20);
        using (var kill = Process.Start("kill", ["-INT", $"{process.Id}"])) await kill.WaitForExitAsync();
        await process.WaitForExitAsync().WaitAsync(patience);
        Assert.Equal(130, process.ExitCode);
        var json = JsonElement.Parse(await output);
        var finished = json.GetProperty("puzzles").GetInt32();
        Assert.InRange(finished, 1, 9999);
        Assert.Equal(10_000, json.GetProperty("asked").GetInt32());
        Assert.Equal(finished + 1, File.ReadLines(log).Count());
        Assert.Contains($"the figures are over {finished} of 10000 puzzles", await error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, "nowhere.gguf", "-m", "nowhere.gguf")]
    [InlineData(1, "nowhere.jsonl does not exist", "-m", "?", "-f", "nowhere.jsonl")]
    [InlineData(2, "--split has no meaning with puzzles from a file", "-m", "?", "-f", "nowhere.jsonl", "--split", "train")]
    [InlineData(2, "--layers needs a vector", "-m", "?", "--layers", "1")]
    [InlineData(1, "such puzzles, 100000 were asked for", "-m", "?", "--numbers", "2", "--range", "1-4", "--targets", "10-12", "--split", "train", "-n", "100000")]
    [InlineData(1, "its folder does not exist", "-m", "?", "-n", "2", "-o", "nowhere/a.jsonl")]
    public void What_evaluate_cannot_do_is_said_in_one_line(int code, string expected, params string[] args) =>
        Assert.Contains(
            expected, CliRun.Fails(code, ["countdown", "evaluate", .. args.Select(arg => arg is "?" ? TinyCountdown.File : arg)]), StringComparison.Ordinal);

    // One thread: the model is so small that threads would mostly wait for one another.
    private static string Evaluate(params string[] args) => Run(["countdown", "evaluate", "-m", TinyCountdown.File, "-t", "1", .. args]).Out;

    private static CliResult Run(params string[] args)
    {
        var result = CliRun.Run(args);
        Assert.True(result.Code == 0, result.Error);
        return result;
    }
}
