using System.Diagnostics;
using System.Text.Json.Nodes;
using NativeSteer.Files;
using NativeSteer.Rollouts;
using NativeSteer.Training;

namespace NativeSteer.Reinforcement;

/// <summary>How far a run is.</summary>
/// <param name="Step">Updates done, those of earlier parts of the run included.</param>
/// <param name="Steps">Updates in all.</param>
/// <param name="Resumed">The update that this part of the run began at.</param>
/// <param name="Accuracy">The share of right answers in the last update; NaN where none was generated.</param>
/// <param name="Curve">The share of right held-out answers each time that it was measured in this part of the run.</param>
/// <param name="Kl">The KL divergence from the model as it was, a token, by the k3 estimate; 0 where it is not measured.</param>
public readonly record struct PolicyProgress(long Step, long Steps, long Resumed, double Accuracy, IReadOnlyList<double> Curve, double Kl);

/// <summary>
/// The loop of on-policy training: answers, rewards, advantages, one update, from the model as it is at each step. The loss of an update is
/// [-A sum log p + beta sum k3] over all generated tokens (Sinii et al., arXiv 2505.18706), without clipping or importance weights, since
/// every answer is used once. What a step does depends on the seed, its number and the weights alone, so a run that goes on from a
/// checkpoint computes what it would have computed without the stop.
/// </summary>
internal sealed class PolicyLoop(
    ReinforcementOptions options, Trainer trainer, ITrainable trained, Policy policy, PolicyReference? reference, AgreementCheck agreement,
    RunIdentity identity, CheckpointFolder? checkpoints)
{
    private readonly Lessons _lessons = new(options, policy);
    private readonly LearningRateSchedule _schedule = new(options.LearningRate, options.Steps)
    {
        Warmup = LearningRateSchedule.WarmupSteps(options.Warmup, options.Steps),
    };
    private readonly List<double> _curve = [];
    private readonly Stopwatch _clock = new();
    private RunState _state = new();
    private bool _proven;
    private long _savedStep;

    internal RunState State => _state;

    private long EvaluateEvery => options.EvaluateEvery > 0 ? options.EvaluateEvery : Math.Max(1, (options.Steps + 9) / 10);

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
        var resumed = _state.Step;
        _clock.Restart();
        try
        {
            if (_state.Step == 0) Evaluate(log, stop);
            while (_state.Step < options.Steps)
            {
                stop.ThrowIfCancellationRequested();
                var (accuracy, kl) = Step(log, stop);
                if (IsMeasured(_state.Step)) Evaluate(log, stop);
                progress?.Report(new(_state.Step, options.Steps, resumed, accuracy, _curve, kl));
            }
        }
        catch (OperationCanceledException)
        {
            // What is done is saved below.
        }
        catch (NativeSteerException error)
        {
            if (_proven) TrySave();
            throw checkpoints?.Last is { } last
                ? new NativeSteerException($"{error.Message} The last checkpoint is {FileErrors.Shown(last)}: go on from it with --resume.", error) : error;
        }
        if (trainer.Tensors.All(tensor => tensor.Values.All(float.IsFinite))) Save();
    }

    private bool IsMeasured(long step) => step % EvaluateEvery == 0 || step == options.Steps;

    private (double Accuracy, double Kl) Step(TrainingLog? log, CancellationToken stop)
    {
        var lesson = _lessons.Of(_state.Step, stop);
        var line = new JsonObject { ["type"] = "step", ["step"] = _state.Step + 1 };
        foreach (var (name, value) in lesson.Facts) line[name] = value?.DeepClone();
        if (options.HeldOut.Count == 0 && (_state.Step == 0 || IsMeasured(_state.Step + 1))) CheckAgreement(lesson.Rollouts, line);
        line["updated"] = lesson.Answers.Count > 0;
        var kl = lesson.Answers.Count > 0 ? Update(lesson, line) : 0;
        _state = _state with { Step = _state.Step + 1, Tokens = _state.Tokens + lesson.Tokens };
        log?.Write(line);
        return (lesson.Accuracy, kl);
    }

    private double Update(Lesson lesson, JsonObject line)
    {
        var started = Stopwatch.GetTimestamp();
        var batches = AnswerRows.Pack(lesson.Answers, options.Rows, reference is not null);
        if (reference is not null) batches = [.. batches.Select(reference.Fill)];
        var result = trainer.Gradient(batches, lesson.Tokens);
        RequireSound(result);
        SaveProven();
        var found = Stopwatch.GetTimestamp();
        var rate = _schedule.At(_state.Step);
        trainer.Update(result, rate);
        _proven = false;
        var updated = Stopwatch.GetTimestamp();
        policy.Update();
        line["loss"] = result.Loss;
        line["gradient_norm"] = result.GradientNorm;
        if (reference is not null) line["kl"] = result.Kl;
        line["learning_rate"] = rate;
        line["gradient_seconds"] = Lessons.Seconds(started, found);
        line["update_seconds"] = Lessons.Seconds(found, updated);
        line["policy_seconds"] = Lessons.Seconds(updated, Stopwatch.GetTimestamp());
        return result.Kl;
    }

    private void RequireSound(StepResult result)
    {
        if (!result.IsFinite)
            throw new NativeSteerException(FormattableString.Invariant(
                $"The loss is {result.Loss} and the gradient norm {result.GradientNorm} at step {_state.Step + 1}; try a lower --lr or a longer --warmup."));
        if (result.Kl > options.MostKl)
            throw new NativeSteerException(FormattableString.Invariant(
                $"The KL divergence is {result.Kl:0.##} a token at step {_state.Step + 1}; try a lower --lr, or a larger --kl."));
    }

    private void Evaluate(TrainingLog? log, CancellationToken stop)
    {
        if (options.HeldOut.Count == 0) return;
        var figures = new StepFigures();
        var rollouts = policy.Answer(
            options.HeldOut, 1, options.MaxTokens, options.EvaluationTemperature, options.Seed, AnswerRound.Evaluation, stop);
        for (var i = 0; i < rollouts.Count; i++) figures.Add(options.HeldOut[i], rollouts[i]);
        _state = _state with { HeldOut = figures.Accuracy };
        _curve.Add(figures.Accuracy);
        var line = new JsonObject { ["type"] = "held_out", ["step"] = _state.Step };
        figures.Write(line);
        CheckAgreement(rollouts, line);
        log?.Write(line);
    }

    private void CheckAgreement(IReadOnlyList<Rollout> rollouts, JsonObject line)
    {
        if (agreement.Run(trainer, rollouts) is not { } found) return;
        line["log_probability_difference"] = found.Difference;
        line["log_probability_tolerance"] = found.Tolerance;
        AgreementCheck.Require(found);
    }

    // What has answered and has a gradient is good; what an update has just made of it may not be.
    private void SaveProven()
    {
        _proven = true;
        if (_clock.Elapsed.TotalMinutes < options.CheckpointMinutes) return;
        Save();
        _clock.Restart();
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
            Save();
        }
        catch (NativeSteerException)
        {
            // It is told of instead.
        }
    }
}
