using NativeSteer.Countdown;
using NativeSteer.Engine;
using NativeSteer.Hooks;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Training;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Training;

/// <summary>What is written is what was trained, all else is what it was, and llama.cpp runs it.</summary>
public sealed class ModelExportTests : IDisposable
{
    // Without 16-bit numbers on the way: they would turn the last bit of a sum into the fourth digit of a logit.
    private static readonly ContextOptions s_exact = new() { ContextLength = 64, FlashAttention = false, CacheType = CacheType.F32 };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(ExportType.Keep)]
    [InlineData(ExportType.F32)]
    public void An_untouched_model_keeps_every_tensor_and_key_but_its_name(ExportType type)
    {
        new ModelExport(TinyModel.Path, []) { Type = type }.Write(_folder["out.gguf"]);
        SameBut(TinyModel.Path, _folder["out.gguf"]);
        using var source = GgufFile.Open(TinyModel.Path);
        using var written = GgufFile.Open(_folder["out.gguf"]);
        foreach (var entry in source.Entries.Where(entry => entry.Key is not "general.name"))
            Assert.Equal(source.ReadEntryBytes(entry), written.ReadEntryBytes(written.Find(entry.Key)!));
        Assert.Equal("out", written.GetString("general.name"));
        if (type == ExportType.F32) Assert.Equal(0, written.GetInteger("general.file_type"));
    }

    [Fact]
    public void A_model_without_a_name_gets_its_files()
    {
        using (var source = GgufFile.Open(TinyModel.Path))
        {
            var writer = new GgufWriter();
            foreach (var entry in source.Entries.Where(entry => entry.Key is not "general.name")) writer.CopyEntry(source, entry);
            foreach (var tensor in source.Tensors) writer.CopyTensor(source, tensor);
            writer.Write(_folder["nameless.gguf"]);
        }
        new ModelExport(_folder["nameless.gguf"], []).Write(_folder["tuned.v2.gguf"]);
        using var written = GgufFile.Open(_folder["tuned.v2.gguf"]);
        Assert.Equal("tuned.v2", written.GetString("general.name"));
    }

    [Theory]
    [InlineData(ExportType.F16, GgmlType.F16)]
    [InlineData(ExportType.Q8_0, GgmlType.Q8_0)]
    public void A_type_converts_matrices_and_leaves_the_rest(ExportType type, GgmlType expected)
    {
        new ModelExport(TinyModel.Path, []) { Type = type }.Write(_folder["out.gguf"]);
        using var source = GgufFile.Open(TinyModel.Path);
        using var written = GgufFile.Open(_folder["out.gguf"]);
        foreach (var tensor in source.Tensors)
        {
            var found = written.FindTensor(tensor.Name)!;
            Assert.Equal(tensor.Shape.Count == 1 ? GgmlType.F32 : expected, found.Type);
            if (type == ExportType.F16) Close(source.ReadTensor(tensor.Name), written.ReadTensor(tensor.Name), 1e-3f);
        }
        Close(Logits(TinyModel.Path), Logits(_folder["out.gguf"]), type == ExportType.F16 ? 0.05f : 0.5f);
    }

    [StoriesFact]
    public void Rows_that_are_no_multiple_of_32_become_F16()
    {
        new ModelExport(SharedFolder.Stories260K!, []) { Type = ExportType.Q8_0 }.Write(_folder["out.gguf"]);
        using var written = GgufFile.Open(_folder["out.gguf"]);
        Assert.Equal(GgmlType.F16, written.FindTensor("blk.0.ffn_down.weight")!.Type);
        Assert.Equal(GgmlType.Q8_0, written.FindTensor("blk.0.ffn_up.weight")!.Type);
        Close(Logits(SharedFolder.Stories260K!), Logits(_folder["out.gguf"]), 0.5f);
    }

    [Theory]
    [InlineData(GgmlType.F32, GgmlType.F32)]
    [InlineData(GgmlType.F16, GgmlType.F16)]
    [InlineData(GgmlType.BF16, GgmlType.BF16)]
    [InlineData(GgmlType.Q8_0, GgmlType.Q8_0)]
    [InlineData(GgmlType.Q4_0, GgmlType.F16)]
    public void A_trained_matrix_keeps_its_type_where_that_holds_small_changes(GgmlType stored, GgmlType expected)
    {
        const string name = "blk.1.ffn_up.weight";
        var model = Retyped(stored, name, "blk.2.ffn_up.weight");
        float[] values = [.. Enumerable.Range(0, 64 * 96).Select(i => MathF.Sin(i))];
        new ModelExport(model, [new(name, [64, 96], () => values)]).Write(_folder["out.gguf"]);
        SameBut(model, _folder["out.gguf"], name);
        using var written = GgufFile.Open(_folder["out.gguf"]);
        Assert.Equal(expected, written.FindTensor(name)!.Type);
        Assert.Equal(GgmlRows.Encode(expected, values, 64), written.ReadTensorBytes(name));
        Assert.Equal(stored, written.FindTensor("blk.2.ffn_up.weight")!.Type);
        Logits(_folder["out.gguf"]);
    }

    [Theory]
    [InlineData(ExportType.F32, GgmlType.F32, 0)]
    [InlineData(ExportType.F16, GgmlType.F16, 1)]
    [InlineData(ExportType.Q8_0, GgmlType.Q8_0, 7)]
    public void A_type_is_that_of_every_matrix_and_of_the_file(ExportType type, GgmlType expected, int fileType)
    {
        using var source = GgufFile.Open(TinyModel.Path);
        var quantised = Retyped(GgmlType.Q4_0, [.. source.Tensors.Where(tensor => tensor.Shape.Count > 1).Select(tensor => tensor.Name)]);
        var vector = Models.RandomVector(new ModelShape("llama", TinyModel.Layers, TinyModel.Width), 6, 1);
        new ModelExport(quantised, Trained(vector)) { Type = type }.Write(_folder["out.gguf"]);
        using var written = GgufFile.Open(_folder["out.gguf"]);
        Assert.All(written.Tensors.Where(tensor => tensor.Shape.Count > 1), tensor => Assert.Equal(expected, tensor.Type));
        Assert.Equal(fileType, written.GetInteger("general.file_type"));
        using var before = GgufFile.Open(quantised);
        float[] Values(GgufFile file) => WeightConversion.Floats(file, file.FindTensor("blk.1.ffn_up.weight")!);
        Close(Values(before), Values(written), type switch { ExportType.F32 => 0, ExportType.F16 => 1e-3f, _ => 0.01f });
        Close(source.ReadTensor("blk.1.ffn_up.weight"), Values(written), 0.1f);
        Logits(_folder["out.gguf"]);
    }

    [Fact]
    public void Kept_types_keep_the_files_and_others_renew_it()
    {
        using var tiny = GgufFile.Open(TinyModel.Path);
        string[] matrices = [.. tiny.Tensors.Where(tensor => tensor.Shape.Count > 1).Select(tensor => tensor.Name)];
        var quantised = Retyped(GgmlType.Q4_0, 2, matrices);
        new ModelExport(quantised, [new("output_norm.weight", [64], () => Random(1, 64))]).Write(_folder["norm.gguf"]);
        using (var written = GgufFile.Open(_folder["norm.gguf"])) Assert.Equal(2, written.GetInteger("general.file_type"));

        // All weights: those that 4 bits would not hold become F16.
        var trained = matrices.Select(name => new TrainedWeight(name, tiny.FindTensor(name)!.Shape, () => tiny.ReadTensor(name)));
        new ModelExport(quantised, trained).Write(_folder["all.gguf"]);
        using var all = GgufFile.Open(_folder["all.gguf"]);
        Assert.All(all.Tensors.Where(tensor => tensor.Shape.Count > 1), tensor => Assert.Equal(GgmlType.F16, tensor.Type));
        Assert.Equal(1, all.GetInteger("general.file_type"));
    }

    [Fact]
    public void A_token_that_the_vocabulary_ends_before_is_refused()
    {
        TrainedWeight[] trained = [new("token_embd.rows", [64, 1], () => new float[64])];
        var export = new ModelExport(TinyModel.Path, trained) { NewTokens = ["<x>"], TokenRows = [TinyModel.VocabularySize + 1] };
        Assert.Contains("was trained, the vocabulary has", Assert.Throws<InvalidOperationException>(() => export.Write(_folder["out.gguf"])).Message, StringComparison.Ordinal);
    }

    [Theory, ModelData("tiny"), ModelData("stories260K")]
    public void Baked_vectors_act_as_the_hook_does_at_every_layer(string name)
    {
        var path = name is "tiny" ? TinyModel.Path : SharedFolder.Stories260K!;
        using var model = LanguageModel.Load(path);
        var vector = Models.RandomVector(model.Shape, 5, [.. Enumerable.Range(0, model.Shape.Layers)]);
        new ModelExport(path, Trained(vector)).Write(_folder["baked.gguf"]);

        using var context = model.CreateContext(s_exact);
        using var hook = new ResidualHook(context);
        var batch = Models.Sequence(model, 12);
        var plans = new SequencePlans();
        plans.Set(0, SteeringPlan.Add(vector, 1));
        using (hook.Apply(plans)) context.Decode(batch);
        Close(context.Logits(11).ToArray(), Logits(_folder["baked.gguf"]), 1e-4f);
        SameBut(path, _folder["baked.gguf"], [.. vector.Layers.Select(layer => $"blk.{layer}.ffn_down.bias")]);
    }

    [Fact]
    public void A_bias_that_is_there_is_added_to()
    {
        var vector = Models.RandomVector(new ModelShape("llama", TinyModel.Layers, TinyModel.Width), 6, 1);
        new ModelExport(TinyModel.Path, Trained(vector)).Write(_folder["once.gguf"]);
        new ModelExport(_folder["once.gguf"], Trained(vector)).Write(_folder["once.gguf"]); // over its own source
        using var written = GgufFile.Open(_folder["once.gguf"]);
        Assert.Equal(vector.Direction(1).ToArray().Select(value => value + value), written.ReadTensor("blk.1.ffn_down.bias"));
        Assert.Single(written.Tensors, tensor => tensor.Name.EndsWith("ffn_down.bias", StringComparison.Ordinal));
    }

    [Fact]
    public void Vectors_are_not_baked_where_llama_cpp_would_not_read_them()
    {
        var qwen = TinyQwen2.Write(_folder["qwen.gguf"]);
        var vector = Models.RandomVector(new ModelShape("qwen2", 2, 32), 6, 1);
        Fails.With(() => new ModelExport(qwen, Trained(vector)).Write(_folder["out.gguf"]), "qwen2 model", "no bias of ffn_down", "control vector");
        Assert.False(File.Exists(_folder["out.gguf"]));
    }

    [Theory]
    [InlineData("tiny")]
    [InlineData("qwen2")]
    [InlineData("stories260K")]
    [InlineData("countdown")]
    public void A_grown_vocabulary_reads_what_training_read(string name)
    {
        if (Source(name) is not { } path) return;
        string[] added = ["<step-back>", "<|new|>"];
        using var model = LanguageModel.Load(path);
        var (size, width) = (model.Vocabulary.Size, model.Shape.Width);
        var tied = model.File.FindTensor("output.weight") is null;
        var rows = Random(1, 3 * width);
        List<TrainedWeight> trained = [new("token_embd.rows", [width, 3], () => rows)];
        if (!tied) trained.Add(new("output.rows", [width, 3], () => rows));
        new ModelExport(path, trained) { NewTokens = added, TokenRows = [7, size, size + 1] }.Write(_folder["grown.gguf"]);

        using var grown = LanguageModel.Load(_folder["grown.gguf"]);
        Assert.Equal(size + 2, grown.Vocabulary.Size);
        Assert.Equal(rows.AsSpan(0, width), grown.File.ReadTensor("token_embd.weight").AsSpan(7 * width, width));
        Assert.Equal(rows.AsSpan(width), grown.File.ReadTensor("token_embd.weight").AsSpan(size * width));
        Assert.Equal(model.File.ReadTensor("token_embd.weight").AsSpan(8 * width), grown.File.ReadTensor("token_embd.weight").AsSpan(8 * width, (size - 8) * width));
        Assert.Equal("<step-back>", grown.Vocabulary.Detokenize([size]).Trim());
        Assert.Equal("<|new|>", System.Text.Encoding.UTF8.GetString(grown.Vocabulary.Piece(size + 1)));
        var tokenizer = new TrainingTokenizer(model.Vocabulary, added);
        foreach (var text in new[] { "<step-back>", "45-39=6\n<step-back>\n40", "a<|new|> the<step-back><step-back> wait", " <step-back> ", "no such token <back>" })
            Assert.Equal(grown.Vocabulary.Tokenize(text), tokenizer.Begin(text, out _));

        // Logits of old tokens are what they were; those of trained rows are the last normed residual's products with the rows.
        int[] places = [.. Enumerable.Range(0, size).Where(token => token != 7)];
        var (before, after) = (Logits(path, 8), Logits(_folder["grown.gguf"], 8, size));
        Close(places.Select(token => before[token]), places.Select(token => after[token]), 1e-4f);
        Assert.Equal(size + 2, after.Length);
    }

    [Theory]
    [InlineData(GgmlType.F32)]
    [InlineData(GgmlType.F16)]
    [InlineData(GgmlType.BF16)]
    [InlineData(GgmlType.Q8_0)]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.Q5_1)]
    public void Rows_are_written_in_the_matrixs_own_type(GgmlType type)
    {
        var model = Retyped(type, "token_embd.weight");
        var rows = Random(1, 2 * 64);
        var size = TinyModel.VocabularySize;
        TrainedWeight[] trained = [new("token_embd.rows", [64, 2], () => rows), new("output.rows", [64, 2], () => rows)];
        new ModelExport(model, trained) { NewTokens = ["<x>"], TokenRows = [size, 3] }.Write(_folder["out.gguf"]);
        using var source = GgufFile.Open(model);
        using var written = GgufFile.Open(_folder["out.gguf"]);
        var (before, after) = (source.ReadTensorBytes("token_embd.weight"), written.ReadTensorBytes("token_embd.weight"));
        var bytes = (int)GgmlRows.Bytes(type, 64);
        Assert.Equal(type, written.FindTensor("token_embd.weight")!.Type);
        Assert.Equal([64L, size + 1], written.FindTensor("token_embd.weight")!.Shape);
        Assert.Equal(before[..(3 * bytes)], after[..(3 * bytes)]);
        Assert.Equal(GgmlRows.Encode(type, rows.AsSpan(64), 64), after[(3 * bytes)..(4 * bytes)]); // the ids' order is the rows'
        Assert.Equal(before[(4 * bytes)..], after[(4 * bytes)..^bytes]);
        Assert.Equal(GgmlRows.Encode(type, rows.AsSpan(0, 64), 64), after[^bytes..]);
        Logits(_folder["out.gguf"]);
    }

    [Fact]
    public void Rows_that_need_measurements_are_refused()
    {
        Assert.True(GgmlRows.CanEncode(GgmlType.Q4_K) && GgmlRows.CanEncode(GgmlType.Q6_K) && GgmlRows.CanEncode(GgmlType.IQ4_XS));
        Assert.False(GgmlRows.CanEncode(GgmlType.IQ2_XXS) || GgmlRows.CanEncode(GgmlType.IQ1_S));
        var writer = new GgufWriter().Add("general.architecture", "llama");
        writer.AddTensor("token_embd.weight", GgmlType.IQ2_XXS, new byte[66 * 4], 256, 4).Write(_folder["iq.gguf"]);
        TrainedWeight[] trained = [new("token_embd.rows", [256, 1], () => new float[256])];
        Fails.With(() => new ModelExport(_folder["iq.gguf"], trained) { TokenRows = [1] }.Write(_folder["out.gguf"]), "token_embd.weight as IQ2_XXS", "Q8_0");
    }

    [Fact]
    public void All_weights_with_a_new_token_are_larger_matrices()
    {
        var size = TinyModel.VocabularySize;
        var (embedding, head) = (Random(1, 64 * (size + 1)), Random(2, 64 * (size + 1)));
        TrainedWeight[] trained = [new("token_embd.weight", [64, size + 1], () => embedding), new("output.weight", [64, size + 1], () => head)];
        new ModelExport(TinyModel.Path, trained) { NewTokens = ["<x>"], TokenRows = [size] }.Write(_folder["out.gguf"]);
        using var written = GgufFile.Open(_folder["out.gguf"]);
        Assert.Equal(embedding, written.ReadTensor("token_embd.weight"));
        Assert.Equal(head, written.ReadTensor("output.weight"));
        SameBut(TinyModel.Path, _folder["out.gguf"], "token_embd.weight", "output.weight");
        Logits(_folder["out.gguf"]);
    }

    [Theory]
    [InlineData("llama", "all")]
    [InlineData("llama", "vectors,norms")]
    [InlineData("llama", "new rows")]
    [InlineData("llama", "all, new rows")]
    [InlineData("qwen2", "all")]
    [InlineData("qwen2", "norms")]
    [InlineData("qwen2", "new rows")]
    [InlineData("qwen2", "all, new rows")]
    public void Llama_cpp_computes_the_logits_that_the_trainer_computed(string architecture, string what)
    {
        var path = architecture is "llama" ? TinyModel.Path : TinyQwen2.Write(_folder["qwen.gguf"]);
        string[] added = what.Contains("new rows", StringComparison.Ordinal) ? ["<x>", "<y>"] : [];
        using var file = GgufFile.Open(path);
        var size = (int)file.Find("tokenizer.ggml.tokens")!.Count;
        var parts = new TrainableParts
        {
            AllWeights = what.Contains("all", StringComparison.Ordinal),
            Norms = what.Contains("norms", StringComparison.Ordinal),
            VectorLayers = what.Contains("vectors", StringComparison.Ordinal) ? [0, 1, 3] : [],
            TokenRows = [.. added.Select((_, i) => size + i)],
        };
        using var trainer = Trainer.Load(path, parts, new TrainerOptions { Compute = ComputeType.F32, Threads = 2 });
        var batch = Batches.Random(size + added.Length, 32, [[32], [20, 12]]);
        for (var i = 0; i < 5; i++) trainer.Step([batch], 0.02f);
        new ModelExport(path, trainer.Tensors.Select(tensor => new TrainedWeight(tensor.Name, tensor.Shape, () => tensor.Values)))
        {
            Type = ExportType.F32,
            NewTokens = added,
            TokenRows = parts.TokenRows,
        }.Write(_folder["out.gguf"]);
        Close(trainer.Logits(batch), TrainerLogitsTests.LlamaLogits(_folder["out.gguf"], batch), 1e-3f);
    }

    [Fact]
    public void Where_a_model_comes_from_stands_in_it_once()
    {
        var export = new ModelExport(TinyModel.Path, []) { Provenance = Provenance.Empty.With("steps", "1").With("data", "a") };
        export.Write(_folder["a.gguf"]);
        new ModelExport(_folder["a.gguf"], []) { Provenance = Provenance.Empty.With("steps", "2") }.Write(_folder["b.gguf"]);
        using var written = GgufFile.Open(_folder["b.gguf"]);
        Assert.Equal("2", written.GetString("nativesteer.provenance.steps"));
        Assert.Null(written.Find("nativesteer.provenance.data"));
        new ModelExport(_folder["b.gguf"], []).Write(_folder["c.gguf"]);
        using var kept = GgufFile.Open(_folder["c.gguf"]);
        Assert.Equal("2", kept.GetString("nativesteer.provenance.steps"));
    }

    [Fact]
    public void Parts_of_a_split_model_become_one_file()
    {
        using var source = GgufFile.Open(TinyModel.Path);
        for (var part = 0; part < 2; part++)
        {
            var writer = new GgufWriter().Add("split.no", (ushort)part).Add("split.count", (ushort)2).Add("split.tensors.count", source.Tensors.Count);
            if (part == 0) foreach (var entry in source.Entries) writer.CopyEntry(source, entry);
            foreach (var (tensor, i) in source.Tensors.Select((tensor, i) => (tensor, i))) if (i % 2 == part) writer.CopyTensor(source, tensor);
            writer.Write(_folder[$"m-0000{part + 1}-of-00002.gguf"]);
        }
        new ModelExport(_folder["m-00001-of-00002.gguf"], []).Write(_folder["out.gguf"]);
        SameBut(TinyModel.Path, _folder["out.gguf"]);
        using var written = GgufFile.Open(_folder["out.gguf"]);
        Assert.Null(written.Find("split.count"));
        Assert.Equal(Logits(TinyModel.Path), Logits(_folder["out.gguf"]));
    }

    [Fact]
    public void A_full_disk_is_said_and_leaves_nothing()
    {
        Fails.With(() => new ModelExport(TinyModel.Path, []).Write("/dev/full"), "the disk is full");
        Fails.With(() => new ModelExport(TinyModel.Path, []).Write(_folder["none/out.gguf"]), "its folder does not exist");
        Assert.Empty(_folder.Names);
    }

    private string? Source(string name)
    {
        switch (name)
        {
            case "tiny": return TinyModel.Path;
            case "qwen2": return TinyQwen2.Write(_folder["qwen.gguf"]);
            case "countdown":
                ModelInitializer.Write(
                    _folder["countdown.gguf"], new() { Width = 32, Layers = 1, Heads = 2 }, CountdownVocabulary.Size, writer => CountdownVocabulary.AddTo(writer));
                return _folder["countdown.gguf"];
            default: return SharedFolder.Stories260K;
        }
    }

    private static IEnumerable<TrainedWeight> Trained(SteeringVector vector) =>
        vector.Layers.Select(layer => new TrainedWeight($"blk.{layer}.vector", [vector.Shape.Width], () => vector.Direction(layer).ToArray()));

    // The tiny model with some matrices in another type.
    private string Retyped(GgmlType type, params string[] names) => Retyped(type, null, names);

    private string Retyped(GgmlType type, uint? fileType, params string[] names)
    {
        using var source = GgufFile.Open(TinyModel.Path);
        var writer = new GgufWriter();
        foreach (var entry in source.Entries) writer.CopyEntry(source, entry);
        foreach (var tensor in source.Tensors)
        {
            if (!names.Contains(tensor.Name)) writer.CopyTensor(source, tensor);
            else writer.AddTensor(tensor.Name, type, GgmlRows.Encode(type, source.ReadTensor(tensor.Name), tensor.Shape[0]), [.. tensor.Shape]);
        }
        if (fileType is { } number) writer.Add("general.file_type", number);
        writer.Write(_folder["retyped.gguf"]);
        return _folder["retyped.gguf"];
    }

    // All tensors of the source are in the copy byte for byte, and nothing else, but for those that are named.
    private static void SameBut(string source, string copy, params string[] changed)
    {
        using var left = GgufFile.Open(source);
        using var right = GgufFile.Open(copy);
        Assert.Equal(
            left.Tensors.Select(tensor => tensor.Name).Except(changed).Order(), right.Tensors.Select(tensor => tensor.Name).Except(changed).Order());
        foreach (var tensor in left.Tensors.Where(tensor => !changed.Contains(tensor.Name)))
        {
            Assert.Equal(tensor.Type, right.FindTensor(tensor.Name)!.Type);
            Assert.Equal(tensor.Shape, right.FindTensor(tensor.Name)!.Shape);
            Assert.Equal(left.ReadTensorBytes(tensor.Name), right.ReadTensorBytes(tensor.Name));
        }
    }

    private static float[] Logits(string path, int least = 3, int? below = null)
    {
        using var model = LanguageModel.Load(path);
        using var context = model.CreateContext(s_exact);
        if (least == 3) context.Decode(Models.Sequence(model, 12));
        else
        {
            var (random, batch) = (new Random(1), new TokenBatch());
            for (var i = 0; i < 12; i++) batch.Add(random.Next(least, below ?? model.Vocabulary.Size), i, 0, output: i == 11);
            context.Decode(batch);
        }
        return context.Logits(11).ToArray();
    }

    private static float[] Random(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }

    private static void Close(IEnumerable<float> left, IEnumerable<float> right, float tolerance) =>
        Assert.InRange(left.Zip(right).Max(pair => Math.Abs(pair.First - pair.Second)), 0, tolerance);
}
