using System.Text.Json.Nodes;
using NativeSteer.Countdown;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Reports;
using NativeSteer.Studies;
using NativeSteer.Tests.Cli;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Reports;
using NativeSteer.Tests.Support;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Studies;

/// <summary>The quantisation study on a random model: what holds of any run, its log gone on with, and its report against the log.</summary>
public sealed class QuantizationStudyTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Full_precision_is_itself_and_fewer_bits_are_farther_away()
    {
        var results = Run("study");
        Assert.True(results.IsComplete);
        Assert.All(results.Fidelities.Where(fidelity => fidelity.Type == "F32"), fidelity => Assert.Equal((1, 1), (Math.Round(fidelity.Cosine, 5), Math.Round(fidelity.NormRatio, 6))));
        var (eight, four) = (Cosine("Q8_0"), Cosine("Q4_0"));
        Assert.True(four < eight && eight < 1 && four > 0.5, $"{four} {eight}");
        Assert.Equal(["F32", "Q8_0", "Q4_0"], results.Types);
        Assert.True(results.Model("reasoning", "Q4_0")!.Bits < results.Model("reasoning", "Q8_0")!.Bits);
        // 3 copies, each unsteered and with 3 vectors of the model's and 3 of the base's.
        Assert.Equal(3, results.Unsteered.Count);
        Assert.Equal(18, results.Effects.Count);
        Assert.All(results.Effects, effect => Assert.Equal(4, effect.Result.Rollouts));
        Assert.False(Directory.Exists(new StudyFolder(_folder["study"]).Models));

        double Cosine(string type) => results.Fidelities.Where(fidelity => fidelity.Type == type && fidelity.Source == "reasoning").Average(fidelity => fidelity.Cosine);
    }

    [Fact]
    public void Cosines_and_perplexity_are_those_of_the_files_that_are_left()
    {
        var results = Run("study", "--keep-models");
        var folder = new StudyFolder(_folder["study"]);
        var (full, four) = (ControlVectorFile.Read(folder.Vector("backtracking", "reasoning-F32")), ControlVectorFile.Read(folder.Vector("backtracking", "reasoning-Q4_0")));
        Assert.Equal(full.Cosine(four, 1), results.Fidelities.Single(fidelity => fidelity is { Source: "reasoning", Type: "Q4_0", Layer: 1 }).Cosine, 6);

        // The perplexity by the plainest way: one trace after the other, softmax in double.
        using var model = LanguageModel.Load(Path.Combine(folder.Models, "reasoning-Q4_0.gguf"));
        using var context = model.CreateContext(new() { ContextLength = 512, Threads = 1 });
        double sum = 0;
        long count = 0;
        foreach (var trace in TokenMap.Readable([.. LabelledTraces.Read(folder.Annotated)], model.Vocabulary, 512))
        {
            int[] prompt = model.Vocabulary.TokenizePrompt(trace.Prompt), tokens = [.. prompt, .. trace.Tokens ?? model.Vocabulary.Tokenize(trace.Text, addSpecial: false)];
            var batch = new TokenBatch();
            for (var i = 0; i < tokens.Length; i++) batch.Add(tokens[i], i, 0, output: true);
            context.Clear();
            context.Decode(batch);
            for (var i = prompt.Length; i < tokens.Length; i++)
            {
                var logits = context.Logits(i - 1).ToArray();
                sum += logits[tokens[i]] - Math.Log(logits.Sum(logit => Math.Exp(logit)));
                count++;
            }
        }
        Assert.Equal(Math.Exp(-sum / count), results.Perplexity("reasoning", "Q4_0"), 1e-2 * Math.Exp(-sum / count)); // other batches, an F16 cache
    }

    [Fact]
    public async Task A_run_killed_at_any_moment_resumes_to_the_same_log()
    {
        _ = Run("whole");
        var (whole, killed) = (new StudyFolder(_folder["whole"]), new StudyFolder(_folder["killed"]));
        foreach (var share in (double[])[0.2, 0.5, 0.8])
        {
            using var process = CliRun.Start([.. Arguments("killed"), "--resume"]);
            while (!process.HasExited && !(File.Exists(killed.Log) && new FileInfo(killed.Log).Length >= share * new FileInfo(whole.Log).Length)) await Task.Delay(5);
            process.Kill();
            await process.WaitForExitAsync();
        }
        Assert.Equal(0, CliRun.Run([.. Arguments("killed"), "--resume"]).Code);
        Assert.Equal(Lines(whole.Log), Lines(killed.Log));
        var error = CliRun.Fails(1, [.. Arguments("killed", "--types", "F32,Q8_0"), "--resume"]);
        Assert.Contains("the log has types", error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_report_has_the_numbers_of_the_log_and_is_drawn_again_from_it()
    {
        var results = Run("study");
        var folder = new StudyFolder(_folder["study"]);
        var effects = ReportFiles.Csv(Path.Combine(folder.Figures, "effects.csv"));
        Assert.Equal(18 + 2 * 3, effects.Count);
        foreach (var line in File.ReadLines(folder.Log).Select(line => JsonNode.Parse(line)!).Where(line => (string)line["type"]! == "rollout").GroupBy(line => (string)line["cell"]!))
        {
            var parts = line.Key.Split('/'); // TARGET/difference-of-means,SOURCE/TYPE,...
            if (parts[1].StartsWith("none", StringComparison.Ordinal)) continue;
            var (source, vector) = (parts[1].Split(',')[1], parts[2].Split(',')[0]);
            var row = effects.Single(row => row["steered"] == parts[0] && row["vector"] == vector && row["model"] == (source == "base" ? "other" : "countdown"));
            var (hits, words) = (line.Sum(rollout => (int)rollout["hits"]!), line.Sum(rollout => (int)rollout["words"]!));
            Assert.Equal(words == 0 ? double.NaN : (double)hits / words, row.Number("rate"), 12);
        }
        var html = File.ReadAllText(folder.Report);
        Assert.Equal(3, ReportFiles.Charts(html).Count);
        Assert.Contains("Q4_0", QuantizationSummary.Of(results)[0], StringComparison.Ordinal);
        File.Delete(folder.Report);
        Assert.Equal(0, CliRun.Run("report", folder.Path).Code);
        Assert.Equal(html, File.ReadAllText(folder.Report));
    }

    [Theory]
    [InlineData("IQ2_XS needs an importance matrix; ", "--types", "F32,IQ2_XS")]
    [InlineData("Two types at least", "--types", ",")]
    [InlineData("Two types at least", "--types", "F32")]
    [InlineData("named twice", "--types", "F32,Q8_0,f32")]
    [InlineData("no quantisation type 'Q7'", "--types", "F32,Q7")]
    [InlineData("other than 0", "--magnitude", "0")]
    [InlineData("holds no importance matrix", "--imatrix", "TINY")]
    [InlineData("Layer 2 was asked for, the model has 2", "--layer", "2")]
    public void What_makes_no_sense_is_one_line(string message, params string[] more) =>
        Assert.Contains(message, CliRun.Fails(1, Arguments("none", more[0], more[1] == "TINY" ? TinyModel.Path : more[1])), StringComparison.Ordinal);

    private QuantizationResults Run(string name, params string[] more)
    {
        var result = CliRun.Run([.. Arguments(name), .. more]);
        Assert.True(result.Code == 0, result.Error);
        return QuantizationResults.Read(new StudyFolder(_folder[name]).Log);
    }

    private string[] Arguments(string name, string option, string value)
    {
        var arguments = Arguments(name);
        var at = Array.IndexOf(arguments, option);
        if (at < 0) return [.. arguments, option, value];
        arguments[at + 1] = value;
        return arguments;
    }

    private string[] Arguments(string name) =>
    [
        "study", "quantization", "-m", TinyCountdown.File, "--base", Base(), "-f", Prompts(), "--types", "F32,Q8_0,Q4_0", "--prompts", "4", "--traces", "12", "--trace-tokens", "40",
        "-n", "8", "--layer", "1", "--offsets", "-3:-1", "-np", "3", "-t", "1", "-r", "1", "-o", _folder[name],
    ];

    private string Base()
    {
        var path = _folder["other.gguf"];
        if (!File.Exists(path)) TinyModel.Build(CountdownVocabulary.AddTo, CountdownVocabulary.Size, layers: 2, seed: 9).Write(path);
        return path;
    }

    private string Prompts()
    {
        var path = _folder["prompts.jsonl"];
        if (!File.Exists(path)) File.WriteAllLines(path, CountdownStudy.Puzzles(40).Select(prompt => new JsonObject { ["id"] = prompt.Id, ["problem"] = prompt.Text }.ToJsonString()));
        return path;
    }

    // Speeds differ from run to run, and when it was started.
    private static string[] Lines(string log) => [.. File.ReadLines(log).Select(line =>
    {
        var json = JsonNode.Parse(line)!.AsObject();
        foreach (var name in (string[])["started", "arguments", "prompt_tokens_per_second", "generated_tokens_per_second"]) json.Remove(name);
        return json.ToJsonString();
    })];
}
