using NativeSteer.Engine;
using NativeSteer.Hooks;
using NativeSteer.Rollouts;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Rollouts;

public sealed class RolloutRunnerTests
{
    // An F32 cache without flash attention: what a rollout's neighbours are does not change its tokens.
    private static readonly ContextOptions s_exact = new() { ContextLength = 512, Sequences = 8, CacheType = CacheType.F32, FlashAttention = false };

    [StoriesFact]
    public void Greedy_from_begin_of_text_tells_the_known_story()
    {
        using var context = Models.Stories.CreateContext(new() { ContextLength = 128 });
        using var runner = new RolloutRunner(context);
        var rollout = Assert.Single(runner.Run([new([Models.Stories.Vocabulary.BeginOfText]) { MaxTokens = 20 }]));
        Assert.Equal([403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426, 338, 401, 396, 267, 337], rollout.Tokens);
        Assert.StartsWith(" Once upon a time, there was a little girl named Lily.", rollout.Text, StringComparison.Ordinal);
        Assert.Equal(FinishReason.Length, rollout.Finish);
    }

    [Fact]
    public void Many_rollouts_in_few_sequences_equal_each_alone()
    {
        var requests = Enumerable.Range(0, 40).Select(i => Request(i) with { Plan = Plan(i % 5) }).ToArray();
        using var context = Models.Tiny.CreateContext(s_exact);
        using var runner = new RolloutRunner(context);
        var together = runner.Run(requests).ToDictionary(r => r.Request.Id, StringComparer.Ordinal);
        Assert.Equal(40, together.Count);
        Assert.Equal(40, runner.Statistics.Finished);
        foreach (var request in requests)
        {
            var alone = Assert.Single(runner.Run([request]));
            Assert.Equal(alone.Tokens, together[request.Id].Tokens);
            Assert.Equal(alone.Text, together[request.Id].Text);
        }
    }

    [Fact]
    public void Equal_prompts_are_computed_once_unless_they_are_steered_differently()
    {
        int[] prompt = [1, 20, 30, 40, 50];
        using var context = Models.Tiny.CreateContext(s_exact);

        using (var runner = new RolloutRunner(context))
        {
            var generated = Enumerable.Range(0, 20).Select(i => new RolloutRequest(prompt)
            {
                MaxTokens = 6,
                Plan = new SteeringPlan(new Intervention(Models.RandomVector(Models.Tiny.Shape, i, 1), 2) { Positions = PositionRange.Generated }),
            });
            Assert.Equal(20, runner.Run(generated).Count());
            Assert.Equal(4 + 20, runner.Statistics.PromptTokens); // once the shared part, and each rollout's last prompt token
        }
        using (var runner = new RolloutRunner(context))
        {
            var everywhere = Enumerable.Range(0, 3).Select(i => new RolloutRequest(prompt) { MaxTokens = 6, Plan = Plan(i + 1) }).ToArray();
            Assert.Equal(3, runner.Run(everywhere).Count());
            Assert.Equal(3 * 5, runner.Statistics.PromptTokens);
        }
    }

    [Fact]
    public void A_cache_too_small_for_all_still_finishes_all()
    {
        using var context = Models.Tiny.CreateContext(s_exact with { ContextLength = 256 });
        using var runner = new RolloutRunner(context);
        var requests = Enumerable.Range(0, 12).Select(i => Request(i) with { MaxTokens = 90 }).ToArray();
        Assert.Equal(12, runner.Run(requests).Select(r => r.Request.Id).Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public void The_same_seeds_repeat_the_run_and_other_seeds_do_not()
    {
        using var context = Models.Tiny.CreateContext(s_exact);
        using var runner = new RolloutRunner(context);
        string[] Texts(uint seed) => [.. runner.Run(Enumerable.Range(0, 12).Select(i => Request(i) with
        {
            Sampling = new SamplerOptions { Seed = seed + (uint)i, Temperature = 1, TopK = 0, TopP = 1, MinP = 0 },
        })).OrderBy(r => r.Request.Id, StringComparer.Ordinal).Select(r => string.Join(' ', r.Tokens))];
        Assert.Equal(Texts(1), Texts(1));
        Assert.NotEqual(Texts(1), Texts(100));
    }

    [Fact]
    public void Streamed_text_adds_up_to_the_rollouts_text_and_ends_before_the_stop_string()
    {
        using var context = Models.Tiny.CreateContext(s_exact);
        using var runner = new RolloutRunner(context);
        var free = Assert.Single(runner.Run([Request(3)]));
        var stop = free.Text.Substring(free.Text.Length / 2, 2);

        var streamed = "";
        runner.TextGenerated = (_, text) => streamed += text;
        var stopped = Assert.Single(runner.Run([Request(3) with { Stop = [stop] }]));
        Assert.Equal(FinishReason.Stop, stopped.Finish);
        Assert.Equal(free.Text[..free.Text.IndexOf(stop, StringComparison.Ordinal)], stopped.Text);
        Assert.Equal(stopped.Text, streamed);
    }

    [Fact]
    public void Log_probabilities_are_those_of_the_logits()
    {
        using var context = Models.Tiny.CreateContext(s_exact);
        using var runner = new RolloutRunner(context) { LogProbabilities = true };
        var request = Request(5) with { MaxTokens = 1 };
        var rollout = Assert.Single(runner.Run([request]));

        var batch = new TokenBatch();
        for (var i = 0; i < request.Prompt.Count; i++) batch.Add(request.Prompt[i], i, 0, output: i == request.Prompt.Count - 1);
        context.Decode(batch);
        var logits = context.Logits(request.Prompt.Count - 1).ToArray();
        var expected = logits[rollout.Tokens[0]] - Math.Log(logits.Sum(x => Math.Exp(x)));
        Assert.Equal(expected, rollout.LogProbability, 1e-4);
    }

    [Fact]
    public void Cancelling_keeps_what_was_finished_and_leaves_the_context_usable()
    {
        using var context = Models.Tiny.CreateContext(s_exact);
        using var runner = new RolloutRunner(context);
        using var source = new CancellationTokenSource();
        var finished = new List<Rollout>();
        Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (var rollout in runner.Run(Enumerable.Range(0, 100).Select(Request), source.Token))
            {
                finished.Add(rollout);
                if (finished.Count == 10) source.Cancel();
            }
        });
        Assert.InRange(finished.Count, 10, 40);
        Assert.Single(runner.Run([Request(0)]));
    }

    [Fact]
    public void A_prompt_longer_than_the_context_is_refused_by_name()
    {
        using var context = Models.Tiny.CreateContext(s_exact with { ContextLength = 256 });
        using var runner = new RolloutRunner(context);
        var error = Assert.Throws<NativeSteerException>(() => runner.Run([new([.. Enumerable.Repeat(5, 400)]) { Id = "p7" }]).ToArray());
        Assert.Contains("Prompt p7 has 400 tokens", error.Message, StringComparison.Ordinal);
        Assert.Contains("-c", error.Message, StringComparison.Ordinal);
    }

    private static RolloutRequest Request(int i) => new([1, 10 + i, 20 + i % 3, 30]) { Id = $"r{i:00}", MaxTokens = 5 + i % 7 * 3 };

    private static SteeringPlan Plan(int i) => i == 0 ? SteeringPlan.None : SteeringPlan.Add(Models.RandomVector(Models.Tiny.Shape, i, 1, 2), i);
}
