using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Engine;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Engine;

/// <summary>Copies of models in other number formats: what they keep, what they lose, and what is refused.</summary>
public sealed class ModelQuantizerTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_name_in_any_case_and_its_alias_are_found_and_others_are_not()
    {
        Prop.ForAll(Gen.Elements(QuantizationType.All.ToArray()).ToArbitrary(), type =>
        {
            Assert.Same(type, QuantizationType.Parse(type.Name));
            Assert.Same(type, QuantizationType.Parse(type.Name.ToLowerInvariant()));
        }).QuickCheckThrowOnFailure();
        Assert.Equal("Q4_K_M", QuantizationType.Parse("q4_k").Name);
        Assert.Contains("there are F32, F16", Assert.Throws<NativeSteerException>(() => QuantizationType.Parse("Q9")).Message, StringComparison.Ordinal);
        Assert.Equal(QuantizationType.All.Count, QuantizationType.All.Select(type => type.FileType).Distinct().Count());
    }

    [Fact]
    public void F32_of_F16_has_the_same_numbers_and_F16_of_that_the_same_bytes()
    {
        var built = BuiltInModel.Resolve(BuiltInModel.Default); // F16
        using var original = GgufFile.Open(built);
        using var wide = GgufFile.Open(Quantize(built, "F32"));
        using var narrow = GgufFile.Open(Quantize(wide.Path, "F16"));
        Assert.Equal(original.Tensors.Count, wide.Tensors.Count);
        foreach (var tensor in original.Tensors)
        {
            Assert.Equal(GgmlType.F32, wide.FindTensor(tensor.Name)!.Type);
            Assert.Equal(original.ReadTensor(tensor.Name), wide.ReadTensor(tensor.Name));
            Assert.Equal(tensor.Type, narrow.FindTensor(tensor.Name)!.Type);
            Assert.Equal(original.ReadTensor(tensor.Name), narrow.ReadTensor(tensor.Name));
        }
        Assert.Equal(original.GetStrings("tokenizer.ggml.tokens"), wide.GetStrings("tokenizer.ggml.tokens"));
        Assert.Equal(0, wide.GetInteger("general.file_type"));
    }

    [Fact]
    public void Eight_bits_are_off_by_half_a_step_of_their_block_at_most()
    {
        using var original = GgufFile.Open(TinyModel.Path);
        using var copy = GgufFile.Open(Quantize(TinyModel.Path, "Q8_0"));
        foreach (var tensor in copy.Tensors.Where(tensor => tensor.Type == GgmlType.Q8_0))
        {
            var (exact, rounded) = (original.ReadTensor(tensor.Name), Floats(copy, tensor.Name));
            for (var block = 0; block < exact.Length; block += 32)
            {
                var step = exact.AsSpan(block, 32).ToArray().Max(MathF.Abs) / 127; // kept in 11 bits: up to 0.07 steps more at 127
                for (var i = block; i < block + 32; i++) Assert.True(MathF.Abs(exact[i] - rounded[i]) <= 0.57f * step, $"{tensor.Name}[{i}]");
            }
        }
        Assert.Contains(copy.Tensors, tensor => tensor.Type == GgmlType.Q8_0);
        Assert.All(copy.Tensors.Where(tensor => tensor.Shape.Count == 1), tensor => Assert.Equal(GgmlType.F32, tensor.Type));
    }

    [Fact]
    public void Rows_that_are_no_whole_blocks_get_another_format_and_are_counted()
    {
        var fallbacks = ModelQuantizer.Write(TinyModel.Path, _folder["k.gguf"], new() { Type = QuantizationType.Parse("Q4_K_M") }); // width 64, hidden 96
        using var copy = GgufFile.Open(_folder["k.gguf"]);
        Assert.DoesNotContain(copy.Tensors, tensor => tensor.Type is GgmlType.Q4_K or GgmlType.Q6_K);
        Assert.Equal(copy.Tensors.Count(tensor => tensor.Type is GgmlType.Q5_0 or GgmlType.Q8_0), fallbacks + 1); // the output takes Q8_0 without being counted
        using var model = LanguageModel.Load(copy.Path); // and llama.cpp runs it
        Assert.Equal(TinyModel.Width, model.Shape.Width);
    }

    [Fact]
    public void An_importance_matrix_makes_the_columns_that_matter_more_exact()
    {
        var built = BuiltInModel.Resolve(BuiltInModel.Default);
        const string tensor = "blk.1.ffn_up.weight";
        using var original = GgufFile.Open(built);
        var width = (int)original.FindTensor(tensor)!.Shape[0];
        var importance = ImportanceMatrix.Read(WriteImportance(original, column => column % 32 == 5 ? 1000 : 1));
        using var plain = GgufFile.Open(Quantize(built, "Q4_0"));
        using var weighted = GgufFile.Open(Quantize(built, "Q4_0", importance));
        Assert.True(Error(weighted) < 0.5 * Error(plain), $"{Error(weighted)} {Error(plain)}");

        double Error(GgufFile copy)
        {
            var (exact, rounded) = (original.ReadTensor(tensor), Floats(copy, tensor));
            return Enumerable.Range(0, exact.Length).Where(i => i % width % 32 == 5).Sum(i => Math.Pow(exact[i] - rounded[i], 2));
        }
    }

    [Fact]
    public void The_smallest_types_need_an_importance_matrix()
    {
        var built = BuiltInModel.Resolve(BuiltInModel.Default);
        var error = Assert.Throws<NativeSteerException>(() => Quantize(built, "IQ2_XS"));
        Assert.Contains("this type needs an importance matrix; make one with llama.cpp's llama-imatrix", error.Message, StringComparison.Ordinal);
        using var original = GgufFile.Open(built);
        using var copy = GgufFile.Open(Quantize(built, "IQ2_XS", ImportanceMatrix.Read(WriteImportance(original, _ => 1))));
        Assert.Contains(copy.Tensors, tensor => tensor.Type == GgmlType.IQ2_XS);
    }

    [Fact]
    public void An_importance_matrix_of_another_model_is_refused()
    {
        using var other = GgufFile.Open(TinyModel.Path);
        var importance = ImportanceMatrix.Read(WriteImportance(other, _ => 1));
        var error = Assert.Throws<NativeSteerException>(() => Quantize(BuiltInModel.Resolve(BuiltInModel.Default), "Q4_0", importance));
        Assert.Contains("give the importance matrix of this model", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(_folder.Path, "*Q4_0*")); // nothing, and no temporary file
        Assert.Empty(Directory.EnumerateFiles(_folder.Path, ".nativesteer*"));
        Assert.Contains("holds no importance matrix", Assert.Throws<NativeSteerException>(() => ImportanceMatrix.Read(TinyModel.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Matrices_that_are_quantised_already_are_quantised_again_only_when_that_is_wanted()
    {
        var small = Quantize(TinyModel.Path, "Q8_0");
        var error = Assert.Throws<NativeSteerException>(() => Quantize(small, "Q4_0"));
        Assert.Contains("give --allow-requantize", error.Message, StringComparison.Ordinal);
        _ = ModelQuantizer.Write(small, _folder["again.gguf"], new() { Type = QuantizationType.Parse("Q4_0"), AllowRequantize = true });
        using var copy = GgufFile.Open(_folder["again.gguf"]);
        Assert.Contains(copy.Tensors, tensor => tensor.Type == GgmlType.Q4_0);
    }

    [Fact]
    public void The_model_itself_is_never_written_over()
    {
        var path = TinyModel.Write(_folder["model.gguf"]);
        var before = File.ReadAllBytes(path);
        File.CreateSymbolicLink(_folder["link.gguf"], path);
        foreach (var same in new[] { path, _folder["link.gguf"], _folder["../" + Path.GetFileName(_folder.Path) + "/model.gguf"] })
            Assert.Contains("is read and would be replaced", Assert.Throws<NativeSteerException>(() => ModelQuantizer.Write(path, same, new() { Type = QuantizationType.All[0] })).Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(path));
    }

    [Fact]
    public void Stopped_between_two_matrices_nothing_is_left()
    {
        var shares = new List<float>();
        Assert.Throws<OperationCanceledException>(() => ModelQuantizer.Write(TinyModel.Path, _folder["stopped.gguf"], new() { Type = QuantizationType.Parse("Q8_0") }, share =>
        {
            shares.Add(share);
            if (share > 0.5f) throw new OperationCanceledException();
        }));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
        Assert.Equal(shares.Order(), shares);
        Assert.InRange(shares[^1], 0.5f, 0.7f);
        _ = ModelQuantizer.Write(TinyModel.Path, _folder["next.gguf"], new() { Type = QuantizationType.Parse("Q8_0") }); // the guard is as it was
    }

    private static float[] Floats(GgufFile file, string tensor)
    {
        var values = new float[file.FindTensor(tensor)!.Count];
        GgmlRows.Decode(file.FindTensor(tensor)!.Type, file.ReadTensorBytes(tensor), values);
        return values;
    }

    private string Quantize(string model, string type, ImportanceMatrix? importance = null)
    {
        var path = _folder[$"{Path.GetFileNameWithoutExtension(model)}-{type}-{importance is not null}.gguf"];
        _ = ModelQuantizer.Write(model, path, new() { Type = QuantizationType.Parse(type), Importance = importance });
        return path;
    }

    /// <summary>As llama-imatrix writes it: sums over 3 tokens, and their count.</summary>
    private string WriteImportance(GgufFile model, Func<int, float> ofColumn)
    {
        var writer = new GgufWriter().Add("general.type", "imatrix");
        foreach (var tensor in model.Tensors.Where(tensor => tensor.Shape.Count == 2 && tensor.Name.StartsWith("blk.", StringComparison.Ordinal)))
        {
            var columns = (int)tensor.Shape[0];
            writer.AddTensor(tensor.Name + ".in_sum2", [.. Enumerable.Range(0, columns).Select(column => 3 * ofColumn(column))], columns, 1);
            writer.AddTensor(tensor.Name + ".counts", [3f], 1, 1);
        }
        writer.Write(_folder["imatrix.gguf"]);
        return _folder["imatrix.gguf"];
    }
}
