using System.Diagnostics;
using System.Text.Json.Nodes;
using NativeSteer.Files;
using NativeSteer.Rollouts;
using NativeSteer.Tasks;
using NativeSteer.Training;

namespace NativeSteer.Reinforcement;

/// <summary>How far a run is.</summary>
/// <param name="Step">Updates done, those of earlier parts of the run included.</param>
/// <param name="Steps">Updates in all.</param>
/// <param name="Resumed">The update that this part of the run began at.</param>
/// <param name="Accuracy">The share of right answers in the last update.</param>
/// <param name="HeldOut">The share of right held-out answers last measured, or NaN.</param>
/// <param name="Kl">The KL divergence from the model as it was, a token, by the k3 estimate; 0 where it is not measured.</param>
public readonly record struct PolicyProgress(long Step, long Steps, long Resumed, double Accuracy, double HeldOut, double Kl);

/// <summary>
/// The loop of on-policy training: answers, rewards, advantages, one update, from the model as it is at each step. The loss of an update is
/// [-A sum log p + beta sum k3] over all generated tokens (Sinii et al., arXiv 2505.18706), without clipping or importance weights, since
/// every answer is used once. What a step does depends on the seed, its number and the weights alone, so a run that goes on from a
/// checkpoint computes what it would have computed without the stop.
/// </summary>
internal sealed class PolicyLoop(
    ReinforcementOptions options, Trainer trainer, ITrainable trained, Policy policy, PolicyReference? reference, RunIdentity identity, CheckpointFolder? checkpoints)
{
    private const ulong EvaluationStream = ulong.MaxValue, CoinSeed = 0x636F696E;

    private readonly LearningRateSchedule _schedule = new(options.LearningRate, options.Steps)
    {
        Warmup = LearningRateSchedule.WarmupSteps(options.Warmup, options.Steps),
    };
    private RunState _state = new();
    private long _savedStep;

    internal RunState State => _state;

    /// <summary>Goes on from the folder's last checkpoint, where there is one.</summary>
    internal bool Resume()
    {
        if (checkpoints?.Last is not { } last) return false;
        _state = CheckpointFile.Restore(last, trained, identity);
        _savedStep = _state.Step;
        policy.Update();
        return true;
    }

    /// <summary>Trains until the end, or until it is told to stop; the step in work is dropped then, and what is done is saved.</summary>
    /// <exception cref="NativeSteerException">Something is no number any more, or cannot be written; the checkpoints made so far stay.</exception>
    internal void Run(TrainingLog? log, IProgress<PolicyProgress>? progress, CancellationToken stop)
    {
        var (resumed, clock) = (_state.Step, Stopwatch.StartNew());
        var every = options.EvaluateEvery > 0 ? options.EvaluateEvery : Math.Max(1, (options.Steps + 9) / 10);
        try
        {
            if (_state.Step == 0) Evaluate(log, stop);
            while (_state.Step < options.Steps)
            {
                stop.ThrowIfCancellationRequested();
                var (figures, line, kl) = Step(every, stop);
                log?.Write(line);
                if (_state.Step % every == 0 || _state.Step == options.Steps) Evaluate(log, stop);
                progress?.Report(new(_state.Step, options.Steps, resumed, figures.Accuracy, _state.HeldOutLoss, kl));
                if (clock.Elapsed.TotalMinutes < options.CheckpointMinutes) continue;
                Save();
                clock.Restart();
            }
        }
        catch (OperationCanceledException)
        {
            // What is done is saved below.
        }
        catch (NativeSteerException)
        {
            TrySave();
            throw;
        }
        Save();
    }

    private (StepFigures Figures, JsonObject Line, double Kl) Step(long every, CancellationToken stop)
    {
        var started = Stopwatch.GetTimestamp();
        var tasks = Tasks(_state.Step);
        var rollouts = AnswerRound.Run(
            policy, tasks, options.Samples, options.MaxTokens, options.Trainer.Temperature, options.Seed, (ulong)_state.Step, stop);
        var answered = Stopwatch.GetTimestamp();
        var figures = new StepFigures();
        var rewards = Rewards(tasks, rollouts, figures);
        var judged = Stopwatch.GetTimestamp();
        double? difference = _state.Step == 0 || _state.Step % every == 0 ? Agreement(rollouts) : null;
        var checkedAt = Stopwatch.GetTimestamp();
        var (result, equal) = Update(rollouts, rewards, figures.Tokens);
        policy.Update();
        _state = _state with { Step = _state.Step + 1, Tokens = _state.Tokens + figures.Tokens };
        var line = new JsonObject { ["type"] = "step", ["step"] = _state.Step, ["reward"] = Math.Round(rewards.Average(), 6) };
        figures.Write(line);
        line["equal_rewards"] = equal;
        line["updated"] = result is not null;
        if (result is { } update)
        {
            line["loss"] = update.Loss;
            line["gradient_norm"] = update.GradientNorm;
            if (reference is not null) line["kl"] = update.Kl;
        }
        line["learning_rate"] = _schedule.At(_state.Step - 1);
        if (difference is { } found) line["log_probability_difference"] = found;
        line["rollout_seconds"] = Seconds(started, answered);
        line["verifier_seconds"] = Seconds(answered, judged);
        line["update_seconds"] = Seconds(checkedAt, Stopwatch.GetTimestamp());
        return (figures, line, result?.Kl ?? 0);
    }

    // One update, or none where every prompt's rewards are equal and nothing holds the policy to its reference.
    private (StepResult? Result, int EqualPrompts) Update(IReadOnlyList<Rollout> rollouts, double[] rewards, long generated)
    {
        var sequences = new List<TrainingSequence>();
        var equal = 0;
        for (var first = 0; first < rollouts.Count; first += options.Samples)
        {
            var advantages = Advantage.Of(options.Advantage, rewards[first..(first + options.Samples)]);
            if (advantages.All(advantage => advantage == 0)) equal++;
            for (var i = 0; i < advantages.Length; i++)
            {
                var rollout = rollouts[first + i];
                if (PolicyBatch.Generated(rollout) > 0 && (advantages[i] != 0 || reference is not null))
                    sequences.Add(PolicyBatch.Sequence(rollout, advantages[i], reference is not null));
            }
        }
        if (sequences.Count == 0) return (null, equal);
        var batches = PolicyBatch.Pack(sequences, options.Rows);
        if (reference is not null) batches = [.. batches.Select(reference.Fill)];
        var result = trainer.Step(batches, _schedule.At(_state.Step), generated);
        if (!result.IsFinite)
            throw Lost(FormattableString.Invariant($"The loss is {result.Loss} and the gradient norm {result.GradientNorm} at step {_state.Step + 1}"));
        if (result.Kl > options.MostKl)
            throw Lost(FormattableString.Invariant($"The KL divergence is {result.Kl:0.##} a token at step {_state.Step + 1}"));
        return (result, equal);
    }

    private double[] Rewards(List<TaskItem> tasks, IReadOnlyList<Rollout> rollouts, StepFigures figures)
    {
        var coins = new StableRandom(options.Seed ^ CoinSeed, (ulong)_state.Step);
        var rewards = new double[rollouts.Count];
        for (var i = 0; i < rewards.Length; i++)
        {
            var verdict = figures.Add(tasks[i / options.Samples], rollouts[i]);
            var right = options.Reward == RewardKind.Random ? coins.Chance(0.5) : verdict.IsRight;
            rewards[i] = right ? 1 : -1;
        }
        return rewards;
    }

    // The next prompts: all tasks in an order of the epoch's, then all again in another.
    private List<TaskItem> Tasks(long step)
    {
        var tasks = new List<TaskItem>(options.Prompts);
        var (known, order) = (-1L, Array.Empty<int>());
        for (var i = 0; i < options.Prompts; i++)
        {
            var (epoch, index) = Math.DivRem(step * options.Prompts + i, options.Tasks.Count);
            if (epoch != known)
            {
                (known, order) = (epoch, [.. Enumerable.Range(0, options.Tasks.Count)]);
                new StableRandom(~options.Seed, (ulong)epoch).Shuffle<int>(order);
            }
            tasks.Add(options.Tasks[order[index]]);
        }
        return tasks;
    }

    private void Evaluate(TrainingLog? log, CancellationToken stop)
    {
        if (options.HeldOut.Count == 0) return;
        var figures = new StepFigures();
        var rollouts = AnswerRound.Run(
            policy, options.HeldOut, 1, options.MaxTokens, options.EvaluationTemperature, options.Seed, EvaluationStream, stop);
        for (var i = 0; i < rollouts.Count; i++) figures.Add(options.HeldOut[i], rollouts[i]);
        _state = _state with { HeldOutLoss = figures.Accuracy };
        var line = new JsonObject { ["type"] = "held_out", ["step"] = _state.Step };
        figures.Write(line);
        log?.Write(line);
    }

    private double Agreement(IReadOnlyList<Rollout> rollouts)
    {
        var difference = AgreementCheck.Difference(trainer, rollouts);
        if (difference <= AgreementCheck.Tolerance || double.IsNaN(difference)) return difference;
        throw new NativeSteerException(FormattableString.Invariant(
            $"The rollouts and the trainer do not see the same model: a token's log-probability differs by {difference:0.####} nats on average, {AgreementCheck.Tolerance} are allowed; use --compute f32, or check the model with 'nativesteer doctor'."));
    }

    private void Save()
    {
        if (checkpoints is null || _state.Step == _savedStep) return;
        checkpoints.Save(trained, _state, identity);
        _savedStep = _state.Step;
    }

    // The first error is the one to mend.
    private void TrySave()
    {
        try
        {
            if (trainer.Tensors.All(tensor => tensor.Values.All(float.IsFinite))) Save();
        }
        catch (NativeSteerException)
        {
            // It is told of instead.
        }
    }

    private NativeSteerException Lost(string what) => new(checkpoints?.Last is { } last
        ? $"{what}; the last checkpoint is {FileErrors.Shown(last)}. Go on from it with --resume and a lower --lr."
        : $"{what}; no checkpoint was made yet. Try a lower --lr or a longer --warmup.");

    private static double Seconds(long from, long to) => Math.Round(Stopwatch.GetElapsedTime(from, to).TotalSeconds, 4);
}
