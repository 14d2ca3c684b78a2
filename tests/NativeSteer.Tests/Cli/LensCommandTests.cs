using System.Text.Json;
using NativeSteer.Analysis;
using NativeSteer.Extraction;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Cli;

public sealed class LensCommandTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_vectors_table_and_json_are_the_librarys_lens()
    {
        var vector = Write("v.gguf", Models.Tiny.Shape, 0, 2, 3);
        var table = CliRun.Run("lens", _folder["v.gguf"], "-m", TinyModel.Path, "--layers", "2-3", "--top", "3");
        Assert.Equal((0, ""), (table.Code, table.Error));
        Assert.Equal(4, table.Out.TrimEnd('\n').Split('\n').Length); // headings, two layers, what the score is
        Assert.Contains("2 tokens that contain one of wait,hmm", table.Out, StringComparison.Ordinal);

        var result = CliRun.Run("lens", _folder["v.gguf"], "-m", TinyModel.Path, "--words", "hmm", "--norm", "--top", "3", "--json");
        var json = JsonDocument.Parse(result.Out).RootElement;
        using var lens = new LogitLens(Models.Tiny, new LensOptions { Keywords = KeywordSet.Parse("hmm"), ApplyNorm = true, Top = 3 });
        var expected = lens.Look(vector);
        Assert.Equal(1, json.GetProperty("word_tokens").GetInt32());
        Assert.Equal(expected.Count, json.GetProperty("layers").GetArrayLength());
        foreach (var (layer, actual) in expected.Zip(json.GetProperty("layers").EnumerateArray()))
        {
            Assert.Equal(layer.Layer, actual.GetProperty("layer").GetInt32());
            Assert.Equal(layer.Score, actual.GetProperty("score").GetDouble());
            Assert.Equal(layer.TopDot.Select(token => token.Id), actual.GetProperty("top_dot").EnumerateArray().Select(token => token.GetProperty("token").GetInt32()));
            Assert.Equal(layer.TopCosine.Select(token => token.Value), actual.GetProperty("top_cosine").EnumerateArray().Select(token => token.GetProperty("value").GetDouble()));
        }
    }

    [Fact]
    public void A_texts_table_has_a_row_for_each_token_and_json_every_layer()
    {
        var tokens = Models.Tiny.Vocabulary.TokenizePrompt("the a");
        var table = CliRun.Run("lens", "-m", TinyModel.Path, "-p", "the a", "--layers", "3");
        Assert.Equal(0, table.Code);
        Assert.Equal(1 + tokens.Length, table.Out.TrimEnd('\n').Split('\n').Length);
        Assert.Contains("after layer 3", table.Out, StringComparison.Ordinal);
        var json = JsonDocument.Parse(CliRun.Run("lens", "-m", TinyModel.Path, "-p", "the a", "--json").Out).RootElement.GetProperty("positions");
        Assert.Equal(tokens, json.EnumerateArray().Select(position => position.GetProperty("token").GetInt32()));
        Assert.All(json.EnumerateArray(), position => Assert.Equal(TinyModel.Layers, position.GetProperty("layers").GetArrayLength()));
        var top = json[0].GetProperty("layers")[0].GetProperty("top");
        Assert.Equal(10, top.GetArrayLength());
        Assert.InRange(top.EnumerateArray().Sum(token => token.GetProperty("probability").GetDouble()), 0.01, 1);
    }

    [Fact]
    public void Words_that_no_token_contains_are_an_error_and_one_that_some_do_is_enough()
    {
        Write("v.gguf", Models.Tiny.Shape, 1);
        var result = CliRun.Run("lens", _folder["v.gguf"], "-m", TinyModel.Path, "--words", "zebra,hmm");
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Contains("contains any of zebra", CliRun.Fails(1, "lens", _folder["v.gguf"], "-m", TinyModel.Path, "--words", "zebra"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "lens", "give a vector's file, or a text with -p")]
    [InlineData(2, "lens {v} -p x", "look at one of them")]
    [InlineData(2, "lens {v} {v}", "is not expected here")]
    [InlineData(2, "lens -p x --words wait", "--words has no meaning with -p")]
    [InlineData(2, "lens -p x --norm", "--norm has no meaning with -p")]
    [InlineData(2, "lens {v} --top 0", "--top is '0'")]
    [InlineData(1, "lens {v} -m {model} --words wait!", "no word that could be counted")]
    [InlineData(1, "lens {v} -m {model} --layers 2", "the vector has layer")]
    [InlineData(1, "lens {v} -m {model} --layers 9", "the model has 4 (0-3)")]
    [InlineData(1, "lens {v}", "give the vector's model with -m")] // the built-in model is of another width
    [InlineData(1, "lens {v} -m {v}", "is a control vector, not a model")]
    [InlineData(1, "lens {model}", "not a control vector")]
    [InlineData(1, "lens {v}.none", "does not exist")]
    public void Mistakes_are_one_line(int code, string words, string expected)
    {
        Write("v.gguf", Models.Tiny.Shape, 1);
        var args = words.Split(' ').Select(word => word
            .Replace("{v}", _folder["v.gguf"], StringComparison.Ordinal)
            .Replace("{model}", TinyModel.Path, StringComparison.Ordinal));
        Assert.Contains(expected, CliRun.Fails(code, [.. args]), StringComparison.Ordinal);
    }

    private SteeringVector Write(string name, ModelShape shape, params int[] layers)
    {
        var vector = Models.RandomVector(shape, 6, layers);
        ControlVectorFile.Write(_folder[name], vector);
        return ControlVectorFile.Read(_folder[name]);
    }
}
