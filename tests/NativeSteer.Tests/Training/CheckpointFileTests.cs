using System.Text.Json.Nodes;
using NativeSteer.Files;
using NativeSteer.Tests.Files;
using NativeSteer.Training;
using Xunit;

namespace NativeSteer.Tests.Training;

public sealed class CheckpointFileTests : IDisposable
{
    private static readonly RunIdentity s_identity = new("model", "data", new JsonObject { ["rows"] = 2, ["learning_rate"] = 0.01f, ["steps"] = null });

    private static readonly RunState s_state = new()
        { Step = 12, Epoch = 3, Batch = 5, Tokens = 1234567890123, LossSum = 0.1 + 0.2, LossTargets = 77, HeldOut = double.NaN };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_comes_back_bit_for_bit()
    {
        using var trainer = Trained(20);
        CheckpointFile.Write(_folder["c"], trainer, s_state, s_identity);
        using var other = new StandInTrainer();
        Assert.Equal(s_state, CheckpointFile.Restore(_folder["c"], other, s_identity));
        Assert.Equal(20, other.Updates);
        foreach (var (left, right) in trainer.Tensors.Zip(other.Tensors))
        {
            Assert.Equal(left.Values, right.Values);
            Assert.Equal(left.FirstMoment, right.FirstMoment);
            Assert.Equal(left.SecondMoment, right.SecondMoment);
        }
        using var file = SafetensorsFile.Open(_folder["c"]);
        Assert.Equal([3L, 4], file.Find("blk.0.attn_q.weight.value")!.Shape); // slowest first, as safetensors has it
    }

    [Theory]
    [InlineData("model", "another model")]
    [InlineData("data", "other data")]
    [InlineData("rows", "with rows 2, this one has 3")]
    [InlineData("steps", "with steps nothing, this one has 5")]
    [InlineData("more", "with more nothing, this one has 1")]
    public void A_checkpoint_of_another_run_is_refused_with_the_difference(string what, string expected)
    {
        using var trainer = Trained(3);
        CheckpointFile.Write(_folder["c"], trainer, s_state, s_identity);
        var settings = (JsonObject)s_identity.Settings.DeepClone();
        if (what is "rows") settings["rows"] = 3;
        if (what is "steps") settings["steps"] = 5;
        if (what is "more") settings["more"] = 1;
        var other = new RunIdentity(what is "model" ? "other" : "model", what is "data" ? "other" : "data", settings);
        var before = trainer.Tensors[0].Values;
        Fails.With(() => CheckpointFile.Restore(_folder["c"], trainer, other), expected, _folder["c"]);
        Assert.Equal(before, trainer.Tensors[0].Values);
    }

    [Fact]
    public void A_run_may_go_on_at_another_learning_rate_and_says_so()
    {
        using var trainer = Trained(3);
        CheckpointFile.Write(_folder["c"], trainer, s_state, s_identity);
        Assert.Empty(CheckpointFile.Changes(_folder["c"], s_identity));
        var settings = (JsonObject)s_identity.Settings.DeepClone();
        settings["learning_rate"] = 0.005f;
        var slower = s_identity with { Settings = settings };
        Assert.Equal(["learning_rate 0.005 instead of 0.01"], CheckpointFile.Changes(_folder["c"], slower));
        Assert.Equal(s_state, CheckpointFile.Restore(_folder["c"], trainer, slower));
    }

    [Fact]
    public void A_checkpoint_of_other_trained_parts_is_refused_and_changes_nothing()
    {
        using var trainer = Trained(3);
        CheckpointFile.Write(_folder["c"], trainer, s_state, s_identity);
        using var fewer = new Parts("blk.0.attn_q.weight", 4, 3);
        Fails.With(() => CheckpointFile.Restore(_folder["c"], fewer, s_identity), "blk.0.vector.value is in it and not trained now");
        using var others = new Parts("blk.1.vector", 4);
        Fails.With(() => CheckpointFile.Restore(_folder["c"], others, s_identity), "blk.1.vector is not in it");
        using var wider = new Parts("blk.0.vector", 8);
        Fails.With(() => CheckpointFile.Restore(_folder["c"], wider, s_identity), "has the shape [4] in it, not [8]");
        Assert.Equal(new StandInTrainer.Part("", 8).Values, wider.Tensors[0].Values);
    }

    [Fact]
    public void What_is_no_checkpoint_is_said()
    {
        using var trainer = new StandInTrainer();
        using (var writer = SafetensorsWriter.Create(_folder["plain"], [])) writer.Complete();
        Fails.With(() => CheckpointFile.Restore(_folder["plain"], trainer, s_identity), "is no checkpoint of a training run");
        Fails.With(() => CheckpointFile.Restore(_folder.Write("text", "hello"), trainer, s_identity), "safetensors", "--resume goes on from the one before");
        Dictionary<string, string> metadata = new() { ["nativesteer.checkpoint"] = "2" };
        using (var writer = SafetensorsWriter.Create(_folder["newer"], [], metadata)) writer.Complete();
        Fails.With(() => CheckpointFile.Restore(_folder["newer"], trainer, s_identity), "format 2", "update NativeSteer");
        metadata = new() { ["nativesteer.checkpoint"] = "1", ["model_hash"] = "model", ["settings"] = "[" };
        using (var writer = SafetensorsWriter.Create(_folder["broken"], [], metadata)) writer.Complete();
        Fails.With(() => CheckpointFile.Restore(_folder["broken"], trainer, s_identity), "damaged checkpoint (its settings)", "the one before");
    }

    [Fact]
    public void A_failed_write_leaves_the_last_checkpoint()
    {
        using var trainer = Trained(3);
        CheckpointFile.Write(_folder["c"], trainer, s_state, s_identity);
        var before = File.ReadAllBytes(_folder["c"]);
        using var broken = new Parts("blk.0.vector", 4) { Broken = true };
        Assert.Throws<InvalidOperationException>(() => CheckpointFile.Write(_folder["c"], broken, s_state, s_identity));
        Assert.Equal(before, File.ReadAllBytes(_folder["c"]));
        Assert.Equal(["c"], _folder.Names);
        Fails.With(() => CheckpointFile.Write("/dev/full", trainer, s_state, s_identity), "the disk is full");
    }

    private static StandInTrainer Trained(int updates)
    {
        var trainer = new StandInTrainer();
        var packer = new BatchPacker([new([1, 2, 3], [0, 1, 1])], 1, 8, 1);
        for (var i = 0; i < updates; i++) trainer.Step([packer.Batch(0, 0)], 0.01f);
        return trainer;
    }

    private sealed class Parts(string name, params long[] shape) : ITrainable
    {
        private readonly StandInTrainer.Part _part = new(name, shape);

        internal bool Broken { get; init; }

        public IReadOnlyList<ITrainableTensor> Tensors => [new Tensor(_part, Broken)];

        public long Updates { get; set; }

        public StepResult Step(IReadOnlyList<TrainingBatch> batches, float learningRate) => default;

        public float[] LogProbabilities(TrainingBatch batch) => [];

        public void Dispose() { }

        private sealed class Tensor(StandInTrainer.Part part, bool broken) : ITrainableTensor
        {
            public string Name => part.Name;

            public IReadOnlyList<long> Shape => part.Shape;

            public float[] Values { get => part.Values; set => part.Values = value; }

            public float[] FirstMoment { get => broken ? throw new InvalidOperationException() : part.FirstMoment; set => part.FirstMoment = value; }

            public float[] SecondMoment { get => part.SecondMoment; set => part.SecondMoment = value; }
        }
    }
}
