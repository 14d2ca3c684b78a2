using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Cli;

public sealed class VectorCommandTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("0.5*{a} - {b}")]
    [InlineData("{a}:0.5 {b}:-1")]
    public void Combine_is_the_librarys_arithmetic(string terms)
    {
        var (a, b) = (Write("a", 1, 1, 2), Write("b", 2, 2, 3));
        string[] words = terms.Contains('*', StringComparison.Ordinal) ? [terms] : terms.Split(' ');
        var paths = words.Select(word => word
            .Replace("{a}", _folder["a.gguf"], StringComparison.Ordinal)
            .Replace("{b}", _folder["b.gguf"], StringComparison.Ordinal));
        Assert.Equal(0, CliRun.Run(["vector", "combine", .. paths, "-o", _folder["c.gguf"]]).Code);
        var sum = ControlVectorFile.Read(_folder["c.gguf"]);
        Assert.Equal(0.5f * a - b, sum);
        Assert.Equal("(0.5*a - b)", sum.Provenance[Provenance.Expression]);
    }

    [Fact]
    public void Combine_keeps_the_layers_asked_for_at_unit_length()
    {
        var a = Write("a", 1, 1, 2, 3);
        Assert.Equal(0, CliRun.Run("vector", "combine", _folder["a.gguf"], "--normalize", "--layers", "2-3", "-o", _folder["c.gguf"]).Code);
        Assert.Equal(a.OnLayers(2, 3).Normalized(), ControlVectorFile.Read(_folder["c.gguf"]));
    }

    [Fact]
    public void Import_names_the_writer_and_moves_the_layers()
    {
        Write("a", 1, 1, 2);
        var result = CliRun.Run("vector", "import", _folder["a.gguf"], "--layer-offset", "-1", "-o", _folder["c.gguf"]);
        Assert.Equal(0, result.Code);
        Assert.Contains("written by NativeSteer", result.Out, StringComparison.Ordinal);
        Assert.Contains("layer 0", result.Error, StringComparison.Ordinal);
        Assert.Equal([0, 1], ControlVectorFile.Read(_folder["c.gguf"]).Layers);
    }

    [Fact]
    public void Extract_makes_a_vector_that_generate_takes()
    {
        var (happy, sad) = (_folder.Write("happy.txt", "the a\nthe o\n"), _folder.Write("sad.txt", "so wait\nso hmm\n"));
        var result = CliRun.Run(
            "vector", "extract", "-m", TinyModel.Path, "--positive-file", happy, "--negative-file", sad, "-o", _folder["v.gguf"]);
        Assert.Equal(0, result.Code);
        Assert.Equal("happy", ControlVectorFile.Read(_folder["v.gguf"]).Provenance[Provenance.Label]);
        string[] steering = ["--control-vector-scaled", $"{_folder["v.gguf"]}:0.5", "--scale-unit", "rel"];
        Assert.Equal(0, CliRun.Run(["generate", "-m", TinyModel.Path, "-n", "4", .. steering]).Code);
    }

    [Theory]
    [InlineData("vector show {model}", "not a control vector")]
    [InlineData("vector compare {a} {other}", "belong to different models")]
    [InlineData("vector combine {a} -o {folder}", "is a directory")]
    [InlineData("vector combine {a} -o {folder}/none/c.gguf", "its folder does not exist")]
    [InlineData("vector combine {a} -o /dev/full", "the disk is full")]
    [InlineData("vector combine {a} --layers 7 -o {folder}/c.gguf", "Layer 7 was asked for")]
    [InlineData("vector combine {a} --layers 3 -o {folder}/c.gguf", "the vector has layers 1-2")]
    [InlineData("vector import {a} -m {a} -o {folder}/c.gguf", "block_count")]
    [InlineData("generate -m {a}", "is a control vector, not a model")]
    [InlineData("generate -m {model} --control-vector {other}", "width 32")]
    [InlineData("generate -m {model} --control-vector {a} --layers 3", "Layer 3 was asked for, the vector has 1-2")]
    [InlineData("generate -m {model} --control-vector {a} --scale-unit rel", "no residual norm for layer 1")]
    public void Mistakes_are_one_line(string words, string expected)
    {
        Write("a", 1, 1, 2);
        ControlVectorFile.Write(_folder["other.gguf"], Models.RandomVector(new ModelShape("llama", 4, 32), 1, 1));
        var args = words.Split(' ').Select(word => word
            .Replace("{a}", _folder["a.gguf"], StringComparison.Ordinal)
            .Replace("{other}", _folder["other.gguf"], StringComparison.Ordinal)
            .Replace("{model}", TinyModel.Path, StringComparison.Ordinal)
            .Replace("{folder}", _folder.Path, StringComparison.Ordinal));
        var before = _folder.Names;
        Assert.Contains(expected, CliRun.Fails(1, [.. args]), StringComparison.Ordinal);
        Assert.Equal(before, _folder.Names);
    }

    private SteeringVector Write(string name, int seed, params int[] layers)
    {
        var vector = Models.RandomVector(new ModelShape("llama", TinyModel.Layers, TinyModel.Width), seed, layers);
        ControlVectorFile.Write(_folder[name + ".gguf"], vector);
        return vector;
    }
}
