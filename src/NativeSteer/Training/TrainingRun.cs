using System.Diagnostics;
using System.Text.Json.Nodes;
using NativeSteer.Files;

namespace NativeSteer.Training;

/// <summary>
/// The loop: batches to updates, the log, the held-out loss, checkpoints. A run that goes on from a checkpoint computes what it
/// would have computed without the stop.
/// </summary>
internal sealed class TrainingRun
{
    private readonly ITrainable _trainer;
    private readonly BatchPacker _packer;
    private readonly TrainingRunOptions _options;
    private readonly long _batches; // of the whole run
    private RunState _state = new();
    private TrainingBatch? _lastBatch; // of the latest update
    private long _savedStep; // of the last checkpoint

    /// <summary>Sets a run up, at its beginning.</summary>
    /// <exception cref="OperationCanceledException">It was told to stop while it counted batches.</exception>
    internal TrainingRun(ITrainable trainer, BatchPacker packer, TrainingRunOptions options, CancellationToken stop = default)
    {
        _trainer = trainer;
        _packer = packer;
        _options = options;
        _batches = checked(options.Steps * options.Accumulate) ?? BatchesOf(packer, options.Epochs, stop);
        Steps = (_batches + options.Accumulate - 1) / options.Accumulate;
        Schedule = new LearningRateSchedule(options.LearningRate, Steps)
        {
            Warmup = LearningRateSchedule.WarmupSteps(options.Warmup, Steps),
            Kind = options.Schedule,
            Floor = options.Floor,
        };
    }

    /// <summary>Updates of the whole run.</summary>
    internal long Steps { get; }

    /// <summary>The learning rate of each update.</summary>
    internal LearningRateSchedule Schedule { get; }

    /// <summary>The run that checkpoints belong to.</summary>
    internal required RunIdentity Identity { get; init; }

    /// <summary>Where checkpoints go, or null for none.</summary>
    internal CheckpointFolder? Checkpoints { get; init; }

    /// <summary>Data to measure the loss on, or null.</summary>
    internal BatchPacker? HeldOut { get; init; }

    /// <summary>Where the run is.</summary>
    internal RunState State => _state;

    /// <summary>Goes on from the folder's last checkpoint, where there is one.</summary>
    /// <returns>Whether there was.</returns>
    /// <exception cref="NativeSteerException">The checkpoint is damaged, or of another run.</exception>
    internal bool Resume()
    {
        if (Checkpoints?.Last is not { } last) return false;
        _state = CheckpointFile.Restore(last, _trainer, Identity);
        _savedStep = _state.Step;
        return true;
    }

    /// <summary>Trains until the end, or until it is told to stop; then the step in work is finished and saved.</summary>
    /// <exception cref="NativeSteerException">
    /// The loss is no longer a number, or a checkpoint or the log cannot be written; checkpoints made so far stay.
    /// </exception>
    internal TrainingResult Run(TrainingLog? log = null, IProgress<TrainingProgress>? progress = null, CancellationToken stop = default)
    {
        var (clock, sinceCheckpoint, meter) = (Stopwatch.StartNew(), Stopwatch.StartNew(), new SpeedMeter());
        var (resumed, saved, loss) = (_state.Step, Checkpoints?.Last, double.NaN);
        var every = _options.EvaluateEvery > 0 ? _options.EvaluateEvery : Math.Max(1, (Steps + 9) / 10);
        try
        {
            if (_state.Step == 0) MeasureBeginning(log, stop);
            while (_state.Step < Steps && !stop.IsCancellationRequested)
            {
                var (result, rate) = Step(meter);
                var evaluates = HeldOut is not null && (_state.Step % every == 0 || _state.Step == Steps);
                evaluates = evaluates && MeasureHeldOut(stop);
                progress?.Report(new(_state.Step, Steps, resumed, result.Loss, meter.Recent, _state.HeldOut));
                if (_state.Step % _options.LogEvery == 0 || evaluates || _state.Step == Steps)
                {
                    loss = _state.LossSum / _state.LossTargets;
                    log?.Write(Line(result, rate, loss, meter, evaluates));
                    _state = _state with { LossSum = 0, LossTargets = 0 };
                }
                if (Checkpoints is null || sinceCheckpoint.Elapsed.TotalMinutes < _options.CheckpointMinutes) continue;
                RequireNumbers();
                saved = Save();
                sinceCheckpoint.Restart();
            }
        }
        catch (OperationCanceledException)
        {
            // Before the first step: there is nothing to save.
        }
        catch (NativeSteerException)
        {
            KeepWhatIsDone();
            throw;
        }
        RequireNumbers();
        if (Checkpoints is not null && _state.Step > _savedStep) saved = Save();
        return new TrainingResult
        {
            Step = _state.Step,
            Steps = Steps,
            Tokens = _state.Tokens,
            Loss = loss,
            HeldOutLoss = _state.HeldOut,
            Elapsed = clock.Elapsed,
            Checkpoint = saved,
        };
    }

    private static long BatchesOf(BatchPacker packer, double epochs, CancellationToken stop)
    {
        var batches = 0L;
        for (var epoch = 0L; epoch < epochs; epoch++)
        {
            stop.ThrowIfCancellationRequested();
            batches += (long)Math.Ceiling(packer.Batches(epoch) * Math.Min(1, epochs - epoch));
        }
        return batches;
    }

    private void MeasureBeginning(TrainingLog? log, CancellationToken stop)
    {
        if (HeldOut is null) return;
        _state = _state with { HeldOut = HeldOutData.Loss(_trainer, HeldOut, stop) };
        log?.Write(new JsonObject { ["type"] = "step", ["step"] = 0, ["tokens"] = 0, ["held_out_loss"] = Finite(_state.HeldOut) });
    }

    // False where it was told to stop on the way; the step before it is saved all the same.
    private bool MeasureHeldOut(CancellationToken stop)
    {
        try
        {
            _state = _state with { HeldOut = HeldOutData.Loss(_trainer, HeldOut!, stop) };
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    // What ends a run, a full disk or too little memory, must not cost what was trained.
    private void KeepWhatIsDone()
    {
        if (Checkpoints is null || _state.Step == _savedStep || !HasNumbers()) return;
        try
        {
            Save();
        }
        catch (NativeSteerException)
        {
            // The first error is the one to mend.
        }
    }

    private (StepResult Result, float Rate) Step(SpeedMeter meter)
    {
        var started = Stopwatch.GetTimestamp();
        var done = _state.Step * _options.Accumulate;
        var (epoch, index, tokens) = (_state.Epoch, _state.Batch, 0L);
        var batches = new List<TrainingBatch>();
        while (batches.Count < _options.Accumulate && done + batches.Count < _batches)
        {
            var batch = _packer.Batch(epoch, index);
            batches.Add(batch);
            tokens += batch.UsedTokens;
            if (++index == _packer.Batches(epoch)) (epoch, index) = (epoch + 1, 0);
        }
        var rate = Schedule.At(_state.Step);
        var result = _trainer.Step(batches, rate);
        if (!result.IsFinite)
        {
            KeepWhatIsDone(); // such a step changes nothing
            var what = double.IsFinite(result.Loss) ? $"gradient norm is {result.GradientNorm}" : $"loss is {result.Loss}";
            throw NoNumber(FormattableString.Invariant($"The {what} at step {_state.Step + 1}"));
        }
        _lastBatch = batches[^1];
        meter.Add(tokens, Stopwatch.GetElapsedTime(started));
        _state = _state with
        {
            Step = _state.Step + 1,
            Epoch = epoch,
            Batch = index,
            Tokens = _state.Tokens + tokens,
            LossSum = _state.LossSum + result.Loss * result.Targets,
            LossTargets = _state.LossTargets + result.Targets,
        };
        return (result, rate);
    }

    private string Save()
    {
        var path = Checkpoints!.Save(_trainer, _state, Identity);
        _savedStep = _state.Step;
        return path;
    }

    // An update can ruin the weights, which would show only at the next step: then it is not the one to be kept.
    private void RequireNumbers()
    {
        if (!HasNumbers()) throw NoNumber(FormattableString.Invariant($"The loss is no number any more after step {_state.Step}"));
    }

    private bool HasNumbers() => _lastBatch is null || _trainer.LogProbabilities(_lastBatch).All(float.IsFinite);

    private NativeSteerException NoNumber(string what)
    {
        const string mend = "a lower --lr, a longer --warmup, a smaller --clip or --compute f32";
        return new NativeSteerException(Checkpoints?.Last is { } last
            ? $"{what}; the last good checkpoint is {FileErrors.Shown(last)}. Go on from it with --resume and {mend}."
            : $"{what}; no checkpoint was made yet. Try {mend}.");
    }

    private JsonObject Line(StepResult result, float rate, double loss, SpeedMeter meter, bool evaluates)
    {
        var line = new JsonObject
        {
            ["type"] = "step",
            ["step"] = _state.Step,
            ["epoch"] = Math.Round(_state.Epoch + (double)_state.Batch / _packer.Batches(_state.Epoch), 4),
            ["loss"] = Finite(loss),
            ["gradient_norm"] = Finite(result.GradientNorm),
            ["learning_rate"] = rate,
            ["tokens_per_second"] = Math.Round(meter.TakeInterval(), 1),
            ["tokens"] = _state.Tokens,
        };
        if (result.Kl != 0) line["kl"] = Finite(result.Kl);
        if (evaluates) line["held_out_loss"] = Finite(_state.HeldOut);
        return line;
    }

    private static JsonValue? Finite(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;
}

/// <summary>Tokens a second: since the last line of the log, and of late.</summary>
internal sealed class SpeedMeter
{
    private double _tokens, _seconds;

    /// <summary>Tokens a second, where an update half a minute ago hardly counts.</summary>
    internal double Recent { get; private set; }

    internal void Add(long tokens, TimeSpan elapsed)
    {
        var seconds = Math.Max(elapsed.TotalSeconds, 1e-6);
        _tokens += tokens;
        _seconds += seconds;
        var weight = Recent == 0 ? 1 : 1 - Math.Exp(-seconds / 10);
        Recent += weight * (tokens / seconds - Recent);
    }

    /// <summary>The mean since it was last taken.</summary>
    internal double TakeInterval()
    {
        var speed = _seconds > 0 ? _tokens / _seconds : 0;
        (_tokens, _seconds) = (0, 0);
        return speed;
    }
}
