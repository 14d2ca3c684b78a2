using System.Text.Json;
using System.Text.RegularExpressions;
using NativeSteer.Engine;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Cli;

/// <summary>What people see of models, vectors and checks, piped and on a terminal; and the same as JSON.</summary>
public sealed partial class OutputTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false, "info-model")]
    [InlineData(true, "info-model-terminal")]
    public void A_model_is_described(bool terminal, string golden) =>
        Golden.Check(golden, Shown(CliRun.Run(terminal, "info", TinyModel.Write(_folder["tiny.gguf"]))));

    [Theory]
    [InlineData(false, "vector-show")]
    [InlineData(true, "vector-show-terminal")]
    public void A_vector_is_described(bool terminal, string golden) =>
        Golden.Check(golden, Shown(CliRun.Run(terminal, "vector", "show", Vector("happy"))));

    [Fact]
    public void Info_shows_a_vector_as_vector_show_does()
    {
        var path = Vector("happy");
        Assert.Equal(CliRun.Run("vector", "show", path).Out, CliRun.Run("info", path).Out);
    }

    [Fact]
    public void Vectors_are_compared() =>
        Golden.Check("vector-compare", Shown(CliRun.Run("vector", "compare", Vector("happy"), Vector("sad", 2))));

    [Fact]
    public void A_capture_is_described()
    {
        var captured = CliRun.Run("capture", "-m", TinyModel.Path, "-p", "the a", "--layers", "1,3", "-o", _folder["c.safetensors"]);
        Golden.Check("capture", Gap().Replace(Shown(captured), "  ")); // the folder's name decides the first column's width
        Golden.Check("info-capture", Shown(CliRun.Run("info", _folder["c.safetensors"])));
    }

    [Fact]
    public void The_doctor_finds_the_model_sound()
    {
        var result = CliRun.Run("doctor", "-m", TinyModel.Path);
        Assert.Equal(0, result.Code);
        // What was measured depends on the processor; the checks and their verdicts do not.
        var lines = result.Out.Split('\n').Select(line => Verdict().Match(line)).Where(match => match.Success).Select(match => match.Value);
        Golden.Check("doctor", string.Join('\n', lines) + "\n");
    }

    [Fact]
    public void The_doctor_without_a_model_takes_the_built_in_one()
    {
        using var json = JsonDocument.Parse(CliRun.Run("doctor", "--json").Out);
        Assert.True(json.RootElement.GetProperty("passed").GetBoolean());
        Assert.InRange(json.RootElement.GetProperty("checks").GetArrayLength(), 8, 20);
    }

    [Fact]
    public void Vectors_are_the_same_only_with_the_same_bits()
    {
        var happy = Vector("happy");
        Assert.Equal(0, CliRun.Run("vector", "compare", happy, happy, "--exact").Code);
        Assert.Contains("differ at layers 1, 2.", CliRun.Fails(1, "vector", "compare", happy, Vector("sad", seed: 2), "--exact"), StringComparison.Ordinal);
    }

    [Fact]
    public void This_machine_is_described()
    {
        using var json = JsonDocument.Parse(CliRun.Run("info", "--json").Out);
        Assert.Equal("machine", json.RootElement.GetProperty("kind").GetString());
        Assert.Equal(LlamaLibrary.Version, json.RootElement.GetProperty("llama_cpp").GetString());
        Assert.NotEqual(0, json.RootElement.GetProperty("devices").GetArrayLength());
    }

    [Fact]
    public void Several_files_are_an_array_of_what_each_is_alone()
    {
        var model = TinyModel.Path;
        var vector = Vector("happy");
        using var both = JsonDocument.Parse(CliRun.Run("info", "--json", model, vector).Out);
        Assert.Equal(["model", "vector"], both.RootElement.EnumerateArray().Select(item => item.GetProperty("kind").GetString()));
        Assert.Equal(TinyModel.Width, both.RootElement[0].GetProperty("width").GetInt32());
        Assert.Equal(2, both.RootElement[1].GetProperty("directions").GetArrayLength());
    }

    [Fact]
    public void A_file_that_is_nothing_known_is_an_error() =>
        Assert.Contains(
            "neither GGUF, safetensors nor .npy", CliRun.Fails(1, "info", _folder.Write("x.gguf", "hello world")),
            StringComparison.Ordinal);

    [Fact]
    public void A_file_name_cannot_break_the_line()
    {
        var error = CliRun.Fails(1, "info", "no\nfile");
        Assert.Contains("is neither a file nor a built-in model", error, StringComparison.Ordinal);
    }

    private string Shown(CliResult result)
    {
        Assert.Equal(0, result.Code);
        return result.Out.Replace(_folder.Path + "/", "", StringComparison.Ordinal);
    }

    private string Vector(string name, int seed = 1)
    {
        var random = new Random(seed);
        float[] Direction() => [.. Enumerable.Range(0, TinyModel.Width).Select(_ => random.NextSingle() - 0.5f)];
        var vector = new SteeringVector(
            new ModelShape("llama", TinyModel.Layers, TinyModel.Width),
            new Dictionary<int, float[]> { [1] = Direction(), [2] = Direction() },
            Provenance.Empty.With(Provenance.Label, name).With(Provenance.Method, "mean_difference"),
            [10, 20, float.NaN, 40]);
        ControlVectorFile.Write(_folder[name + ".gguf"], vector);
        return _folder[name + ".gguf"];
    }

    [GeneratedRegex(" {3,}")]
    private static partial Regex Gap();

    [GeneratedRegex(@"^.+ (pass|FAIL|result)(?= )")]
    private static partial Regex Verdict();
}
