using System.Text.Json.Nodes;
using NativeSteer.Tests.Files;
using NativeSteer.Training;
using Xunit;

namespace NativeSteer.Tests.Training;

/// <summary>The loop: how long it is, what it logs, how it stops and goes on.</summary>
public sealed class TrainingRunTests : IDisposable
{
    private static readonly RunIdentity s_identity = new("model", "data", new JsonObject { ["rows"] = 2, ["learning_rate"] = 0.01f });

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(null, 1, 1, 13)]
    [InlineData(null, 2, 1, 26)]
    [InlineData(null, 0.5, 1, 7)]
    [InlineData(null, 1, 4, 4)]
    [InlineData(5, 1, 4, 5)]
    [InlineData(40, 1, 1, 40)]
    public void A_run_is_as_long_as_its_steps_or_epochs(int? steps, double epochs, int accumulate, long expected)
    {
        using var trainer = new StandInTrainer();
        var run = Run(trainer, new() { Steps = steps, Epochs = epochs, Accumulate = accumulate });
        Assert.Equal(expected, run.Steps);
        var result = run.Run();
        Assert.Equal(expected, result.Step);
        Assert.Equal(expected, trainer.Updates);
        Assert.False(result.Stopped);
        var batches = steps is null ? (int)Math.Ceiling(13 * epochs) : expected * accumulate;
        Assert.Equal(batches, trainer.Seen.Count);
        if (batches <= 13) Assert.Equal(batches, trainer.Seen.Distinct().Count());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(13)]
    [InlineData(14)]
    [InlineData(25)]
    public void Going_on_equals_never_having_stopped(long stopAt)
    {
        var options = new TrainingRunOptions { Epochs = 2.5, Accumulate = 1, LogEvery = 4, EvaluateEvery = 6, Schedule = ScheduleKind.Cosine, Warmup = 5 };
        using var whole = new StandInTrainer();
        using (var log = Log("whole.jsonl", null)) Run(whole, options, "whole").Run(log);

        using var stop = new CancellationTokenSource();
        using var first = new StandInTrainer { Stepped = step => { if (step == stopAt) stop.Cancel(); } };
        using (var log = Log("parts.jsonl", null))
        {
            var result = Run(first, options, "parts").Run(log, null, stop.Token);
            Assert.True(result.Stopped);
            Assert.Equal(stopAt, result.Step);
            Assert.EndsWith($"step-{stopAt:00000000}.safetensors", result.Checkpoint, StringComparison.Ordinal);
        }
        using var second = new StandInTrainer();
        var run = Run(second, options, "parts");
        Assert.True(run.Resume());
        using (var log = Log("parts.jsonl", run.State.Step)) Assert.False(run.Run(log).Stopped);

        Assert.Equal(whole.Seen, [.. first.Seen, .. second.Seen]);
        Assert.Equal(whole.Updates, second.Updates);
        for (var i = 0; i < whole.Tensors.Count; i++)
        {
            Assert.Equal(whole.Tensors[i].Values, second.Tensors[i].Values);
            Assert.Equal(whole.Tensors[i].FirstMoment, second.Tensors[i].FirstMoment);
            Assert.Equal(whole.Tensors[i].SecondMoment, second.Tensors[i].SecondMoment);
        }
        Assert.Equal(Steps("whole.jsonl"), Steps("parts.jsonl"));
        Assert.Single(Lines("parts.jsonl"), line => line["type"]!.GetValue<string>() is "resumed" && line["step"]!.GetValue<long>() == stopAt);
    }

    [Fact]
    public void The_log_says_how_it_goes()
    {
        using var trainer = new StandInTrainer();
        using (var log = Log("run.jsonl", null)) Run(trainer, new() { Steps = 25, LogEvery = 10, EvaluateEvery = 12 }).Run(log);
        var lines = Lines("run.jsonl");
        Assert.Equal("provenance", lines[0]["type"]!.GetValue<string>());
        Assert.Equal("train sft", lines[0]["command"]!.GetValue<string>());
        Assert.Equal([0, 10, 12, 20, 24, 25], lines.Skip(1).Select(line => line["step"]!.GetValue<long>()));
        Assert.Equal([true, false, true, false, true, true], lines.Skip(1).Select(line => line["held_out_loss"] is not null));
        foreach (var name in new[] { "epoch", "loss", "gradient_norm", "learning_rate", "tokens_per_second", "tokens" })
            Assert.All(lines.Skip(2), line => Assert.NotNull(line[name]));
        Assert.Equal(1.9231, lines[^1]["epoch"]!.GetValue<double>());
    }

    [Fact]
    public void Two_checkpoints_are_kept_and_nothing_half_written()
    {
        using var trainer = new StandInTrainer
        {
            Stepped = _ => Assert.InRange(Directory.Exists(_folder["kept"]) ? Directory.GetFiles(_folder["kept"]).Length : 0, 0, 2),
        };
        Run(trainer, new() { Steps = 9, CheckpointMinutes = 1e-12 }, "kept").Run();
        Assert.Equal(
            ["step-00000008.safetensors", "step-00000009.safetensors"], Directory.GetFiles(_folder["kept"]).Select(Path.GetFileName).Order());
    }

    [Theory]
    [InlineData(1e-12)]
    [InlineData(1e3)]
    public void A_loss_that_is_no_number_stops_and_keeps_what_was_done(double minutes)
    {
        using var trainer = new StandInTrainer { BrokenStep = 6 };
        var run = Run(trainer, new() { Steps = 9, CheckpointMinutes = minutes }, "kept");
        Fails.With(() => run.Run(), "The loss is NaN at step 6", "step-00000005.safetensors", "--lr");
        using var again = new StandInTrainer();
        var second = Run(again, new() { Steps = 9 }, "kept");
        Assert.True(second.Resume());
        Assert.Equal(5, second.State.Step);
        Assert.Equal(trainer.Tensors[0].Values, again.Tensors[0].Values);
    }

    [Fact]
    public void What_ends_a_run_does_not_cost_what_was_done()
    {
        using var trainer = new StandInTrainer { FailingStep = 7 };
        var run = Run(trainer, new() { Steps = 9, CheckpointMinutes = 1e3 }, "kept");
        Fails.With(() => run.Run(), "not enough memory");
        using var again = new StandInTrainer();
        var second = Run(again, new() { Steps = 9 }, "kept");
        Assert.True(second.Resume());
        Assert.Equal(6, second.State.Step);
    }

    [Theory]
    [InlineData(1e-12, "the last good checkpoint is ", "step-00000004.safetensors")]
    [InlineData(10, "no checkpoint was made yet", "--lr")]
    public void Weights_that_an_update_has_ruined_are_not_kept(double minutes, params string[] expected)
    {
        using var trainer = new StandInTrainer { RuiningStep = 5 };
        var run = Run(trainer, new() { Steps = 5, CheckpointMinutes = minutes, EvaluateEvery = 100 }, "kept");
        Fails.With(() => run.Run(), ["The loss is no number any more after step 5", .. expected]);
        Assert.False(File.Exists(_folder["kept/step-00000005.safetensors"]));
    }

    [Fact]
    public void A_stop_before_the_first_step_saves_nothing()
    {
        using var trainer = new StandInTrainer();
        var result = Run(trainer, new() { Steps = 9 }, "none").Run(stop: new CancellationToken(canceled: true));
        Assert.True(result.Stopped);
        Assert.Null(result.Checkpoint);
        Assert.False(Directory.Exists(_folder["none"]));
    }

    [Fact]
    public void A_finished_run_goes_on_to_its_end_without_a_step()
    {
        using var trainer = new StandInTrainer();
        Run(trainer, new() { Steps = 9 }, "done").Run();
        using var again = new StandInTrainer();
        var run = Run(again, new() { Steps = 9 }, "done");
        Assert.True(run.Resume());
        Assert.False(run.Run().Stopped);
        Assert.Empty(again.Seen);
        Assert.Equal(trainer.Tensors[1].Values, again.Tensors[1].Values);
    }

    [Fact]
    public void A_folder_with_checkpoints_is_not_written_over()
    {
        using var trainer = new StandInTrainer();
        Run(trainer, new() { Steps = 2 }, "old").Run();
        Fails.With(() => CheckpointFolder.Open(_folder["old"], resume: false), "step-00000002.safetensors", "--resume");
        var folder = CheckpointFolder.Open(_folder["old"], resume: true);
        folder.Clear();
        Assert.False(Directory.Exists(_folder["old"]));
    }

    [Fact]
    public void A_log_of_something_else_is_left_alone()
    {
        _folder.Write("other.jsonl", "{\"type\":\"provenance\",\"command\":\"generate\"}\n");
        Fails.With(() => Log("other.jsonl", 3), "other.jsonl:1:", "no log of a training run");
        Assert.Equal("{\"type\":\"provenance\",\"command\":\"generate\"}\n", File.ReadAllText(_folder["other.jsonl"]));
    }

    [Fact]
    public void Held_out_sequences_are_not_trained_on()
    {
        TrainingSequence[] sequences = [.. Enumerable.Range(0, 50).Select(Sequence)];
        var (trained, heldOut) = HeldOutData.Split(sequences, 0.1, 3);
        Assert.Equal(5, heldOut.Count);
        Assert.Equal(sequences.ToHashSet(), trained.Concat(heldOut).ToHashSet());
        Assert.Equal(heldOut, HeldOutData.Split(sequences, 0.1, 3).HeldOut);
        Assert.Empty(HeldOutData.Split(sequences, 0, 3).HeldOut);
        Fails.With(() => HeldOutData.Split(sequences[..1], 0.1, 3), "too few");
    }

    private TrainingRun Run(StandInTrainer trainer, TrainingRunOptions options, string? checkpoints = null)
    {
        TrainingSequence[] sequences = [.. Enumerable.Range(0, 52).Select(Sequence)]; // two in a row, two rows in a batch: 13 batches
        var folder = checkpoints is null ? null : CheckpointFolder.Open(_folder[checkpoints], resume: true);
        return new TrainingRun(trainer, new BatchPacker(sequences, 2, 16, options.Seed), options)
        {
            Identity = s_identity,
            Checkpoints = folder,
            HeldOut = new BatchPacker([Sequence(100)], 2, 16, 0, shuffle: false),
        };
    }

    private TrainingLog Log(string name, long? resumedAt) =>
        TrainingLog.Open(_folder[name], new JsonObject { ["command"] = "train sft" }, resumedAt);

    private JsonObject[] Lines(string name) => [.. File.ReadAllLines(_folder[name]).Select(line => JsonNode.Parse(line)!.AsObject())];

    // All but the speed, which no two runs share.
    private string[] Steps(string name) =>
    [
        .. Lines(name).Where(line => line["type"]!.GetValue<string>() is "step").Select(line =>
        {
            line.Remove("tokens_per_second");
            return line.ToJsonString();
        }),
    ];

    private static TrainingSequence Sequence(int id) => new([.. Enumerable.Range(id, 8)], [0, .. Enumerable.Repeat(1f, 7)]);
}
