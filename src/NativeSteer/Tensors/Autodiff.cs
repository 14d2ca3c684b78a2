using NativeSteer.Interop;

namespace NativeSteer.Tensors;

/// <summary>
/// ggml's own training of a forward graph: gradients by automatic differentiation, cross-entropy against one target a row,
/// AdamW (ggml-opt.h). Disposed before the stores it reads; the graph it keeps alive.
/// </summary>
internal sealed unsafe class Autodiff : IDisposable
{
    /// <summary>Nodes that a <see cref="TensorGraph"/> must be made with, so that all of ggml's graphs have room in it.</summary>
    public const int Room = 2 * 2048; // native/nativesteer.h, NS_AUTODIFF_NODES; a graph has room for two tensors a node

    private readonly long _targets;
    private readonly long _vocabulary;
    private readonly AutodiffHandle _handle;

    internal Autodiff(ComputeDevice device, TensorsHandle context, Tensor input, Tensor logits)
    {
        (_vocabulary, _targets, _, _) = logits.Shape;
        NativeError.Check(
            GgmlApi.ns_autodiff_create(device.Handle.Pointer, context.Pointer, input.Pointer, logits.Pointer, out var autodiff), "ggml's autodiff cannot train this model: ",
            "it has room for graphs of 2048 tensors, so fewer layers may do");
        _handle = new AutodiffHandle(autodiff, device.Handle, context);
    }

    /// <summary>Marks a stored tensor as one to be trained, before a graph is made with it.</summary>
    public static void Train(Tensor tensor) => GgmlApi.ggml_set_param(tensor.Pointer);

    /// <summary>One update; stored inputs have been written before.</summary>
    /// <param name="targets">(n) the column that each row of the logits is to predict.</param>
    /// <param name="parameters">AdamW's.</param>
    /// <returns>The mean cross-entropy before the update.</returns>
    public double Step(ReadOnlySpan<int> targets, AdamWParameters parameters)
    {
        using var lease = new HandleLease(_handle);
        // ggml asserts on these while it computes, which would end the process.
        if (targets.Length != _targets) throw new ArgumentException($"{targets.Length} targets were given for {_targets} rows of logits.");
        foreach (var target in targets)
        {
            if (target < 0 || target >= _vocabulary) throw new ArgumentException($"Target {target} is outside the vocabulary of {_vocabulary}.");
        }
        parameters.Check();
        var values = stackalloc float[] { parameters.Alpha, parameters.Beta1, parameters.Beta2, parameters.Epsilon, parameters.Decay };
        double loss;
        fixed (int* first = targets) NativeError.Check(GgmlApi.ns_autodiff_step(lease.Pointer, first, values, out loss));
        return loss;
    }

    public void Dispose() => _handle.Dispose();
}

/// <summary>AdamW's parameters, named as in ggml_opt_optimizer_params.</summary>
/// <param name="Alpha">The learning rate, above 0.</param>
/// <param name="Beta1">Decay of the first moment, 0 to 1.</param>
/// <param name="Beta2">Decay of the second moment, 0 to 1.</param>
/// <param name="Epsilon">Added to the root of the second moment, at least 0.</param>
/// <param name="Decay">Weight decay, 0 to 1; of every trained tensor.</param>
internal readonly record struct AdamWParameters(float Alpha, float Beta1, float Beta2, float Epsilon, float Decay)
{
    internal void Check()
    {
        if (!(Alpha > 0) || !(Beta1 is >= 0 and <= 1) || !(Beta2 is >= 0 and <= 1) || !(Epsilon >= 0) || !(Decay is >= 0 and <= 1))
            throw new ArgumentException($"ggml does not take these parameters of AdamW: {this}.");
    }
}
