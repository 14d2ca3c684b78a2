using System.Numerics.Tensors;
using NativeSteer.Engine;
using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Analysis;

/// <summary>A text whose tokens are projected.</summary>
/// <param name="Tokens">All ids, begin token and prompt included.</param>
/// <param name="First">
/// The first token that counts. Leave the begin token out at least: its residual is many times longer than others in most models.
/// </param>
public sealed record ProjectedText(IReadOnlyList<int> Tokens, int First);

/// <summary>The mean that is taken from activations before they are projected.</summary>
public enum ProjectionCentre
{
    /// <summary>That of all texts' tokens, each counted once.</summary>
    AllTexts,

    /// <summary>That of the text's own tokens.</summary>
    Text,

    /// <summary>None.</summary>
    None,
}

/// <summary>
/// How far each token of a text lies along a direction: (h - mean) . v/|v| at one layer, in units of the residual stream, as the
/// highlighted traces of Ward et al. 2025 (fig. 6) show.
/// </summary>
/// <remarks>The mean's projection is the projections' mean, so no activations are kept.</remarks>
public static class TokenProjection
{
    /// <summary>Runs texts, many to a batch, and projects their tokens.</summary>
    /// <param name="context">Must have a hook; what it held is dropped, and it is empty afterwards.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="vector">Has the direction.</param>
    /// <param name="layer">The layer, 0-based.</param>
    /// <param name="centre">The mean to take away.</param>
    /// <param name="cancellation">Stops within the running batch.</param>
    /// <returns>For each text the values of its tokens from <see cref="ProjectedText.First"/> on.</returns>
    /// <exception cref="NativeSteerException">The vector is of another model, zero or missing at the layer, or a text is longer than the context.</exception>
    public static IReadOnlyList<double[]> Project(
        InferenceContext context, IReadOnlyList<ProjectedText> texts, SteeringVector vector, int layer,
        ProjectionCentre centre = ProjectionCentre.AllTexts, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(texts);
        var direction = Direction(context.Model.Shape, vector, layer);
        var values = texts.Select(text => new double[Math.Max(0, text.Tokens.Count - text.First)]).ToArray();
        Run(context, texts, layer, Take, cancellation);
        Centre(values, centre);
        return values;

        void Take(int text, int position, ReadOnlySpan<float> row)
        {
            if (position >= texts[text].First) values[text][position - texts[text].First] = TensorPrimitives.Dot(row, direction);
        }
    }

    private static float[] Direction(ModelShape model, SteeringVector vector, int layer)
    {
        SteeringPlan.Add(vector, 1).CheckAgainst(model);
        var unit = vector.OnLayers([layer]).Normalized();
        if (unit.Norm(layer) == 0) throw new NativeSteerException($"The vector is zero at layer {layer}, so nothing can be projected on it; choose another layer.");
        return unit.Direction(layer).ToArray();
    }

    private static void Centre(double[][] values, ProjectionCentre centre)
    {
        var all = centre == ProjectionCentre.AllTexts ? values.SelectMany(text => text).DefaultIfEmpty().Average() : 0;
        foreach (var text in values.Where(text => text.Length > 0))
        {
            var mean = centre == ProjectionCentre.Text ? text.Average() : all;
            for (var i = 0; i < text.Length; i++) text[i] -= mean;
        }
    }

    private delegate void TakeRow(int text, int position, ReadOnlySpan<float> row);

    /// <summary>Decodes the texts in batches filled to the last row; a text that is cut goes on in the next batch over its cache.</summary>
    private static void Run(InferenceContext context, IReadOnlyList<ProjectedText> texts, int layer, TakeRow take, CancellationToken cancellation)
    {
        var rows = new ActivationRows([new HookSlot(HookSite.Residual, layer)], context.Model.Shape.Width);
        using var hook = new ResidualHook(context);
        using var capture = hook.Copy(rows, logits: false);
        using var decoding = new DecodeCancellation(context, cancellation);
        var batch = new TokenBatch();
        var whose = new List<(int Text, int Position)>();
        var most = context.Model.CanRewind ? context.Options.Sequences : 1; // llama.cpp regroups rows of several recurrent sequences
        var (sequence, cells) = (0, 0);
        context.Clear();
        try
        {
            for (var text = 0; text < texts.Count; text++)
            {
                var tokens = texts[text].Tokens;
                if (tokens.Count > context.Options.ContextLength)
                    throw new NativeSteerException($"A text of {tokens.Count} tokens does not fit the context of {context.Options.ContextLength}; give more with -c.");
                if (sequence == most || cells + tokens.Count > context.Options.ContextLength) StartOver();
                for (var position = 0; position < tokens.Count; position++)
                {
                    if (batch.Count == context.Options.BatchLength) Flush();
                    batch.Copy(batch.Add(tokens[position], position, sequence));
                    whose.Add((text, position));
                }
                cells += tokens.Count;
                sequence++;
            }
            Flush();
        }
        finally
        {
            context.Clear();
        }

        void StartOver()
        {
            Flush();
            context.Clear();
            (sequence, cells) = (0, 0);
        }

        void Flush()
        {
            if (batch.Count == 0) return;
            decoding.Decode(batch);
            for (var row = 0; row < whose.Count; row++) take(whose[row].Text, whose[row].Position, rows.Row(row, 0));
            batch.Clear();
            whose.Clear();
        }
    }
}
