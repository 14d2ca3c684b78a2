using System.Text.Json;
using Xunit;

namespace NativeSteer.Tests.Cli;

public sealed class BenchTrainTests
{
    private const string Shape = "48,64,2,2,2,96,16,2";

    [Fact]
    public void Every_mode_is_a_row_with_its_baseline_and_equal_losses()
    {
        var rows = JsonElement.Parse(Bench("--shape", Shape, "--modes", "full-f32,full-bf16,bias-f32,bias-f16,bias-q8_0,bias-q4_0", "--json")).EnumerateArray().ToList();
        Assert.Equal(
            ["full-f32", "full-bf16", "bias-f32", "bias-f16", "bias-q8_0", "bias-q4_0"], rows.Select(row => row.GetProperty("mode").GetString()!));
        foreach (var row in rows)
        {
            Assert.Equal(Shape, row.GetProperty("shape").GetString());
            Assert.Equal(32, row.GetProperty("n_tokens").GetInt32());
            Assert.Equal(32, row.GetProperty("n_outputs").GetInt32());
            Assert.All(["ms_step", "tokens_per_second", "sgemm_gflops", "share_sgemm", "ratio_autodiff"], name => Assert.True(row.GetProperty(name).GetDouble() > 0, name));
            Assert.Equal(1, row.GetProperty("samples_autodiff_s").GetArrayLength());
            Assert.InRange(row.GetProperty("loss").GetDouble() / row.GetProperty("loss_autodiff").GetDouble(), 0.99, 1.01);
        }
        // 2 * (4 * 64^2 + 3 * 64 * 96) weights of blocks and 48 * 64 of the head see 32 tokens; 6 operations each. With vectors
        // alone 4, and 2 in the first of the two blocks.
        double Operations(int row) => rows[row].GetProperty("gflops").GetDouble() * 1e6 * rows[row].GetProperty("ms_step").GetDouble();
        Assert.InRange(Operations(0) / (6.0 * 32 * (2 * ((4 * 64 * 64) + (3 * 64 * 96)) + (48 * 64))), 0.95, 1.05);
        Assert.InRange(Operations(2) / (32 * ((2.0 + 4) * ((4 * 64 * 64) + (3 * 64 * 96)) + (4 * 48 * 64))), 0.95, 1.05);
    }

    [Fact]
    public void A_table_per_shape_says_how_it_was_measured()
    {
        var output = Bench("--shape", Shape, "--shape", "48,64,1,2,1,96,16,2", "--modes", "full-bf16", "--every", "4");
        Assert.Contains("V 48, d 64, 2 layers, 2 heads, 2 kv, ff 96, T 16 x B 2, 8 tokens counted\n\n|      mode |", output, StringComparison.Ordinal);
        Assert.Matches(@"\| full-bf16 \|[^\n]*\|           - \|              - \|\n", output); // shared keys: nothing to compare with
        Assert.Contains("1 threads, 1 rounds, medians [range]; llama.cpp ", output, StringComparison.Ordinal);
        Assert.Matches(@"sgemm: \d+ GFLOP/s by .+; 1024 x 1024 x 1024, measured in every round\n", output);
        Assert.EndsWith("more than 15 layers\n", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("csv", 2)]
    [InlineData("jsonl", 1)]
    public void It_prints_what_programs_read(string format, int lines)
    {
        var output = Bench("--shape", Shape, "--modes", "bias-q8_0", "-o", format);
        Assert.Equal(lines, output.Count(c => c == '\n'));
        if (format == "csv") Assert.Single(output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(',').Length).Distinct());
    }

    [Theory]
    [InlineData(2, "--shape is '1,2,3'; give eight whole numbers, V,d,layers,heads,kv,ff,T,B", "--shape", "1,2,3")]
    [InlineData(2, "--shape is 'a,b,c,d,e,f,g,h'", "--shape", "a,b,c,d,e,f,g,h")]
    [InlineData(2, "--modes has 'full'; give some of full-f32,", "--modes", "full")]
    [InlineData(2, "-r is '0'", "-r", "0")]
    [InlineData(1, "d 64 cannot be split into 3 heads of an even size", "--shape", "48,64,2,3,3,96,16,2")]
    [InlineData(1, "4 heads cannot share kv 3", "--shape", "48,64,2,4,3,96,16,2")]
    [InlineData(1, "ff is 0; give 1 to", "--shape", "48,64,2,2,2,0,16,2")]
    [InlineData(1, "multiples of 32 for Q8_0", "--shape", "48,40,2,2,2,96,16,2")]
    [InlineData(1, "of memory would be taken", "--shape", "1000000,65536,500,2,2,96,16,2")]
    [InlineData(1, "no-such-library.so cannot be loaded", "--shape", Shape, "--blas", "no-such-library.so")]
    public void Bad_input_is_one_line(int code, string expected, params string[] args) =>
        Assert.Contains(expected, CliRun.Fails(code, ["bench", "train", .. args]), StringComparison.Ordinal);

    [Fact]
    public void A_wrong_word_after_bench_is_no_file() => Assert.Contains("perhaps 'train'", CliRun.Fails(2, "bench", "trian"), StringComparison.Ordinal);

    [Fact]
    public void A_library_without_the_product_is_refused()
    {
        var library = Directory.EnumerateFiles(AppContext.BaseDirectory, "libggml-base*", SearchOption.AllDirectories).First();
        Assert.Contains("has no function cblas_sgemm", CliRun.Fails(1, "bench", "train", "--shape", Shape, "--blas", library), StringComparison.Ordinal);
    }

    private static string Bench(params string[] args)
    {
        var before = Folders();
        var result = CliRun.Run(["bench", "train", "-t", "1", "-r", "1", .. args]);
        Assert.True(result.Code == 0, result.Error);
        Assert.Empty(Folders().Except(before)); // the models are gone
        return result.Out;

        static string[] Folders() => Directory.GetDirectories(Path.GetTempPath(), "nativesteer-bench-*");
    }
}
