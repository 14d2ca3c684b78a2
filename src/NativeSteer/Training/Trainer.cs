namespace NativeSteer.Training;

/// <summary>
/// A model with trainable parts: computes losses, gradients and AdamW updates. One thread at a time.
/// </summary>
public sealed class Trainer : IDisposable
{
    /// <summary>Loads a GGUF model of architecture llama or qwen2 for training.</summary>
    /// <exception cref="NativeSteerException">The model cannot be trained (architecture, missing tensors), or memory would not suffice.</exception>
    public static Trainer Load(string modelPath, TrainableParts parts, TrainerOptions? options = null) => throw new NotImplementedException();

    /// <summary>The trained tensors, in a fixed order.</summary>
    public IReadOnlyList<TrainedTensor> Tensors => throw new NotImplementedException();

    /// <summary>Updates done; AdamW's t. Set when a checkpoint is restored.</summary>
    public long Updates { get; set; }

    /// <summary>One AdamW update from the gradient over all batches together.</summary>
    public StepResult Step(IReadOnlyList<TrainingBatch> batches, float learningRate) => throw new NotImplementedException();

    /// <summary>Log-probability (natural, at the trainer's temperature) of each of the batch's targets.</summary>
    public float[] LogProbabilities(TrainingBatch batch) => throw new NotImplementedException();

    /// <summary>(n, vocabulary) logits after the batch's outputs.</summary>
    public float[] Logits(TrainingBatch batch) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() { }
}

/// <summary>One trained tensor: its values and AdamW's moments.</summary>
public sealed class TrainedTensor
{
    /// <summary>The name in the GGUF; <c>blk.L.vector</c> for a layer's vector, <c>token_embd.rows</c> and <c>output.rows</c> for token rows.</summary>
    public required string Name { get; init; }

    /// <summary>ggml's order: the dimension that lies contiguously first.</summary>
    public required IReadOnlyList<long> Shape { get; init; }

    /// <summary>A copy of the values.</summary>
    public float[] Values { get => throw new NotImplementedException(); set => throw new NotImplementedException(); }

    /// <summary>A copy of AdamW's first moment.</summary>
    public float[] FirstMoment { get => throw new NotImplementedException(); set => throw new NotImplementedException(); }

    /// <summary>A copy of AdamW's second moment.</summary>
    public float[] SecondMoment { get => throw new NotImplementedException(); set => throw new NotImplementedException(); }
}
