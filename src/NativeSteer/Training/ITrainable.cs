namespace NativeSteer.Training;

/// <summary>What a run drives: a <see cref="Trainer"/>, or something in its place whose steps take no time.</summary>
internal interface ITrainable : IDisposable
{
    /// <inheritdoc cref="Trainer.Tensors"/>
    IReadOnlyList<ITrainableTensor> Tensors { get; }

    /// <inheritdoc cref="Trainer.Updates"/>
    long Updates { get; set; }

    /// <inheritdoc cref="Trainer.Step"/>
    StepResult Step(IReadOnlyList<TrainingBatch> batches, float learningRate);

    /// <inheritdoc cref="Trainer.LogProbabilities"/>
    float[] LogProbabilities(TrainingBatch batch);
}

/// <summary>A tensor of what a run drives.</summary>
internal interface ITrainableTensor
{
    /// <inheritdoc cref="TrainedTensor.Name"/>
    string Name { get; }

    /// <inheritdoc cref="TrainedTensor.Shape"/>
    IReadOnlyList<long> Shape { get; }

    /// <inheritdoc cref="TrainedTensor.Values"/>
    float[] Values { get; set; }

    /// <inheritdoc cref="TrainedTensor.FirstMoment"/>
    float[] FirstMoment { get; set; }

    /// <inheritdoc cref="TrainedTensor.SecondMoment"/>
    float[] SecondMoment { get; set; }
}

/// <summary>A trainer as a run sees it.</summary>
internal sealed class LoadedTrainer(Trainer trainer) : ITrainable
{
    public IReadOnlyList<ITrainableTensor> Tensors { get; } = [.. trainer.Tensors.Select(tensor => new Loaded(tensor))];

    public long Updates
    {
        get => trainer.Updates;
        set => trainer.Updates = value;
    }

    public StepResult Step(IReadOnlyList<TrainingBatch> batches, float learningRate) => trainer.Step(batches, learningRate);

    public float[] LogProbabilities(TrainingBatch batch) => trainer.LogProbabilities(batch);

    public void Dispose() => trainer.Dispose();

    private sealed class Loaded(TrainedTensor tensor) : ITrainableTensor
    {
        public string Name => tensor.Name;

        public IReadOnlyList<long> Shape => tensor.Shape;

        public float[] Values
        {
            get => tensor.Values;
            set => tensor.Values = value;
        }

        public float[] FirstMoment
        {
            get => tensor.FirstMoment;
            set => tensor.FirstMoment = value;
        }

        public float[] SecondMoment
        {
            get => tensor.SecondMoment;
            set => tensor.SecondMoment = value;
        }
    }
}
