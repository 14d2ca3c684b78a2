using System.Text.Json.Nodes;
using NativeSteer.Engine;
using NativeSteer.Rollouts;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Cli;

/// <summary><c>bench</c>: its rows, its formats, and the machine's limits beside them.</summary>
public sealed class BenchTests
{
    private static readonly string[] s_small = ["bench", "-m", TinyModel.Path, "-npp", "8", "-ntg", "2", "-npl", "1,2", "-K", "1,2", "-r", "2", "-t", "1"];

    [Fact]
    public void Every_mode_and_batch_has_a_row_with_speeds_shares_and_the_machines_rates()
    {
        var rows = JsonNode.Parse(Run("--json").Out)!.AsArray();
        Assert.Equal(["plain 1 0", "idle 1 0", "steer 1 1", "capture 1 0", "plain 2 0", "idle 2 0", "steer 2 1", "steer 2 2", "capture 2 0"],
            rows.Select(row => $"{row!["mode"]} {row["pl"]} {row["k"]}"));
        foreach (var row in rows)
        {
            Assert.Equal(2, row!["samples_pp_s"]!.AsArray().Count);
            var reads = row["machine_read_gbps"]!.AsArray().Select(rate => (double)rate!).Order().ToList();
            Assert.Equal(4, reads.Count); // a measurement in every round of every batch size
            Assert.All(reads, rate => Assert.InRange(rate, 0.1, 10_000));
            var read = (reads[1] + reads[2]) / 2;
            var work = DecodingWork.Of(Models.Tiny)!;
            var steps = (double)row["speed_tg"]! / (int)row["pl"]!;
            Assert.Equal(steps * work.StepBytes / (read * 1e9), (double)row["share_read_tg"]!, 1e-3 * (double)row["share_read_tg"]!);
        }
    }

    [Fact]
    public void The_least_work_is_that_of_the_models_matrices()
    {
        const int width = TinyModel.Width, hidden = 96, keys = width / 2;
        var weights = TinyModel.Layers * (2 * width * width + 2 * width * keys + 3 * width * hidden);
        var work = DecodingWork.Of(Models.Tiny)!;
        Assert.Equal(2.0 * weights, work.PromptOperations);
        Assert.Equal(4.0 * (weights + TinyModel.Layers * 2 * width + width * TinyModel.VocabularySize), work.StepBytes);
    }

    [Fact]
    public void A_sweep_and_training_follow_with_tables_of_their_own()
    {
        var text = Run("--modes", "idle,sweep", "-m", TinyCountdown.File).Out;
        Assert.Contains(text.Split('\n'), line => line.TrimStart('|', ' ').StartsWith("one by one |", StringComparison.Ordinal));
        Assert.Contains("processor: reads ", text, StringComparison.Ordinal);
        var rows = JsonNode.Parse(Run("--modes", "sweep,steer", "--json", "-m", TinyCountdown.File).Out)!.AsArray();
        Assert.Equal(["plain", "steer", "plain", "steer", "steer", "one batch", "one batch; generated tokens steered", "cell by cell", "one by one"], rows.Select(row => (string)row!["mode"]!));
    }

    [Fact]
    public void Comma_separated_values_have_as_many_columns_as_their_heading()
    {
        var lines = Run("-o", "csv").Out.TrimEnd('\n').Split('\n');
        Assert.Equal(10, lines.Length);
        Assert.All(lines, line => Assert.Equal(lines[0].Split(',').Length, line.Split(',').Length));
    }

    [Fact]
    public void An_unknown_mode_is_wrong_usage() =>
        Assert.Contains("give some of plain, idle, steer, capture, sweep, search, train", CliRun.Fails(2, [.. s_small, "--modes", "fly"]), StringComparison.Ordinal);

    [Theory]
    [InlineData("-npp", "0", 2, "-npp is '0'; give a whole number of at least 1")]
    [InlineData("-npl", "1,300", 2, "-npl is '300'; give a whole number from 1 to 256")]
    [InlineData("-npp", "100000", 1, "the model was trained on")]
    public void Lengths_that_cannot_be_measured_are_refused_without_a_table(string option, string value, int code, string part)
    {
        var result = CliRun.Run([.. s_small, option, value]);
        Assert.Equal(code, result.Code);
        Assert.Contains(part, result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Out);
    }

    [Fact]
    public void Sums_are_compared_with_reading_memory()
    {
        var capture = JsonNode.Parse(Run("--modes", "capture", "--json").Out)!.AsArray().First(row => (string)row!["mode"]! == "capture")!;
        Assert.Equal(2, capture["sums_gbps"]!.AsArray().Count);
        Assert.InRange((double)capture["share_read_sums"]!, 1e-6, 100);
        Assert.Contains("sums of every row at every layer, PP 8 B 1: ", Run("--modes", "capture").Out, StringComparison.Ordinal);
    }

    private static CliResult Run(params string[] more)
    {
        var result = CliRun.Run([.. more.Contains("-m") ? s_small.Take(1).Concat(s_small.Skip(3)) : s_small, .. more]);
        Assert.True(result.Code == 0, result.Error);
        return result;
    }
}
