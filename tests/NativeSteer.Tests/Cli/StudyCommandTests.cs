using System.Text.Json.Nodes;
using NativeSteer.Countdown;
using NativeSteer.Studies;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Cli;

/// <summary>The study and the sweep as commands: on random models, so that only what holds of any run is looked at.</summary>
public sealed class StudyCommandTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_run_killed_at_any_moment_resumes_to_the_same_log()
    {
        var arguments = Study();
        Assert.Equal(0, CliRun.Run([.. arguments, "-o", _folder["whole"]]).Code);
        var whole = new StudyFolder(_folder["whole"]);
        var killed = new StudyFolder(_folder["killed"]);
        long[] moments = [1000, new FileInfo(whole.Log).Length / 4, new FileInfo(whole.Log).Length / 2, new FileInfo(whole.Log).Length * 3 / 4];
        for (var i = 0; i < moments.Length; i++)
        {
            using var process = CliRun.Start([.. arguments, "-o", killed.Path, "--resume"]);
            var file = i == 0 ? killed.Traces : killed.Log;
            while (!process.HasExited && !(File.Exists(file) && new FileInfo(file).Length >= moments[i])) await Task.Delay(5);
            process.Kill(); // SIGKILL: nothing can be put in order
            await process.WaitForExitAsync();
        }
        Assert.Equal(0, CliRun.Run([.. arguments, "-o", killed.Path, "--resume"]).Code);
        Assert.Equal(Lines(whole.Log), Lines(killed.Log));
        Assert.Equal(Lines(whole.Traces), Lines(killed.Traces));
    }

    [Fact]
    public void A_study_ends_with_three_sentences_and_a_report()
    {
        var result = CliRun.Run([.. Study(), "-o", _folder["study"]]);
        Assert.Equal(0, result.Code);
        var lines = result.Out.TrimEnd('\n').Split('\n');
        Assert.Equal(4, lines.Length);
        Assert.Equal($"The report: {new StudyFolder(_folder["study"]).Report}", lines[^1]);
        Assert.True(File.Exists(new StudyFolder(_folder["study"]).Report));
        Assert.Contains("tokens decoded", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-f needs", "give them with -f", "-m", "tiny")]
    [InlineData("base needed", "--base is missing", "-m", "tiny", "-f", "prompts")]
    [InlineData("shard", "--shard is '3/2'", "--shard", "3/2")]
    [InlineData("judge", "give keyword or countdown", "--judge", "oracle")]
    [InlineData("system", "--system needs --chat", "--system", "be kind")]
    [InlineData("magnitudes", "--magnitudes is 'strong'", "--magnitudes", "strong")]
    public void What_makes_no_sense_is_wrong_usage(string _, string message, params string[] arguments)
    {
        string[] filled = [.. arguments.Select(argument => argument switch { "tiny" => TinyCountdown.File, "prompts" => Prompts(), _ => argument })];
        Assert.Contains(message, CliRun.Fails(2, ["study", "backtracking", "-o", _folder["none"], .. filled]), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["none"]));
    }

    [Fact]
    public void A_sweep_of_windows_prints_a_row_for_each_cell()
    {
        Assert.Equal(0, CliRun.Run([.. Study(), "-o", _folder["study"]]).Code);
        var traces = new StudyFolder(_folder["study"]).Annotated;
        string[] arguments =
            ["sweep", "-m", TinyCountdown.File, "--traces", traces, "--offsets", "-6:-4,-1", "--layers", "0-1", "--magnitudes", "-1,2", "-p", "12=", "-p", "so", "-n", "5", "-np", "4", "-t", "1", "-o", _folder["sweep.jsonl"]];
        var result = CliRun.Run(arguments);
        Assert.True(result.Code == 0, result.Error);
        Assert.Equal(1 + 1 + 2 * 2 * 2, result.Out.TrimEnd('\n').Split('\n').Length);
        var json = JsonNode.Parse(CliRun.Run([.. arguments, "--resume", "--json"]).Out)!.AsArray();
        Assert.Equal(1 + 2 * 2 * 2, json.Count);
        Assert.All(json, cell => Assert.Equal(2, (int)cell!["rollouts"]!));
        Assert.Equal(0, (double)json[0]!["kl"]!);

        // Its parts, put together by 'report', give the same table.
        foreach (var part in (string[])["1/2", "2/2"])
            Assert.Equal(0, CliRun.Run([.. arguments[..^1], _folder[$"{part[0]}.jsonl"], "--shard", part]).Code);
        Assert.Equal(result.Out.Split('\n').Order(), CliRun.Run("report", _folder["1.jsonl"], _folder["2.jsonl"]).Out.Split('\n').Order());
        var other = CliRun.Run([.. arguments[..^1], _folder["other.jsonl"], "--temp", "0.9"]);
        Assert.Equal(0, other.Code);
        var broken = _folder.Write("broken.jsonl", File.ReadLines(_folder["2.jsonl"]).First().Replace("\"settings\":{", "\"settings\":null,\"x\":{", StringComparison.Ordinal) + "\n");
        Assert.Contains("settings differ", CliRun.Fails(1, ["report", _folder["1.jsonl"], broken]), StringComparison.Ordinal);
        Assert.Contains("settings differ", CliRun.Fails(1, ["report", _folder["1.jsonl"], _folder["other.jsonl"]]), StringComparison.Ordinal);
    }

    [Fact]
    public void The_sweeps_benchmark_counts_the_same_work_in_every_mode()
    {
        var result = CliRun.Run("bench", "sweep", "-m", TinyCountdown.File, "-K", "2", "--magnitudes", "2", "--prompts", "3", "-ntg", "4", "-np", "5", "-r", "1", "-t", "1", "--json");
        Assert.Equal(0, result.Code);
        var modes = JsonNode.Parse(result.Out)!.AsArray();
        var decoded = modes.ToDictionary(mode => (string)mode!["mode"]!, mode => (long)mode!["decoded_tokens"]!, StringComparer.Ordinal);
        var reused = modes.ToDictionary(mode => (string)mode!["mode"]!, mode => (long)mode!["reused_tokens"]!, StringComparer.Ordinal);
        Assert.Equal(decoded["one by one"], decoded["one batch"]);
        Assert.Equal(decoded["one by one"], decoded["cell by cell"]);
        const string generated = "one batch; generated tokens steered";
        Assert.Equal(decoded["one by one"], decoded[generated] + reused[generated]);
        Assert.True(reused[generated] > 0);
    }

    // Few cells: what is tested is where runs stop.
    private string[] Study() =>
    [
        "study", "backtracking", "-m", TinyCountdown.File, "--base", OtherModel(), "-f", Prompts(), "--prompts", "4", "--trace-tokens", "40", "-n", "8", "--layer", "1",
        "--offsets", "-3:-1", "--heat-offsets", "-6:-4,-3:-1", "--magnitudes", "0.5", "-np", "3", "-t", "1", "--figures", "offsets,pairs",
    ];

    private string Prompts()
    {
        var path = _folder["prompts.jsonl"];
        if (!File.Exists(path)) File.WriteAllLines(path, CountdownStudy.Puzzles(40).Select(prompt => new JsonObject { ["id"] = prompt.Id, ["problem"] = prompt.Text }.ToJsonString()));
        return path;
    }

    private string OtherModel()
    {
        var path = _folder["base.gguf"];
        if (!File.Exists(path)) TinyModel.Build(CountdownVocabulary.AddTo, CountdownVocabulary.Size, layers: 2, seed: 9).Write(path);
        return path;
    }

    private static string[] Lines(string log) => [.. File.ReadLines(log).Select(line =>
    {
        var json = JsonNode.Parse(line)!.AsObject();
        json.Remove("started");
        json.Remove("arguments");
        return json.ToJsonString();
    })];
}
