using System.Text.Json.Nodes;

namespace NativeSteer.Training;

/// <summary>The number type that products of trained weights are computed in.</summary>
public enum ComputeType
{
    /// <summary>32 bits throughout.</summary>
    F32,

    /// <summary>Factors rounded to bfloat16, sums in 32 bits, master weights in F32.</summary>
    BF16,
}

/// <summary>The type of the transposed copies of frozen matrices, which the backward pass multiplies with.</summary>
public enum TransposedType
{
    /// <summary>2 bytes a weight.</summary>
    BF16,

    /// <summary>1.06 bytes a weight, quantised anew across the other dimension.</summary>
    Q8_0,
}

/// <summary>How a <see cref="Trainer"/> computes and updates.</summary>
public sealed record TrainerOptions
{
    /// <summary>The number type of products with trained matrices.</summary>
    public ComputeType Compute { get; init; } = ComputeType.BF16;

    /// <summary>The type of the transposed copies of frozen matrices.</summary>
    public TransposedType Transposed { get; init; } = TransposedType.BF16;

    /// <summary>
    /// Multiply with frozen matrices of 16 and 32 bits in BF16 forward too, as backward: several times as fast as ggml's products with half
    /// precision, for a second copy of them. Quantised ones stay as they are.
    /// </summary>
    public bool RoundFrozen { get; init; }

    /// <summary>
    /// Keep only each layer's input during the forward pass and compute the rest of a layer anew when the backward pass reaches
    /// it: about a third more time, a fraction of the memory.
    /// </summary>
    public bool Recompute { get; init; }

    /// <summary>CPU threads.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>AdamW's decay of the first moment.</summary>
    public float Beta1 { get; init; } = 0.9f;

    /// <summary>AdamW's decay of the second moment.</summary>
    public float Beta2 { get; init; } = 0.99f;

    /// <summary>AdamW's epsilon.</summary>
    public float Epsilon { get; init; } = 1e-8f;

    /// <summary>AdamW's decoupled weight decay. It applies to matrices alone, not to norms, biases, vectors and token rows.</summary>
    public float WeightDecay { get; init; }

    /// <summary>The L2 norm to which the gradient of all trained numbers together is cut; 0 leaves it as it is.</summary>
    public float ClipNorm { get; init; } = 1;

    /// <summary>Factor of the KL penalty (k3 estimator) against <see cref="TrainingBatch.ReferenceLogProbabilities"/>.</summary>
    public float KlWeight { get; init; }

    /// <summary>The logits are divided by this before the loss, as sampling does.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>
    /// What decides the numbers that are computed, for logs and checkpoints: all but the threads. The last three are null where they
    /// do nothing, as in checkpoints from before they were written.
    /// </summary>
    internal JsonObject ToJson() => new()
    {
        ["compute"] = Compute.ToString(),
        ["transposed"] = Transposed.ToString(),
        ["recompute"] = Recompute,
        ["beta1"] = Beta1,
        ["beta2"] = Beta2,
        ["epsilon"] = Epsilon,
        ["weight_decay"] = WeightDecay,
        ["clip"] = ClipNorm,
        ["round_frozen"] = RoundFrozen ? true : null,
        ["kl_weight"] = KlWeight == 0 ? null : KlWeight,
        ["temperature"] = Temperature == 1 ? null : Temperature,
    };

    /// <summary>Throws where an option of the command line is out of range.</summary>
    /// <exception cref="NativeSteerException">Names it and what it may be.</exception>
    public void Validate()
    {
        Require(float.IsFinite(WeightDecay) && WeightDecay >= 0, "--weight-decay", WeightDecay);
        Require(float.IsFinite(ClipNorm) && ClipNorm >= 0, "--clip", ClipNorm);

        static void Require(bool holds, string name, float value)
        {
            if (!holds) throw new NativeSteerException(FormattableString.Invariant($"{name} is {value}; give 0 or more."));
        }
    }
}
