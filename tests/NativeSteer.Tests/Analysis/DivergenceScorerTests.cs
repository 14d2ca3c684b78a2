using NativeSteer.Analysis;
using NativeSteer.Engine;
using NativeSteer.Hooks;
using NativeSteer.Rollouts;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Analysis;

public sealed class DivergenceScorerTests
{
    // An F32 cache without flash attention: what stands beside a text changes its logits by float rounding alone.
    private static readonly ContextOptions s_exact = new() { ContextLength = 512, Sequences = 16, CacheType = CacheType.F32, FlashAttention = false };

    [Theory, ModelData("tiny"), ModelData("stories260K")]
    public void Scores_equal_those_of_each_text_run_alone_in_plain_double(string name)
    {
        var model = string.Equals(name, "tiny", StringComparison.Ordinal) ? Models.Tiny : Models.Stories;
        var texts = Texts(model).ToList();
        using var context = model.CreateContext(s_exact);
        using var scorer = new DivergenceScorer(context);
        var scores = scorer.Score(texts);
        Assert.Equal(texts.Count, scores.Count);
        for (var i = 0; i < texts.Count; i++)
        {
            var (divergence, logProbability) = Alone(model, texts[i]);
            Assert.Equal(divergence, scores[i].Divergence, 1e-4 * Math.Max(divergence, 1e-2));
            Assert.Equal(logProbability, scores[i].LogProbability, 1e-4 * Math.Abs(logProbability));
            Assert.Equal(Math.Exp(-logProbability / texts[i].Tokens.Count), scores[i].Perplexity, 1e-3 * scores[i].Perplexity);
            Assert.Equal(texts[i].Tokens.Count, scores[i].Tokens);
        }
        Assert.Contains(scores, score => score.Divergence > 1e-3);
    }

    [Theory]
    [InlineData(2, 64, 256)]
    [InlineData(3, 5, 256)]
    [InlineData(16, 512, 512)]
    public void How_the_texts_are_batched_does_not_matter(int sequences, int batch, int length)
    {
        var texts = Texts(Models.Tiny).ToList();
        using var wide = Models.Tiny.CreateContext(s_exact);
        using var narrow = Models.Tiny.CreateContext(s_exact with { Sequences = sequences, BatchLength = batch, ContextLength = length });
        using var scorer = new DivergenceScorer(wide);
        using var other = new DivergenceScorer(narrow);
        var done = new List<int>();
        var expected = scorer.Score(texts);
        var actual = other.Score(texts, new Listener(done));
        for (var i = 0; i < texts.Count; i++)
        {
            Assert.Equal(expected[i].Divergence, actual[i].Divergence, 1e-5);
            Assert.Equal(expected[i].LogProbability, actual[i].LogProbability, 1e-3);
        }
        Assert.Equal(texts.Count, done[^1]);
        Assert.Equal(done.Order(), done);
    }

    [Fact]
    public void Without_steering_the_divergence_is_exactly_zero()
    {
        var vector = Models.RandomVector(Models.Tiny.Shape, 1, 0, 2, 3);
        int[] prompt = [1, 20, 30], tokens = [40, 50, 60, 70];
        using var context = Models.Tiny.CreateContext(s_exact);
        using var scorer = new DivergenceScorer(context);
        var scores = scorer.Score(
        [
            new(prompt, tokens),
            new(prompt, tokens) { Plan = SteeringPlan.Add(vector, 0) },
            new(prompt, tokens) { Plan = new SteeringPlan(new Intervention(vector, 3), new Intervention(-vector, 3)) },
            new(prompt, [40]) { Plan = new SteeringPlan(new Intervention(vector, 9) { Positions = PositionRange.Generated }) },
            new(prompt, tokens) { Plan = SteeringPlan.Add(vector, 9) },
        ]);
        Assert.Equal(0, scores[0].Divergence);
        Assert.Equal(0, scores[1].Divergence);
        Assert.InRange(scores[2].Divergence, 0, 1e-9); // run, and cancelled
        Assert.InRange(scores[3].Divergence, 0, 1e-9); // the first token comes before any steered row
        Assert.InRange(scores[4].Divergence, 1e-3, double.MaxValue);
        Assert.All(scores.Take(3), score => Assert.Equal(scores[4].LogProbability, score.LogProbability));
    }

    [Fact]
    public void Unsteered_runs_and_prompts_are_computed_once()
    {
        int[] prompt = [1, 20, 30, 40, 50], tokens = [60, 70, 80];
        using var context = Models.Tiny.CreateContext(s_exact);
        using var scorer = new DivergenceScorer(context);
        var plans = Enumerable.Range(0, 3).Select(i => Plan(i, PositionRange.Generated)).ToArray();
        _ = scorer.Score([.. plans.Select(plan => new ScoredText(prompt, tokens) { Plan = plan }), new(prompt, tokens), new(prompt, tokens) { Plan = plans[0] }]);
        Assert.Equal(4 + 4 * 3, scorer.Statistics.DecodedTokens); // the prompt but for its last token; one run unsteered, three steered
        Assert.Equal(3 * 4 + 4 * 3, scorer.Statistics.ReusedTokens);

        using var everywhere = Models.Tiny.CreateContext(s_exact);
        using var other = new DivergenceScorer(everywhere);
        _ = other.Score([.. Enumerable.Range(0, 3).Select(i => new ScoredText(prompt, tokens) { Plan = Plan(i, PositionRange.All) })]);
        Assert.Equal(4 * 4 + 4 * 3, other.Statistics.DecodedTokens);
    }

    [Fact]
    public void An_unsteered_rollout_is_as_likely_as_it_was_when_it_was_made()
    {
        using var context = Models.Tiny.CreateContext(s_exact);
        Rollout rollout;
        using (var runner = new RolloutRunner(context) { LogProbabilities = true })
        {
            rollout = Assert.Single(runner.Run([new RolloutRequest([1, 20, 30]) { MaxTokens = 24, Sampling = new SamplerOptions { Temperature = 1, Seed = 7 } }]));
        }
        Assert.Equal(FinishReason.Length, rollout.Finish); // an end token's probability would be part of the rollout's
        using var scorer = new DivergenceScorer(context);
        Assert.Equal(rollout.LogProbability, Assert.Single(scorer.Score([ScoredText.Of(rollout)])).LogProbability, 1e-3);
    }

    [Fact]
    public void Empty_completions_have_no_score_and_long_ones_are_refused()
    {
        using var context = Models.Tiny.CreateContext(s_exact with { ContextLength = 256 });
        using (var scorer = new DivergenceScorer(context))
        {
            var score = Assert.Single(scorer.Score([new([1], [])]));
            Assert.True(double.IsNaN(score.Divergence) && double.IsNaN(score.Perplexity));
            ScoredText longest = new([1], [.. Enumerable.Repeat(20, 128)]);
            Assert.Single(scorer.Score([longest]));
            var error = Assert.Throws<NativeSteerException>(() => scorer.Score([longest with { Plan = Plan(1, PositionRange.All) }]));
            Assert.Contains("258 or more with -c", error.Message, StringComparison.Ordinal);
            Assert.Throws<NativeSteerException>(() => scorer.Score([new([], [20])]));
        }
        using var single = Models.Tiny.CreateContext(s_exact with { Sequences = 1 });
        Assert.Throws<ArgumentException>(() => new DivergenceScorer(single));
    }

    private sealed class Listener(List<int> done) : IProgress<int>
    {
        public void Report(int value) => done.Add(value);
    }

    private static SteeringPlan Plan(int seed, PositionRange positions) =>
        new(new Intervention(Models.RandomVector(Models.Tiny.Shape, seed, 1, 2), 2 + seed) { Positions = positions });

    // Several plans on equal texts, equal prompts before others, every kind of range, texts of all lengths.
    private static IEnumerable<ScoredText> Texts(LanguageModel model)
    {
        var random = new Random(4);
        int[][] prompts = [.. Enumerable.Range(0, 3).Select(i => Tokens(4 + 5 * i))];
        PositionRange[] ranges = [PositionRange.All, PositionRange.Generated, PositionRange.GeneratedWindow(2, 5), PositionRange.Prompt];
        for (var i = 0; i < 24; i++)
        {
            var tokens = i % 3 == 2 ? Tokens(1 + i) : [.. Enumerable.Range(30, 12)];
            var vector = Models.RandomVector(model.Shape, i, 1, 3);
            yield return new ScoredText(prompts[i % 3], tokens)
            {
                Plan = i % 6 == 5 ? SteeringPlan.None : new SteeringPlan(new Intervention(vector, 1 + i % 5) { Positions = ranges[i % 4] }),
            };
        }

        int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(3, model.Vocabulary.Size))];
    }

    private static (double Divergence, double LogProbability) Alone(LanguageModel model, ScoredText text)
    {
        var (steered, plain) = (Logits(model, text, text.Plan), Logits(model, text, SteeringPlan.None));
        double divergence = 0, logProbability = 0;
        for (var i = 0; i < text.Tokens.Count; i++)
        {
            divergence += Reference.Divergence(steered[i], plain[i]) / text.Tokens.Count;
            logProbability += plain[i][text.Tokens[i]] - Reference.LogSum(plain[i]);
        }
        return (divergence, logProbability);
    }

    private static float[][] Logits(LanguageModel model, ScoredText text, SteeringPlan plan)
    {
        using var context = model.CreateContext(s_exact);
        using var hook = new ResidualHook(context);
        var batch = new TokenBatch();
        foreach (var token in text.Prompt.Concat(text.Tokens)) batch.Add(token, batch.Count, 0, output: true);
        using (hook.Apply(SequencePlans.Same(plan, 1, text.Prompt.Count))) context.Decode(batch);
        return [.. Enumerable.Range(text.Prompt.Count - 1, text.Tokens.Count).Select(row => context.Logits(row).ToArray())];
    }
}
