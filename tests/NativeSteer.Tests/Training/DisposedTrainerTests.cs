using NativeSteer.Tensors;
using NativeSteer.Tests.Support;
using NativeSteer.Training;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Training;

/// <summary>Use of a trainer and of its tensors after Dispose throws; it never touches freed memory.</summary>
public sealed class DisposedTrainerTests
{
    [Fact]
    public void A_disposed_trainer_throws_at_every_call()
    {
        var trainer = Trainer.Load(TinyModel.Path, new() { VectorLayers = [1] }, new() { Threads = 1 });
        var batch = Batches.Random(trainer.Shape.Vocabulary, 8, [[8]]);
        var tensor = trainer.Tensors[0];
        var values = tensor.Values;
        trainer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => trainer.Step([batch], 0.1f));
        Assert.Throws<ObjectDisposedException>(() => trainer.Gradient([batch]));
        Assert.Throws<ObjectDisposedException>(() => trainer.LogProbabilities(batch));
        Assert.Throws<ObjectDisposedException>(() => trainer.Logits(batch));
        Assert.Throws<ObjectDisposedException>(() => trainer.Bytes);
        Assert.Throws<ObjectDisposedException>(() => tensor.Values);
        Assert.Throws<ObjectDisposedException>(() => tensor.Values = values);
        Assert.Throws<ObjectDisposedException>(() => tensor.Gradient);
        Assert.Throws<ObjectDisposedException>(() => tensor.FirstMoment);
        Assert.Throws<ObjectDisposedException>(() => tensor.SecondMoment = values);
        trainer.Dispose();
    }

    [Fact]
    public void A_disposed_autodiff_trainer_throws()
    {
        var model = TinyModel.Write(Path.Combine(Directory.CreateTempSubdirectory("nativesteer-tests-").FullName, "m.gguf"), layers: 1, keyValueHeads: 2);
        var batch = ChainBatch.Make(TinyModel.VocabularySize, 1, 8);
        var trainer = AutodiffTrainer.Load(model, new() { VectorLayers = [0] }, batch, new() { Threads = 1 });
        trainer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => trainer.Step(batch, 0.1f));
        trainer.Dispose();
        Directory.Delete(Path.GetDirectoryName(model)!, recursive: true);
    }

    [Fact]
    public void Tensors_go_with_their_store_or_graph_and_these_keep_what_they_need()
    {
        var device = new ComputeDevice(1);
        var allocator = new TensorAllocator(device);
        var store = new TensorStore(device, 1);
        var stored = store.New(GgmlType.F32, "stored", 4);
        store.Allocate();
        stored.Write<float>([1, 2, 3, 4]);
        var graph = new TensorGraph(device, allocator, 8);
        var sum = graph.Add(stored, stored);
        graph.ScheduleOutput(sum);
        graph.Compute();
        device.Dispose();
        allocator.Dispose();
        Assert.Equal([2f, 4, 6, 8], sum.ToArray()); // the results' memory is the graph's too
        graph.Compute();
        store.Dispose();
        Assert.Throws<ObjectDisposedException>(stored.ToArray);
        Assert.Throws<ObjectDisposedException>(() => stored.Write<float>([1]));
        Assert.Throws<ObjectDisposedException>(() => graph.Add(sum, stored));
        Assert.Throws<ObjectDisposedException>(() => store.New(GgmlType.F32, "more", 4));
        Assert.Throws<ObjectDisposedException>(store.Allocate);
        graph.Dispose();
        Assert.Throws<ObjectDisposedException>(sum.ToArray);
        Assert.Throws<ObjectDisposedException>(() => graph.Input(GgmlType.F32, 4));
        Assert.Throws<ObjectDisposedException>(graph.Allocate);
        Assert.Throws<ObjectDisposedException>(graph.Compute);
        Assert.Throws<ObjectDisposedException>(() => allocator.Bytes); // the graph was the last to need it
        Assert.Throws<ObjectDisposedException>(() => new TensorAllocator(device));
    }
}
