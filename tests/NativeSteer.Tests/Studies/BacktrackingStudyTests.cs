using System.Text.Json.Nodes;
using NativeSteer.Countdown;
using NativeSteer.Extraction;
using NativeSteer.Hooks;
using NativeSteer.Judges;
using NativeSteer.Studies;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Studies;

/// <summary>The whole study on random models, whose rollouts are noise but repeat: what must hold of runs, not of findings.</summary>
public sealed class BacktrackingStudyTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_cut_anywhere_and_resumed_writes_the_same_log()
    {
        var options = Options();
        var whole = Run(options, "whole");
        var log = File.ReadAllBytes(whole.Log);
        var random = new Random(1);
        var cuts = Enumerable.Range(0, 5).Select(_ => random.Next(log.Length)).Append(log.Length - 1);
        foreach (var cut in cuts)
        {
            Copy(whole, "cut");
            var folder = new StudyFolder(_folder["cut"]);
            File.WriteAllBytes(folder.Log, log[..cut]);
            _ = Run(options, "cut", resume: true);
            Assert.Equal(Comparable(whole.Log), Comparable(folder.Log));
        }
    }

    [Fact]
    public void Traces_cut_anywhere_and_lost_sums_come_back_the_same()
    {
        var options = Options();
        var whole = Run(options, "whole");
        var traces = File.ReadAllBytes(whole.Traces);
        Copy(whole, "cut");
        var folder = new StudyFolder(_folder["cut"]);
        File.WriteAllBytes(folder.Traces, traces[..(traces.Length / 2)]);
        File.Delete(folder.Annotated);
        File.Delete(folder.Sums("base"));
        var lines = File.ReadAllLines(folder.Log);
        File.WriteAllLines(folder.Log, lines[..1]);
        _ = Run(options, "cut", resume: true);
        Assert.Equal(Comparable(whole.Traces), Comparable(folder.Traces));
        Assert.Equal(Comparable(whole.Log), Comparable(folder.Log));
        Assert.Equal(LabelledSumsFile.Read(whole.Sums("base")).Sums.Sums, LabelledSumsFile.Read(folder.Sums("base")).Sums.Sums);
    }

    [Fact]
    public void Two_shards_hold_together_what_one_run_holds()
    {
        var options = Options();
        var whole = Run(options, "whole");
        var first = Run(options with { Shard = (0, 2) }, "first");
        var second = Run(options with { Shard = (1, 2) }, "second");
        string[] Rollouts(StudyFolder folder) => [.. Comparable(folder.Log).Where(line => line.Contains("\"rollout\"", StringComparison.Ordinal))];
        Assert.NotEmpty(Rollouts(first));
        Assert.NotEmpty(Rollouts(second));
        Assert.Equal(Rollouts(whole).Order(StringComparer.Ordinal), Rollouts(first).Concat(Rollouts(second)).Order(StringComparer.Ordinal));
        var merged = BacktrackingResults.Of(BacktrackingLog.Read([second.Log, first.Log]));
        var one = BacktrackingResults.Of(BacktrackingLog.Read([whole.Log]));
        Assert.Equal(one.Conditions.Select(result => (result.Condition, result.Rate)).OrderBy(x => $"{x.Condition}"), merged.Conditions.Select(result => (result.Condition, result.Rate)).OrderBy(x => $"{x.Condition}"));
    }

    [Fact]
    public void Every_cell_has_a_rollout_for_every_prompt_and_scales_are_as_stated()
    {
        var options = Options();
        var folder = Run(options, "whole");
        var lines = File.ReadLines(folder.Log).Select(line => JsonNode.Parse(line)!).ToList();
        var cells = lines.Where(line => (string)line["type"]! == "cell").ToList();
        var rollouts = lines.Where(line => (string)line["type"]! == "rollout").ToLookup(line => (string)line["cell"]!);
        Assert.All(cells, cell => Assert.Equal(options.Prompts.Select(prompt => prompt.Id), rollouts[(string)cell["key"]!].Select(rollout => (string)rollout["prompt_id"]!)));
        Assert.All(rollouts["reasoning/none/s1"], rollout => Assert.Equal(0, (double)rollout["kl"]!));

        // A relative strength is a share of the mean norm of all labelled rows of the steered model, summed here by hand.
        var sums = LabelledSumsFile.Read(folder.Sums("base"));
        var slot = new HookSlot(HookSite.Residual, 1);
        double norms = 0;
        long rows = 0;
        foreach (var label in sums.Groups.Labels.Where(label => !label.StartsWith("shuffled/", StringComparison.Ordinal)))
        {
            for (var offset = sums.Groups.Offsets.First; offset <= sums.Groups.Offsets.Last; offset++)
            {
                var group = sums.Groups.Of(label, offset);
                norms += sums.Sums.MeanNorm(slot, group) is var mean && double.IsNaN(mean) ? 0 : mean * sums.Sums.Count(slot, group);
                rows += sums.Sums.Count(slot, group);
            }
        }
        var onBase = cells.First(cell => (string)cell["target"]! == "base" && (double)cell["magnitude"]! == 2);
        Assert.Equal(2 * norms / rows, (double)onBase["scale"]!, 2 * norms / rows * 1e-5);
    }

    [Fact]
    public void A_folder_of_other_settings_is_refused_with_the_difference()
    {
        _ = Run(Options(), "whole");
        var error = Assert.Throws<NativeSteerException>(() => Run(Options() with { MaxTokens = 11 }, "whole", resume: true));
        Assert.Contains("max_tokens 12, this run 11", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<NativeSteerException>(() => Run(Options() with { Base = TinyCountdown.File }, "whole", resume: true));
        Assert.Contains("another base model", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Traces_without_an_event_name_the_words_and_show_two_of_them()
    {
        var error = Assert.Throws<NativeSteerException>(() => Run(Options() with { Judge = new KeywordJudge(new KeywordSet("nowhere")) }, "none"));
        Assert.Contains("nowhere", error.Message, StringComparison.Ordinal);
        Assert.True(error.Message.Split("traces.jsonl:").Length == 3, error.Message);
    }

    [Fact]
    public void Models_that_do_not_fit_are_refused_before_any_work()
    {
        var error = Assert.Throws<NativeSteerException>(() => Run(Options() with { Base = TinyModel.Path }, "width"));
        Assert.Contains("cannot steer the other", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(new StudyFolder(_folder["width"]).Traces));
    }

    private StudyFolder Run(BacktrackingOptions options, string name, bool resume = false)
    {
        var folder = new StudyFolder(_folder[name]);
        new BacktrackingStudy(options, folder) { Resume = resume }.Run();
        return folder;
    }

    private void Copy(StudyFolder folder, string name)
    {
        if (Directory.Exists(_folder[name])) Directory.Delete(_folder[name], recursive: true);
        var target = new StudyFolder(_folder[name]);
        target.Create();
        foreach (var file in Directory.EnumerateFiles(folder.Path)) File.Copy(file, Path.Combine(target.Path, Path.GetFileName(file)));
    }

    /// <summary>The lines, without when the run began.</summary>
    private static string[] Comparable(string log) => [.. File.ReadLines(log).Select(line =>
    {
        var json = JsonNode.Parse(line)!.AsObject();
        json.Remove("started");
        return json.ToJsonString();
    })];

    // A random model says anything, and now and then wait.
    private BacktrackingOptions Options()
    {
        var puzzles = CountdownStudy.Puzzles(36);
        return new BacktrackingOptions
        {
            Reasoning = TinyCountdown.File,
            Base = OtherModel(),
            TracePrompts = [.. puzzles.Take(30)],
            Prompts = [.. puzzles.Skip(30)],
            Judge = new KeywordJudge(),
            Layer = 1,
            Offsets = OffsetRange.Window(-3, -1),
            HeatOffsets = [OffsetRange.Window(-6, -4), OffsetRange.Window(-3, -1)],
            Magnitudes = [0.5f, 2],
            MaxTokens = 12,
            TraceTokens = 40,
            Context = new() { Sequences = 4, Threads = 1 },
        };
    }

    private string OtherModel()
    {
        var path = _folder["base.gguf"];
        if (!File.Exists(path)) TinyModel.Build(CountdownVocabulary.AddTo, CountdownVocabulary.Size, layers: 2, seed: 9).Write(path);
        return path;
    }
}
