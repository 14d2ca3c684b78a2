using NativeSteer.Engine;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using Xunit;

namespace NativeSteer.Tests.Engine;

public sealed class SamplerTests : IDisposable
{
    private readonly InferenceContext _context = Models.Tiny.CreateContext(new() { ContextLength = 64 });

    public SamplerTests() => _context.Decode(Models.Sequence(Models.Tiny, 6));

    public void Dispose() => _context.Dispose();

    [Fact]
    public void Greedy_picks_the_largest_logit()
    {
        var logits = _context.Logits(5).ToArray();
        var expected = Array.IndexOf(logits, logits.Max());
        Assert.Equal([expected], Draw(SamplerOptions.Greedy, 1));
        // One candidate leaves nothing to draw, whatever the temperature.
        Assert.Equal(Enumerable.Repeat(expected, 20), Draw(new() { Temperature = 5, TopK = 1, Seed = 3 }, 20));
    }

    [Fact]
    public void Of_equal_logits_greedy_picks_the_first()
    {
        using var folder = new TestFolder();
        var raw = RawGguf.Read(TinyModel.Path);
        Array.Clear(raw.Tensors.Single(tensor => tensor.Name == "output.weight").Data);
        using var model = LanguageModel.Load(folder.Write("flat.gguf", raw.Write()));
        using var context = model.CreateContext(new() { ContextLength = 64 });
        context.Decode(Models.Sequence(model, 4));
        Assert.True(context.Logits(3).ToArray().All(logit => logit == 0));
        using var greedy = Sampler.Create(SamplerOptions.Greedy);
        var tokens = new int[1];
        var logProbabilities = new float[1];
        context.Sample([3], [greedy], tokens, logProbabilities);
        Assert.Equal(0, tokens[0]);
        Assert.Equal(-Math.Log(TinyModel.VocabularySize), logProbabilities[0], 1e-5);
    }

    [Fact]
    public void The_seed_decides()
    {
        var options = new SamplerOptions { Temperature = 2, TopK = 0, TopP = 1, MinP = 0 };
        Assert.Equal(Draw(options with { Seed = 7 }, 50), Draw(options with { Seed = 7 }, 50));
        Assert.NotEqual(Draw(options with { Seed = 7 }, 50), Draw(options with { Seed = 8 }, 50));
    }

    [Fact]
    public void Drawn_tokens_follow_the_softmax_of_the_logits_over_the_temperature()
    {
        const float temperature = 1.5f;
        const int draws = 40_000;
        var logits = _context.Logits(5).ToArray().Select(logit => (double)logit / temperature).ToArray();
        var top = logits.Max();
        var sum = logits.Sum(logit => Math.Exp(logit - top));
        var expected = logits.Select(logit => draws * Math.Exp(logit - top) / sum).ToArray();
        var seen = new int[expected.Length];
        foreach (var token in Draw(new() { Temperature = temperature, TopK = 0, TopP = 1, MinP = 0, Seed = 1 }, draws)) seen[token]++;

        // Chi-square over the tokens expected at least 5 times, the rest in one bin. With n bins it has mean n - 1 and
        // deviation sqrt(2n): 4 deviations above the mean would come up by chance in one of 10,000 seeds.
        var (statistic, bins, restExpected, restSeen) = (0.0, 1, 0.0, 0);
        for (var i = 0; i < expected.Length; i++)
        {
            if (expected[i] < 5)
            {
                restExpected += expected[i];
                restSeen += seen[i];
                continue;
            }
            bins++;
            statistic += Math.Pow(seen[i] - expected[i], 2) / expected[i];
        }
        if (restExpected > 0) statistic += Math.Pow(restSeen - restExpected, 2) / restExpected;
        Assert.True(bins > 20, $"{bins} bins say little");
        Assert.True(statistic < bins + 4 * Math.Sqrt(2 * bins), $"chi-square {statistic} over {bins} bins");
    }

    [Fact]
    public void Top_k_top_p_and_min_p_keep_what_they_say()
    {
        var ranked = _context.Logits(5).ToArray().Select((logit, token) => (Logit: (double)logit, Token: token))
            .OrderByDescending(x => x.Logit).ToList();
        var sum = ranked.Sum(x => Math.Exp(x.Logit - ranked[0].Logit));
        var probability = ranked.Select(x => Math.Exp(x.Logit - ranked[0].Logit) / sum).ToList();

        CheckKept(5, new() { TopK = 5, TopP = 1, MinP = 0 });
        var cumulative = 0.0;
        var nucleus = probability.TakeWhile(p => (cumulative += p) - p < 0.5).Count();
        CheckKept(nucleus, new() { TopK = 0, TopP = 0.5f, MinP = 0 });
        CheckKept(probability.Count(p => p >= 0.3 * probability[0]), new() { TopK = 0, TopP = 1, MinP = 0.3f });

        void CheckKept(int count, SamplerOptions options)
        {
            // The heat makes all that are kept about equally likely.
            var drawn = Draw(options with { Temperature = 1000 }, 4000).Distinct().Order();
            Assert.Equal(ranked.Take(count).Select(x => x.Token).Order(), drawn);
        }
    }

    [Fact]
    public void Log_probabilities_are_of_the_unmodified_logits()
    {
        var logits = _context.Logits(5).ToArray().Select(logit => (double)logit).ToArray();
        var normalizer = Math.Log(logits.Sum(Math.Exp));
        using var sampler = Sampler.Create(new() { Temperature = 3, TopK = 4 });
        var (token, logProbability) = (new int[1], new float[1]);
        _context.Sample([5], [sampler], token, logProbability);
        Assert.Equal(logits[token[0]] - normalizer, logProbability[0], 1e-5);
    }

    [Fact]
    public void Options_without_sense_are_refused()
    {
        Fails.With(() => Sampler.Create(new() { Temperature = -1 }), "temperature", "-1");
        Fails.With(() => Sampler.Create(new() { Temperature = float.NaN }), "temperature");
        Fails.With(() => Sampler.Create(new() { TopK = -1 }), "top-k");
        Fails.With(() => Sampler.Create(new() { TopP = 0 }), "top-p");
        Fails.With(() => Sampler.Create(new() { TopP = 1.5f }), "top-p");
        Fails.With(() => Sampler.Create(new() { MinP = float.NaN }), "min-p");
        Fails.With(() => Sampler.Create(new() { MinP = 2 }), "min-p");
    }

    [Fact]
    public void Rows_without_logits_are_refused()
    {
        using var greedy = Sampler.Create(SamplerOptions.Greedy);
        foreach (var row in (int[])[-1, 4, 6, int.MaxValue])
        {
            Fails.With(() => _context.Sample([row], [greedy], new int[1]), $"Row {row}");
            Fails.With(() => _context.Logits(row), $"Row {row}");
        }
    }

    private int[] Draw(SamplerOptions options, int count)
    {
        using var sampler = Sampler.Create(options);
        var tokens = new int[count];
        for (var i = 0; i < count; i++) _context.Sample([5], [sampler], tokens.AsSpan(i, 1));
        return tokens;
    }
}
