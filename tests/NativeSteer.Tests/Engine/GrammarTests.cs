using System.Text.RegularExpressions;
using NativeSteer.Engine;
using NativeSteer.Rollouts;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Engine;

public sealed class GrammarTests
{
    private const string Yes = "root ::= \"the\" (\" a\" | \" so\")* \"\\n\"";

    [Theory]
    [InlineData(0)]
    [InlineData(1.5)]
    public void Every_row_of_a_batch_follows_its_own_grammar(double temperature)
    {
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 2048, Sequences = 16, Threads = 1 });
        using var runner = new RolloutRunner(context);
        (string Grammar, string Expected)[] grammars = [("root ::= [0-9]{3}", "^[0-9]{3}$"), ("root ::= \"wait\" | \"hmm\"", "^(wait|hmm)$"), ("root ::= \"é日\" [a-z]{1,8}", "^é日[a-z]{1,8}$")];
        var rollouts = runner.Run(Enumerable.Range(0, 32).Select(i => new RolloutRequest([1, 10 + i])
        {
            Id = $"{i % 4}",
            MaxTokens = 40,
            Sampling = new() { Temperature = (float)temperature, Seed = (uint)i, Grammar = i % 4 == 3 ? null : grammars[i % 4].Grammar },
        })).ToList();
        Assert.Equal(32, rollouts.Count);
        foreach (var rollout in rollouts.Where(rollout => rollout.Request.Id is not "3"))
        {
            Assert.Matches(grammars[int.Parse(rollout.Request.Id)].Expected, rollout.Text);
            Assert.Equal(FinishReason.End, rollout.Finish);
        }
        Assert.Contains(rollouts, rollout => rollout.Request.Id is "3" && !grammars.Any(grammar => Regex.IsMatch(rollout.Text, grammar.Expected, RegexOptions.None, TimeSpan.FromSeconds(1))));
    }

    [Fact]
    public void Greedy_takes_the_likeliest_allowed_token()
    {
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 64 });
        context.Decode(Models.Sequence(Models.Tiny, 6));
        using var sampler = Sampler.Create(SamplerOptions.Greedy with { Grammar = "root ::= [a-z] [a-z]" }, Models.Tiny.Vocabulary);
        var token = new int[1];
        context.Sample([5], [sampler], token);
        var logits = context.Logits(5).ToArray();
        var allowed = Enumerable.Range(0, logits.Length).Where(id => Regex.IsMatch(Models.Tiny.Vocabulary.Detokenize([id]), "^[a-z]{1,2}$", RegexOptions.None, TimeSpan.FromSeconds(1)) && Models.Tiny.Vocabulary.Piece(id)[0] != ' ');
        Assert.Equal(allowed.MaxBy(id => logits[id]), token[0]);
    }

    [Fact]
    public void Draws_have_the_models_probabilities_among_what_is_allowed()
    {
        const int draws = 4000;
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 64 });
        context.Decode(Models.Sequence(Models.Tiny, 6));
        var logits = context.Logits(5).ToArray();
        var (e, a) = (Token("e"), Token("a"));
        var seen = 0;
        for (var seed = 0; seed < draws; seed++)
        {
            using var sampler = Sampler.Create(new() { Temperature = 1, TopK = 0, TopP = 1, MinP = 0, Seed = (uint)seed, Grammar = "root ::= \"e\" | \"a\"" }, Models.Tiny.Vocabulary);
            var token = new int[1];
            context.Sample([5], [sampler], token);
            Assert.Contains(token[0], new[] { e, a }.Concat(ByteTokens("ea")));
            if (Models.Tiny.Vocabulary.Piece(token[0])[0] == 'e') seen++;
        }
        double Weight(char letter) => new[] { Token($"{letter}") }.Concat(ByteTokens($"{letter}")).Distinct().Sum(id => Math.Exp(logits[id]));
        var share = Weight('e') / (Weight('e') + Weight('a'));
        Assert.InRange((double)seen / draws, share - 4 * Math.Sqrt(share * (1 - share) / draws), share + 4 * Math.Sqrt(share * (1 - share) / draws));

        static int Token(string piece) => Enumerable.Range(3 + 256, Models.Tiny.Vocabulary.Size - 259).Single(id => Models.Tiny.Vocabulary.Piece(id).AsSpan().SequenceEqual(System.Text.Encoding.UTF8.GetBytes(piece)));
        static IEnumerable<int> ByteTokens(string letters) => letters.Select(letter => 3 + letter);
    }

    [Theory]
    [InlineData("root ::= (")]
    [InlineData("root ::= undefined")]
    [InlineData("root ::= root \"a\"")]
    [InlineData("start ::= \"a\"")]
    [InlineData("root ::= \"a\"{99999999999}")]
    [InlineData("no grammar at all")]
    [InlineData("root ::= [z-")]
    public void An_invalid_grammar_is_an_error_and_the_process_goes_on(string grammar)
    {
        var error = Fails.With(() => Sampler.Create(SamplerOptions.Greedy with { Grammar = grammar }, Models.Tiny.Vocabulary).Dispose(), "grammar cannot be used", "check its rules");
        Assert.DoesNotContain('\n', error.Message);
        using var context = Models.Tiny.CreateContext(new() { ContextLength = 128, Threads = 1 });
        using var runner = new RolloutRunner(context);
        Assert.Matches("^the( a| so)*\n$", Assert.Single(runner.Run([new([1, 5]) { MaxTokens = 100, Sampling = new() { Grammar = Yes, Seed = 4 } }])).Text);
    }

    [Fact]
    public void An_empty_grammar_or_one_without_vocabulary_is_refused()
    {
        Fails.With(() => Sampler.Create(SamplerOptions.Greedy with { Grammar = " " }, Models.Tiny.Vocabulary), "grammar is empty");
        Fails.With(() => Sampler.Create(SamplerOptions.Greedy with { Grammar = "root ::= \"a\0\"" }, Models.Tiny.Vocabulary), "zero character");
        Assert.Throws<ArgumentNullException>(() => Sampler.Create(SamplerOptions.Greedy with { Grammar = Yes }));
    }
}
