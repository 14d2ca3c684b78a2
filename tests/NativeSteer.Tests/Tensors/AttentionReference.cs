namespace NativeSteer.Tests.Tensors;

/// <summary>Attention and its gradients as the formulas say, in double, one query after another.</summary>
internal sealed class AttentionReference(int size, int heads, int keyHeads, int length, int rows, int[] sees)
{
    internal (double[] Out, double[] Query, double[] Key, double[] Value) Run(float[] q, float[] k, float[] v, float[] gradient)
    {
        var (result, dq, dk, dv) = (new double[q.Length], new double[q.Length], new double[k.Length], new double[v.Length]);
        var scale = 1 / Math.Sqrt(size);
        for (var token = 0; token < length * rows; token++)
        {
            var row = token / length * length;
            for (var head = 0; head < heads; head++)
            {
                var keyHead = head / (heads / keyHeads);
                var query = (token * heads + head) * size;
                var (start, from, to) = (Sees(0), Sees(1), Sees(2));
                var seen = Enumerable.Range(row + from, to - from).Concat(Enumerable.Range(row + start, token - row - start + 1)).Select(t => (t * keyHeads + keyHead) * size).ToArray();
                int Sees(int plane) => sees[3 * row + plane * length + token - row];
                var scores = seen.Select(key => Math.Exp(scale * Dot(q, query, k, key))).ToArray();
                var weights = scores.Select(score => score / scores.Sum()).ToArray();
                var slopes = seen.Select(key => Dot(gradient, query, v, key)).ToArray();
                var mean = weights.Zip(slopes, (w, s) => w * s).Sum();
                for (var i = 0; i < seen.Length; i++)
                {
                    var score = weights[i] * (slopes[i] - mean) * scale;
                    for (var c = 0; c < size; c++)
                    {
                        result[query + c] += weights[i] * v[seen[i] + c];
                        dq[query + c] += score * k[seen[i] + c];
                        dk[seen[i] + c] += score * q[query + c];
                        dv[seen[i] + c] += weights[i] * gradient[query + c];
                    }
                }
            }
        }
        return (result, dq, dk, dv);
    }

    private double Dot(float[] a, int at, float[] b, int bt) => Enumerable.Range(0, size).Sum(i => (double)a[at + i] * b[bt + i]);
}
