using NativeSteer.Engine;
using NativeSteer.Hooks;

namespace NativeSteer.Analysis;

/// <summary>What the residual stream after a layer would say next.</summary>
/// <param name="Position">The token's position in the text.</param>
/// <param name="Layer">The layer, 0-based.</param>
/// <param name="Top">The likeliest next tokens with their probabilities.</param>
public sealed record LensPosition(int Position, int Layer, IReadOnlyList<LensToken> Top);

/// <summary>
/// The logit lens on a text (nostalgebraist 2020): the residual stream after each layer goes through the final norm and W_U as if
/// the layer were the last. After the last one it is what the model says.
/// </summary>
/// <remarks>
/// W_U's weights are taken as floats, where llama.cpp multiplies a quantised matrix with rounded activations: probabilities of
/// quantised models agree to about a percent. Scalings of logits that some architectures have after W_U are left away.
/// </remarks>
public static class PositionLens
{
    private const int ResidualBytes = 64 << 20; // rows that are held at a time

    /// <summary>Runs a text and looks at every position.</summary>
    /// <param name="context">Must have a hook and room for the text; it is empty afterwards.</param>
    /// <param name="tokens">The text, begin token included.</param>
    /// <param name="layers">The layers, or null for all.</param>
    /// <param name="options">Top, threads and whether the norm applies are read; the norm always applies here.</param>
    /// <param name="cancellation">Stops within the running batch.</param>
    /// <returns>By position, then layer.</returns>
    /// <exception cref="NativeSteerException">The text is longer than the context, a layer is missing, or the model has no unembedding or final norm.</exception>
    public static IReadOnlyList<LensPosition> Look(
        InferenceContext context, IReadOnlyList<int> tokens, IReadOnlyList<int>? layers = null, LensOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(tokens);
        options ??= new LensOptions();
        var model = context.Model;
        using var unembedding = Unembedding.Open(model.Path);
        var norm = unembedding.Norm();
        var rows = new ActivationRows((layers ?? [.. Enumerable.Range(0, model.Shape.Layers)]).Select(l => new HookSlot(HookSite.Residual, l)), model.Shape.Width);
        var most = Math.Clamp(ResidualBytes / (sizeof(float) * rows.Slots.Count * rows.Width), 1, context.Options.BatchLength);
        using var hook = new ResidualHook(context);
        using var capture = hook.Copy(rows, logits: false);
        using var decoding = new DecodeCancellation(context, cancellation);
        var found = new List<LensPosition>();
        context.Clear();
        try
        {
            var batch = new TokenBatch();
            for (var first = 0; first < tokens.Count; first += most)
            {
                batch.Clear();
                for (var position = first; position < Math.Min(tokens.Count, first + most); position++) batch.Copy(batch.Add(tokens[position], position, 0));
                decoding.Decode(batch);
                var tops = Decode(rows, norm, unembedding, model.Vocabulary, options, cancellation);
                found.AddRange(tops.Select((top, i) => new LensPosition(first + i / rows.Slots.Count, rows.Slots[i % rows.Slots.Count].Layer, top)));
            }
        }
        finally
        {
            context.Clear();
        }
        return found;
    }

    /// <summary>(rows, slots) of the last batch to tokens.</summary>
    private static List<LensToken>[] Decode(
        ActivationRows rows, FinalNorm norm, Unembedding unembedding, Vocabulary vocabulary, LensOptions options, CancellationToken cancellation)
    {
        var residuals = new List<float[]>();
        for (var row = 0; row < rows.Count; row++)
        {
            for (var slot = 0; slot < rows.Slots.Count; slot++)
            {
                var residual = rows.Row(row, slot).ToArray();
                norm.Apply(residual);
                residuals.Add(residual);
            }
        }
        var tops = residuals.Select(_ => new TopTokens(options.Top)).ToArray();
        var sums = new double[residuals.Count]; // logs of the sums of exponentials
        Array.Fill(sums, double.NegativeInfinity);
        unembedding.Multiply(residuals, options.ThreadCount, Take, cancellation);
        return [.. tops.Select((top, i) => top.Best.Select(
            best => new LensToken(best.Token, LogitLens.TextOf(vocabulary, best.Token), Math.Exp(best.Value - sums[i]))).ToList())];

        void Take(int first, ReadOnlySpan<float> products, ReadOnlySpan<float> lengths)
        {
            for (var i = 0; i < residuals.Count; i++)
            {
                var logits = products.Slice(i * lengths.Length, lengths.Length);
                var sum = LogProbabilities.LogSum(logits);
                var (larger, smaller) = (Math.Max(sums[i], sum), Math.Min(sums[i], sum));
                sums[i] = larger + Math.Log(1 + Math.Exp(smaller - larger));
                for (var token = 0; token < Math.Min(logits.Length, vocabulary.Size - first); token++) tops[i].Add(first + token, logits[token]);
            }
        }
    }
}
