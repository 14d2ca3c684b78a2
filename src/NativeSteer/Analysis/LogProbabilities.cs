using System.Numerics.Tensors;

namespace NativeSteer.Analysis;

/// <summary>Softmax arithmetic on rows of logits, in double and part by part, so that a row of any length needs no memory.</summary>
internal static class LogProbabilities
{
    private const int Part = 1024;

    // exp of it is 0 in double. It stands for minus infinity, of which differences and products are not numbers.
    private const double Impossible = -1e4;

    /// <summary>The log of the sum of exponentials: <c>logit - LogSum(logits)</c> is the log of a token's probability. NaN where the logits are not numbers.</summary>
    public static double LogSum(ReadOnlySpan<float> logits)
    {
        Span<double> part = stackalloc double[Part];
        double largest = TensorPrimitives.Max(logits);
        var sum = 0.0;
        for (var at = 0; at < logits.Length; at += Part)
        {
            var values = Shifted(logits, at, largest, part);
            TensorPrimitives.Exp<double>(values, values);
            sum += TensorPrimitives.Sum<double>(values);
        }
        return largest + Math.Log(sum);
    }

    /// <summary>The Kullback-Leibler divergence KL(p||q) of the next token's distributions, in nats; NaN where one is none.</summary>
    /// <param name="p">Logits of p.</param>
    /// <param name="logSumP"><see cref="LogSum"/> of them.</param>
    /// <param name="q">Logits of q.</param>
    /// <param name="logSumQ"><see cref="LogSum"/> of them.</param>
    public static double Divergence(ReadOnlySpan<float> p, double logSumP, ReadOnlySpan<float> q, double logSumQ)
    {
        Span<double> partP = stackalloc double[Part], partQ = stackalloc double[Part];
        var sum = 0.0;
        for (var at = 0; at < p.Length; at += Part)
        {
            var logP = Shifted(p, at, logSumP, partP);
            var logQ = Shifted(q, at, logSumQ, partQ);
            TensorPrimitives.Subtract<double>(logP, logQ, logQ);
            TensorPrimitives.Exp<double>(logP, logP);
            sum += TensorPrimitives.Dot<double>(logP, logQ);
        }
        return sum < 0 ? 0 : sum; // below zero only by rounding
    }

    private static Span<double> Shifted(ReadOnlySpan<float> logits, int at, double by, Span<double> part)
    {
        var values = part[..Math.Min(Part, logits.Length - at)];
        TensorPrimitives.ConvertTruncating(logits.Slice(at, values.Length), values);
        TensorPrimitives.Subtract(values, by, values);
        TensorPrimitives.Max(values, Impossible, values);
        return values;
    }
}
