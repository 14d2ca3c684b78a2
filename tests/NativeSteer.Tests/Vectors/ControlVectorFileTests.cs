using NativeSteer.Tests.Files;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Vectors;

public sealed class ControlVectorFileTests : IDisposable
{
    private static readonly ModelShape s_shape = new("qwen2", 6, 7);
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_is_read_with_layer_0_norms_and_provenance()
    {
        var made = SteeringVectorTests.Vector(s_shape, "back\ntracking ä", 1, 0, 1, 4, 5);
        var vector = new SteeringVector(
            s_shape, made.Layers.Select(layer => KeyValuePair.Create(layer, made.Direction(layer).ToArray())),
            made.Provenance, [1, 2, 3, float.NaN, 5, 6]);
        Assert.Contains("layer 0", ControlVectorFile.Write(_folder["v.gguf"], vector), StringComparison.Ordinal);
        var read = ControlVectorFile.Read(_folder["v.gguf"]);
        Assert.Equal(vector, read);
        Assert.Equal(vector.Provenance, read.Provenance);
        Assert.Null(ControlVectorFile.Write(_folder["w.gguf"], vector.OnLayers(1, 5)));
        Assert.Equal(["v.gguf", "w.gguf"], _folder.Names);
    }

    [Fact]
    public void Layer_0_alone_is_kept()
    {
        var vector = SteeringVectorTests.Vector(s_shape, "v", 1, 0);
        Assert.Contains("cannot apply", ControlVectorFile.Write(_folder["v.gguf"], vector), StringComparison.Ordinal);
        Assert.Equal(vector, ControlVectorFile.Read(_folder["v.gguf"]));
    }

    [Fact]
    public void Another_reader_finds_block_N_where_llama_cpp_looks_for_it()
    {
        var vector = SteeringVectorTests.Vector(s_shape, "v", 3, 0, 2, 5);
        ControlVectorFile.Write(_folder["v.gguf"], vector);
        var other = new MiniGguf(File.ReadAllBytes(_folder["v.gguf"]));

        Assert.Equal("controlvector", other.Values["general.architecture"]);
        Assert.Equal("qwen2", other.Values["controlvector.model_hint"]);
        Assert.Equal(2u, other.Values["controlvector.layer_count"]);
        Assert.Equal(["direction.2", "direction.5"], other.Tensors.Keys);

        // llama_adapter_cvec::apply: block il takes n_embd values at n_embd * (il - 1), and block 0 has none.
        var buffer = other.LlamaBuffer(strength: 2);
        for (var block = 1; block < s_shape.Layers; block++)
        {
            var expected = vector.Has(block) ? (2 * vector).Direction(block).ToArray() : new float[s_shape.Width];
            Assert.Equal(expected, buffer.AsSpan((block - 1) * s_shape.Width, s_shape.Width).ToArray());
        }
    }

    private void Refused(GgufWriter writer, params string[] parts)
    {
        writer.Write(_folder["x.gguf"]);
        Fails.With(() => ControlVectorFile.Read(_folder["x.gguf"]), ["x.gguf", .. parts]);
    }

    private static GgufWriter Control() => new GgufWriter().Add("general.architecture", "controlvector");

    [Fact]
    public void Bad_files_are_named_for_what_they_are()
    {
        Refused(TinyGguf.Model(), "is a model or adapter for llama, not a control vector");
        Refused(new GgufWriter().Add("a", 1), "GGUF file without directions");
        Refused(Control(), "holds no direction");
        Refused(Control().AddTensor("direction.0", new float[4]), "direction.0", "vector import");
        Refused(Control().AddTensor("direction.x", new float[4]), "direction.x is not named direction.N");
        Refused(Control().AddTensor("direction.-1", new float[4]), "not named direction.N");
        Refused(Control().AddTensor("direction.99999999999", new float[4]), "not named direction.N");
        Refused(Control().AddTensor("direction.1", new float[4]).AddTensor("extra", new float[4]), "extra is not named");
        Refused(Control().AddTensor("direction.1", new Half[4]), "direction.1 is F16; a direction is F32");
        Refused(Control().AddTensor("direction.1", new float[4], 2, 2), "2 dimensions");
        Refused(
            Control().AddTensor("direction.1", new float[4]).AddTensor("direction.2", new float[5]),
            "direction.2 has 5 values, direction.1 has 4");
        Refused(Control().AddTensor("direction.1", new float[4]).AddTensor("direction.01", new float[4]), "two directions for 1");
        Refused(Control().AddTensor("direction.1", [1, float.NaN]), "layer 1 holds a value that is not finite");
        Refused(
            Control().AddTensor("direction.1", new float[4]).AddArray<float>("nativesteer.direction.0", new float[5]),
            "has 4 values, the model's width is 5");
        Refused(
            Control().AddTensor("direction.1", new float[4]).Add("nativesteer.direction.0", "x"),
            "nativesteer.direction.0 should be an array");
        Refused(Control().AddTensor("direction.1", new float[4]).Add("nativesteer.layers", 1U), "layer 1, the model has 1 (0-0)");
        Refused(Control().AddTensor("direction.1", new float[4]).Add("nativesteer.layers", -1), "nativesteer.layers is -1");
        Refused(Control().AddTensor("direction.1", new float[4]).Add("nativesteer.format", 2U), "its format is 2", "update NativeSteer");
        Fails.With(() => ControlVectorFile.Read(_folder["none"]), "does not exist");
    }

    [Fact]
    public void Mutations_parse_or_fail_as_ours()
    {
        ControlVectorFile.Write(_folder["v.gguf"], SteeringVectorTests.Vector(s_shape, "v", 3, 0, 1, 2));
        var whole = File.ReadAllBytes(_folder["v.gguf"]);
        var random = new Random(7);
        for (var i = 0; i < 300; i++)
        {
            var bytes = whole.ToArray();
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            _folder.Write("m.gguf", bytes);
            Action[] readers = [() => ControlVectorFile.Read(_folder["m.gguf"]), () => ControlVectorImport.Read(_folder["m.gguf"])];
            foreach (var read in readers)
            {
                try
                {
                    read();
                }
                catch (NativeSteerException error)
                {
                    Fails.IsOneLine(error);
                }
            }
        }
    }
}
