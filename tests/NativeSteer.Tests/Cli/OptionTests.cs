using NativeSteer.Cli.Options;
using NativeSteer.Cli.Running;
using Xunit;

namespace NativeSteer.Tests.Cli;

public sealed class OptionTests
{
    [Theory]
    [InlineData("v.gguf:0.5", "v.gguf=0.5")]
    [InlineData("v.gguf:-1", "v.gguf=-1")]
    [InlineData("a.gguf:1e-2,b.gguf:2", "a.gguf=0.01;b.gguf=2")]
    [InlineData(@"C:\v.gguf:0.5", @"C:\v.gguf=0.5")]
    [InlineData(@"C:\v.gguf 0.5", @"C:\v.gguf=0.5")]
    [InlineData("v.gguf 0.5", "v.gguf=0.5")]
    [InlineData("v.gguf -2 w.gguf:3,x.gguf:4 y.gguf 5", "v.gguf=-2;w.gguf=3;x.gguf=4;y.gguf=5")]
    [InlineData("a:b.gguf:7", "a:b.gguf=7")]
    public void Scaled_vectors_are_read_in_all_of_llama_cpps_spellings(string words, string expected) =>
        Assert.Equal(expected, Show(ScaledFile.ParseList("--control-vector-scaled", words.Split(' '))));

    [Theory]
    [InlineData("v.gguf")]
    [InlineData(@"C:\v.gguf")]
    [InlineData("v.gguf:")]
    [InlineData("v.gguf:nan")]
    [InlineData("v.gguf:1,")]
    [InlineData(":1")]
    public void A_scaled_vector_needs_its_scale(string word) =>
        Assert.Contains(
            "FILE:SCALE", Assert.Throws<UsageException>(() => ScaledFile.ParseList("--control-vector-scaled", [word])).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData("a.gguf", "a.gguf=1")]
    [InlineData("0.5*a.gguf - b.gguf", "a.gguf=0.5;b.gguf=-1")]
    [InlineData("0.5 * a.gguf - 2 * b.gguf", "a.gguf=0.5;b.gguf=-2")]
    [InlineData("- a.gguf + b-c.gguf*3", "a.gguf=-1;b-c.gguf=3")]
    [InlineData("-0.5*my-vector.gguf", "my-vector.gguf=-0.5")]
    [InlineData("a b.gguf:2 - dir/c.gguf", "a b.gguf=2;dir/c.gguf=-1")]
    public void Expressions_are_sums_of_scaled_files(string expression, string expected)
    {
        Assert.Equal(expected, Show(ScaledFile.ParseTerms([expression])));
        if (expression.Contains("a b", StringComparison.Ordinal)) return; // a name with a space needs the quotes
        Assert.Equal(expected, Show(ScaledFile.ParseTerms(expression.Split(' '))));
    }

    [Theory]
    [InlineData("a.gguf:0.5 b.gguf:-1", "a.gguf=0.5;b.gguf=-1")]
    [InlineData("a.gguf b.gguf", "a.gguf=1;b.gguf=1")]
    public void Terms_can_be_listed(string words, string expected) => Assert.Equal(expected, Show(ScaledFile.ParseTerms(words.Split(' '))));

    [Theory]
    [InlineData("a.gguf +")]
    [InlineData("a.gguf - - b.gguf")]
    [InlineData("-")]
    [InlineData("2*")]
    public void Half_an_expression_is_wrong_usage(string expression) =>
        Assert.Throws<UsageException>(() => ScaledFile.ParseTerms([expression]));

    [Theory]
    [InlineData("info --jsn", "there is no option '--jsn'")]
    [InlineData("doctor stray", "'stray' is not expected here")]
    [InlineData("generate -m", "-m")]
    [InlineData("generate -m x -n many", "-n is 'many'; give a whole number of at least -1")]
    [InlineData("generate -m x -np 257", "-np is '257'; give a whole number from 1 to 256")]
    [InlineData("generate -m x --temp warm", "--temp is 'warm'; give a number")]
    [InlineData("generate -m x --control-vector v --operation remove", "add, project, clamp, add-keep-norm or self")]
    [InlineData("generate -m x --layers 3", "--layers needs a vector")]
    [InlineData("generate -m x --control-vector v --layers 3 --control-vector-layer-range 1 2", "give one of them")]
    [InlineData("generate -m x --control-vector v --control-vector-layer-range 4 2", "the first not above the second")]
    [InlineData("generate -m x --resume", "name it with -o")]
    [InlineData("generate -m x --system y", "--system needs --chat")]
    [InlineData("vector show", "vector show --help")]
    [InlineData("vector combine a.gguf", "-o FILE is missing")]
    [InlineData("vector extract -m x -o y --positive-file a", "--negative-file")]
    [InlineData("vector extract -m x -o y --traces t --method pca", "--method has no meaning with --traces")]
    [InlineData("capture -m x -o y", "a prompt is missing")]
    [InlineData("train sft -m x -o y", "-f FILE is missing")]
    [InlineData("train sft -m x -f y", "-o FILE is missing")]
    [InlineData("train sft -m x -f y -o z --train weights", "give all, norms, vectors")]
    [InlineData("train sft -m x -f y -o z --layers 3", "--layers needs --train vectors")]
    [InlineData("train sft -m x -f y -o z --steps 3 --epochs 2", "give one of them")]
    [InlineData("train sft -m x -f y -o z --steps 0", "--steps is '0'; give a whole number of at least 1")]
    [InlineData("train sft -m x -f y -o z --eval-file a --eval-share 0.1", "give one of them")]
    [InlineData("train sft -m x -f y -o z --schedule linear", "cosine or constant")]
    [InlineData("train sft -m x -f y -o z --compute f16", "bf16 or f32")]
    [InlineData("train bias -m x -f y", "-o FILE is missing")]
    [InlineData("train bias -m x -f y -o z --floor 0.2", "--floor has no meaning")]
    [InlineData("train init -o y", "--vocab-from FILE is missing")]
    [InlineData("train sfd", "perhaps 'sft'")]
    public void Wrong_usage_is_one_line_that_says_what_to_give(string words, string expected) =>
        Assert.Contains(expected, CliRun.Fails(2, words.Split(' ')), StringComparison.Ordinal);

    private static string Show(IEnumerable<ScaledFile> files) => string.Join(';', files.Select(file => $"{file.Path}={file.Scale}"));
}
