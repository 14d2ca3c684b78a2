using System.Text.Json;
using NativeSteer.Engine;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Training;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Training;

/// <summary>From files to files, with the trainer itself.</summary>
public sealed class FineTuningTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public FineTuningTests() => _folder.Write("data.jsonl", string.Join('\n', Enumerable.Range(0, 24).Select(i =>
        JsonSerializer.Serialize(new { prompt = "so the ", completion = $"wait {i % 3} hmm", mask = new[] { new[] { 0, 2 } } }))));

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("all", "token_embd.weight")]
    [InlineData("norms", "output_norm.weight")]
    [InlineData("vectors", "blk.2.ffn_down.bias")]
    [InlineData("token-rows=e,t", "token_embd.weight")]
    [InlineData("norms,vectors", "blk.0.attn_norm.weight")]
    public void Training_lowers_the_loss_and_the_exported_model_has_it(string parts, string changed)
    {
        var options = Options(parts);
        using var tuning = FineTuning.Prepare(options);
        var losses = new List<double>();
        var result = tuning.Run(new Collected(losses));
        Assert.Equal(12, result.Step);
        Assert.True(losses[^1] < losses[0], $"{losses[0]} to {losses[^1]}");
        tuning.WriteModel(_folder["out.gguf"]);
        using var before = GgufFile.Open(TinyModel.Path);
        using var after = GgufFile.Open(_folder["out.gguf"]);
        Assert.NotEqual(before.FindTensor(changed) is null ? [] : before.ReadTensor(changed), after.ReadTensor(changed));

        Assert.InRange(LossOf(_folder["out.gguf"]), 0, LossOf(TinyModel.Path) - 0.01);
    }

    [Fact]
    public void Going_on_equals_never_having_stopped_bit_for_bit()
    {
        var options = Options("all") with { Trainer = new() { Threads = 2, Compute = ComputeType.BF16 } };
        using var whole = FineTuning.Prepare(options);
        whole.Run();
        whole.WriteModel(_folder["model.gguf"], ExportType.F32); // one name: a model is called as its file
        var expected = File.ReadAllBytes(_folder["model.gguf"]);

        var parts = options with { Checkpoints = _folder["parts"], Resume = true };
        using (var stop = new CancellationTokenSource())
        using (var first = FineTuning.Prepare(parts))
        {
            var result = first.Run(new StopAt(5, stop), stop.Token);
            Assert.True(result.Stopped);
            Assert.Equal(5, result.Step);
        }
        using var second = FineTuning.Prepare(parts);
        Assert.Equal(5, second.StepsDone);
        Assert.False(second.Run().Stopped);
        second.WriteModel(_folder["model.gguf"], ExportType.F32);
        Assert.Equal(expected, File.ReadAllBytes(_folder["model.gguf"]));
        second.ClearCheckpoints();
        Assert.False(Directory.Exists(_folder["parts"]));
    }

    [Theory]
    [InlineData("rows")]
    [InlineData("train")]
    [InlineData("model")]
    [InlineData("data")]
    [InlineData("temperature")]
    public void A_checkpoint_of_another_run_is_refused_before_the_model_is_loaded(string what)
    {
        var options = Options("norms") with { Checkpoints = _folder["kept"] };
        using (var first = FineTuning.Prepare(options)) first.Run();
        var other = options with { Resume = true };
        if (what is "rows") other = other with { Run = other.Run with { Rows = 3 } };
        if (what is "train") other = other with { Parts = TrainingParts.Parse("all") };
        if (what is "model") other = other with { Model = TinyModel.Write(_folder["other.gguf"], seed: 2) };
        if (what is "data") other = other with { Data = _folder.Write("other.jsonl", "{\"text\":\"so the wait\"}") };
        if (what is "temperature") other = other with { Trainer = other.Trainer with { Temperature = 2 } };
        var expected = what switch { "temperature" => "temperature nothing, this one has 2", "rows" => "with rows 2, this one has 3", "train" => "train \"norms\"", "model" => "another model", _ => "other data" };
        Fails.With(() => FineTuning.Prepare(other, (_, _) => throw new InvalidOperationException("loaded"), default), expected);
        Fails.With(() => FineTuning.Prepare(options), "--resume");
    }

    [Fact]
    public void Every_option_of_the_trainer_but_the_threads_is_in_the_settings()
    {
        var plain = new TrainerOptions();
        foreach (var property in typeof(TrainerOptions).GetProperties().Where(property => property.CanWrite))
        {
            var other = plain with { };
            property.SetValue(other, property.GetValue(plain) switch
            {
                bool value => !value,
                int value => value + 1,
                float value => value + 0.25f,
                ComputeType => ComputeType.F32,
                TransposedType => TransposedType.Q8_0,
                var value => throw new InvalidOperationException($"{property.Name} is {value}; this test knows no other value."),
            });
            var (before, after) = (Options("norms") with { Trainer = plain }, Options("norms") with { Trainer = other });
            Assert.Equal(property.Name is nameof(TrainerOptions.Threads), before.ToJson().ToJsonString() == after.ToJson().ToJsonString());
        }
    }

    [Fact]
    public void Vectors_are_a_control_vector_that_says_where_it_comes_from()
    {
        using var tuning = FineTuning.Prepare(Options("vectors") with { Layers = "0,2-3" });
        tuning.Run();
        var vector = tuning.Vector();
        Assert.Equal([0, 2, 3], vector.Layers);
        Assert.All(vector.Layers, layer => Assert.InRange(vector.Norm(layer), 1e-3, 100));
        Assert.Equal("data", vector.Provenance[Provenance.Label]);
        Assert.StartsWith("sha256:", vector.Provenance[Provenance.DataHash], StringComparison.Ordinal);
        Assert.Equal("12", vector.Provenance["steps"]);
        ControlVectorFile.Write(_folder["v.gguf"], vector);
        Assert.Equal(vector, ControlVectorFile.Read(_folder["v.gguf"]));
    }

    [Fact]
    public void A_new_token_is_learned_and_spelled()
    {
        _folder.Write("new.jsonl", string.Join('\n', Enumerable.Repeat("{\"prompt\":\"so\",\"completion\":\"<backtrack>\"}", 16)));
        var options = Options("norms") with { Data = _folder["new.jsonl"], NewTokens = ["<backtrack>"] };
        options = options with { Run = options.Run with { LearningRate = 0.05f, Steps = 20 } };
        using var tuning = FineTuning.Prepare(options);
        tuning.Run();
        tuning.WriteModel(_folder["out.gguf"]);
        using var model = LanguageModel.Load(_folder["out.gguf"]);
        using var context = model.CreateContext(new() { ContextLength = 64 });
        var batch = new TokenBatch();
        var prompt = model.Vocabulary.TokenizePrompt("so");
        for (var i = 0; i < prompt.Length; i++) batch.Add(prompt[i], i, 0, output: i == prompt.Length - 1);
        context.Decode(batch);
        var logits = context.Logits(prompt.Length - 1).ToArray();
        Assert.Equal(logits.Length - 1, Array.IndexOf(logits, logits.Max()));
    }

    [Fact]
    public void What_was_masked_does_not_move_the_loss()
    {
        // What comes after the last trained token is read by nothing that counts, so its text does not matter, nor its length.
        _folder.Write("a.jsonl", "{\"text\":\"xxxxxyzy\",\"mask\":[[0,2],[5,8]]}");
        _folder.Write("b.jsonl", "{\"text\":\"xxxxxqqqqq\",\"mask\":[[0,2],[5,10]]}");
        _folder.Write("c.jsonl", "{\"text\":\"xxxxxyzy\",\"mask\":[[0,2]]}");
        _folder.Write("d.jsonl", "{\"text\":\"yzxxxyzy\",\"mask\":[[0,2],[5,8]]}");
        var options = Options("norms");
        double Loss(string data)
        {
            var losses = new List<double>();
            using var tuning = FineTuning.Prepare(options with { Data = _folder[data], Run = options.Run with { Steps = 1, Rows = 1 } });
            tuning.Run(new Collected(losses));
            return losses[0];
        }
        Assert.Equal(Loss("a.jsonl"), Loss("b.jsonl"), 1e-6);
        Assert.NotEqual(Loss("a.jsonl"), Loss("c.jsonl"), 1e-4); // unmasked it matters
        Assert.NotEqual(Loss("a.jsonl"), Loss("d.jsonl"), 1e-4); // and before what is trained it is read
    }

    [Fact]
    public void What_cannot_be_is_said_before_the_model_is_loaded()
    {
        var options = Options("all");
        void Refused(FineTuningOptions given, params string[] parts) =>
            Fails.With(() => FineTuning.Prepare(given, (_, _) => throw new InvalidOperationException("loaded"), default), parts);

        Refused(options with { Model = _folder["none.gguf"] }, "none.gguf does not exist");
        Refused(options with { Model = Path.Combine(VocabularyFiles.Folder, "ggml-vocab-llama-spm.gguf") }, "holds a vocabulary and no weights");
        Refused(options with { Data = _folder["none.jsonl"] }, "none.jsonl does not exist");
        Refused(options with { Data = _folder.Write("empty.jsonl", "") }, "holds no lines");
        Refused(options with { HeldOutData = _folder.Write("bad.jsonl", "{}") }, "bad.jsonl:1:");
        Refused(options with { Parts = TrainingParts.Parse("token-rows=<none>") }, "no token '<none>'", "--new-token");
        Refused(options with { Parts = TrainingParts.Parse("vectors"), Layers = "9" }, "Layer 9 was asked for");
        Refused(options with { Run = options.Run with { Length = 4096 } }, "--length is 4096", "context has 512");
        Refused(options with { Run = options.Run with { Length = 4 } }, "data.jsonl:1:", "--length");
        Refused(options with { Run = options.Run with { LearningRate = 0 } }, "--lr is 0");
        Refused(options with { Outputs = [_folder["none/out.gguf"]] }, "its folder does not exist");
        Refused(options with { Outputs = [Path.Combine(_folder.Path, ".", "data.jsonl")] }, "is what is trained from");
        Refused(options with { Run = options.Run with { Rows = 1 << 16 } }, "Training would take about", "GiB");
        var qwen = TinyQwen2.Write(_folder["qwen.gguf"]);
        Refused(options with { Model = qwen, Parts = TrainingParts.Parse("vectors"), Bakes = true }, "no bias of ffn_down");
        Assert.DoesNotContain(_folder.Names, name => name.StartsWith(".nativesteer", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("all", true, false, false, "")]
    [InlineData("norms,vectors", false, true, true, "")]
    [InlineData("token-rows=<a>,<b>,all", true, false, false, "<a>,<b>")]
    [InlineData("token-rows=<a>,token-rows=b", false, false, false, "<a>,b")]
    public void Parts_are_read(string text, bool all, bool norms, bool vectors, string rows)
    {
        var parts = TrainingParts.Parse(text);
        Assert.Equal((all, norms, vectors, rows), (parts.All, parts.Norms, parts.Vectors, string.Join(',', parts.TokenRows)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("weights")]
    [InlineData("token-rows=")]
    [InlineData("norms,,all")]
    public void Parts_that_mean_nothing_are_refused(string text) => Fails.With(() => TrainingParts.Parse(text), "--train is");

    // The loss on the data before any step.
    private double LossOf(string model)
    {
        var options = Options("norms");
        options = options with { Model = model, HeldOutData = options.Data, Log = _folder["loss.jsonl"], Run = options.Run with { Steps = 1 } };
        using var tuning = FineTuning.Prepare(options);
        tuning.Run();
        return JsonDocument.Parse(File.ReadLines(_folder["loss.jsonl"]).ElementAt(1)).RootElement.GetProperty("held_out_loss").GetDouble();
    }

    private FineTuningOptions Options(string parts) => new()
    {
        Model = TinyModel.Path,
        Data = _folder["data.jsonl"],
        Parts = TrainingParts.Parse(parts),
        Trainer = new() { Threads = 2, Compute = ComputeType.F32 },
        Run = new() { Rows = 2, Length = 64, Steps = 12, LearningRate = 0.01f },
    };

    private sealed class Collected(List<double> losses) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => losses.Add(value.Loss);
    }

    private sealed class StopAt(long step, CancellationTokenSource stop) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            if (value.Step == step) stop.Cancel();
        }
    }
}
