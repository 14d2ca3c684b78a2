using NativeSteer.Cli.Commands;
using Xunit;

namespace NativeSteer.Tests.Cli;

public sealed class HelpTests
{
    private static readonly VerbList[] s_lists = [VerbList.Root, VerbList.Annotates, VerbList.Vectors, VerbList.Trains, VerbList.Countdown, VerbList.Studies, VerbList.Benches];

    public static TheoryData<string> Verbs => [.. s_lists.SelectMany(list => list.Verbs.Select(verb => $"{list.Path} {verb.Name}".Trim()))];

    [Fact]
    public void Without_a_verb_the_help_teaches_by_examples() => Golden.Check("help", CliRun.Run("--help").Out);

    [Theory, MemberData(nameof(Verbs))]
    public void Every_verb_has_purpose_options_examples_and_exit_codes(string verb)
    {
        var result = CliRun.Run([.. verb.Split(' '), "--help"]);
        Assert.Equal(0, result.Code);
        Assert.Empty(result.Error);
        Assert.DoesNotContain(result.Out.Split('\n'), line => line.Length > 130);
        Golden.Check($"help-{verb.Replace(' ', '-')}", result.Out);
    }

    [Fact]
    public void The_list_and_the_verb_state_the_same_purpose()
    {
        foreach (var list in s_lists)
        {
            foreach (var verb in list.Verbs.Where(verb => s_lists.All(other => other.Path != verb.Name)))
            {
                string[] path = [.. list.Path.Split(' ', StringSplitOptions.RemoveEmptyEntries), verb.Name];
                Assert.StartsWith($"{verb.Purpose}.\n", CliRun.Run([.. path, "--help"]).Out, StringComparison.Ordinal);
            }
        }
    }

    [Theory, MemberData(nameof(Verbs))]
    public void The_examples_of_the_help_can_be_parsed(string verb)
    {
        var help = CliRun.Run([.. verb.Split(' '), "--help"]).Out;
        foreach (var example in help.Split('\n').Where(line => line.StartsWith("  nativesteer ", StringComparison.Ordinal)))
        {
            var words = Words(example[2..]).TakeWhile(word => word is not ">").Skip(1).ToArray();
            // The files do not exist: that is an error of the work, not of the command line. Where no file is needed, an
            // impossible model stands for the missing file, before minutes of work begin.
            if (help.Contains("-m, --model ", StringComparison.Ordinal) && !words.Contains("-m")) words = [.. words, "-m", "nowhere.gguf"];
            if (help.Contains("--base FILE", StringComparison.Ordinal) && !words.Contains("--base")) words = [.. words, "--base", "none", "-f", "nowhere.jsonl"];
            if (verb == "bench kernels") words = [.. words, "--rows", "16", "-r", "1"]; // should there be a GPU
            if (verb == "train rl") words = [.. words.Select(word => word == "countdown-base" ? "nowhere.gguf" : word)];
            if (verb == "bench train") words = [.. words, "--shape", "32,32,1,3,3,32,2,1"];
            if (verb is "demo" or "study backtracking" or "study quantization" && !words.Contains("-o")) words = [.. words, "-o", "/dev/null/none"];
            Assert.NotEqual(2, CliRun.Run(words).Code);
        }
    }

    [Fact]
    public void Nothing_at_all_is_wrong_usage_and_shows_the_help_on_stderr()
    {
        var result = CliRun.Run();
        Assert.Equal(2, result.Code);
        Assert.Empty(result.Out);
        Assert.Equal(CliRun.Run("--help").Out, result.Error);
    }

    [Fact]
    public void Help_before_a_verb_is_the_verbs_help() => Assert.Equal(CliRun.Run("info", "--help").Out, CliRun.Run("help", "info").Out);

    [Fact]
    public void The_version_names_both_programs() =>
        Assert.Matches(@"^nativesteer \d+\.\d+\.\d+ \(llama\.cpp \S+\)\n$", CliRun.Run("--version").Out);

    [Theory]
    [InlineData("inof", "'info'")]
    [InlineData("vector shwo", "'show'")]
    [InlineData("transmogrify", "--help' lists them")]
    public void An_unknown_verb_is_wrong_usage(string verb, string hint) =>
        Assert.Contains(hint, CliRun.Fails(2, verb.Split(' ')), StringComparison.Ordinal);

    // Splits at spaces outside double quotes, as a shell does.
    private static IEnumerable<string> Words(string line) =>
        line.Split('"').SelectMany((part, i) => i % 2 == 1 ? [part] : part.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
