using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Hooks;
using NativeSteer.Rollouts;
using NativeSteer.Tasks;

namespace NativeSteer.Reinforcement;

/// <summary>Puts tasks to a model.</summary>
internal static class AnswerRound
{
    /// <summary>The stream of held-out answers, which no step has.</summary>
    internal const ulong Evaluation = ulong.MaxValue;

    /// <summary>Several answers to each task, those of a task one after the other; to the last bit the same for the same model, plan and stream.</summary>
    /// <param name="runner">Who answers.</param>
    /// <param name="vocabulary">Its model's tokenizer.</param>
    /// <param name="plan">How it is steered.</param>
    /// <param name="tasks">What is asked.</param>
    /// <param name="samples">Answers to each.</param>
    /// <param name="maxTokens">Most tokens of an answer.</param>
    /// <param name="temperature">0 takes the most likely token; nothing else narrows the choice.</param>
    /// <param name="seed">Decides the answers, with the stream.</param>
    /// <param name="stream">Which round it is.</param>
    /// <param name="stop">Stops it; nothing comes back then.</param>
    internal static IReadOnlyList<Rollout> Run(
        RolloutRunner runner, Vocabulary vocabulary, SteeringPlan plan, IReadOnlyList<TaskItem> tasks, int samples, int maxTokens, float temperature,
        ulong seed, ulong stream, CancellationToken stop)
    {
        var random = new StableRandom(seed, stream);
        var requests = new List<RolloutRequest>(tasks.Count * samples);
        foreach (var task in tasks)
        {
            var prompt = vocabulary.TokenizePrompt(task.Prompt);
            for (var sample = 0; sample < samples; sample++)
            {
                requests.Add(new RolloutRequest(prompt)
                {
                    Id = task.Id,
                    Plan = plan,
                    MaxTokens = maxTokens,
                    Sampling = new SamplerOptions { Temperature = temperature, TopK = 0, TopP = 1, MinP = 0, Seed = (uint)random.NextBits() },
                });
            }
        }
        return RolloutBlocks.Run(runner, requests, stop);
    }
}
