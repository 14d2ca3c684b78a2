using NativeSteer.Extraction;
using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Studies;

/// <summary>The vectors of the study, made of the sums of one pass over the traces with each model. All are of unit length.</summary>
internal sealed class BacktrackingVectors
{
    private const string ShuffledPrefix = "shuffled/";

    private readonly Dictionary<(StudyVector, long), SteeringVector> _vectors = [];
    private readonly Dictionary<string, LabelledSums> _sums;
    private readonly Dictionary<string, float[]> _norms;

    /// <summary>Over the sums of the reasoning model and, where there is one, of the base model.</summary>
    internal BacktrackingVectors(LabelledSums reasoning, LabelledSums? @base)
    {
        _sums = new(StringComparer.Ordinal) { [StudyCondition.OnReasoning] = reasoning };
        if (@base is not null) _sums.Add(StudyCondition.OnBase, @base);
        Labels = [.. reasoning.Groups.Labels.Where(label => !label.StartsWith(ShuffledPrefix, StringComparison.Ordinal))];
        _norms = _sums.ToDictionary(sums => sums.Key, sums => OverallMean.Norms(sums.Value, sums.Value.Groups.Of(Labels)), StringComparer.Ordinal);
    }

    /// <summary>The traces' labels, without those of shuffles: D is all of their rows.</summary>
    internal IReadOnlyList<string> Labels { get; }

    /// <summary>Models that there are sums of.</summary>
    internal IReadOnlyCollection<string> Sources => _sums.Keys;

    /// <summary>Traces with a label for each seed's shuffle; to be summed with the others.</summary>
    internal static IReadOnlyList<LabelledTrace> WithShuffles(IReadOnlyList<LabelledTrace> traces, string label, IEnumerable<long> seeds)
    {
        var shuffles = seeds.Distinct().Select(seed => LabelShuffle.Add(traces, label, ShuffledName(seed), (ulong)seed)).ToList();
        return [.. traces.Select((trace, i) => trace with
        {
            Spans = [.. trace.Spans, .. shuffles.SelectMany(shuffle => shuffle[i].Spans.Skip(trace.Spans.Count))],
        })];
    }

    /// <summary>The mean norm of the residual stream over all labels' rows, at all offsets: what relative strengths are shares of.</summary>
    internal double ResidualNorm(string target, int layer) => _norms[target][layer];

    /// <summary>The factor of a cell's unit vector.</summary>
    internal double Scale(StudyCondition condition) =>
        condition.IsUnsteered ? 0 : condition.Unit == "abs" ? condition.Magnitude : condition.Magnitude * ResidualNorm(condition.Target, condition.Layer!.Value);

    /// <summary>How a cell is steered on a prompt: noise is another direction on each, so that its interval is over directions too.</summary>
    internal SteeringPlan Plan(StudyCell cell, int prompt, PositionRange positions)
    {
        var condition = cell.Condition;
        if (condition.IsUnsteered) return SteeringPlan.None;
        var scale = (float)Scale(condition);
        var layer = condition.Layer!.Value;
        var intervention = condition.Vector.Kind == StudyVector.Self
            ? Intervention.SelfAmplification([layer], scale)
            : new Intervention(Of(condition.Vector, condition.Vector.Kind == StudyVector.Noise ? StudyPrompt.SamplingSeed(cell.Seed, prompt) : cell.Seed), scale) { Layers = [layer] };
        return new SteeringPlan(intervention with { Positions = positions });
    }

    /// <summary>The unit vector of a kind.</summary>
    /// <exception cref="NativeSteerException">The window reaches no row of the label, or there is no direction.</exception>
    internal SteeringVector Of(StudyVector vector, long seed = 0)
    {
        var key = (vector, vector.Kind is StudyVector.Noise or StudyVector.Shuffled ? seed : 0);
        if (!_vectors.TryGetValue(key, out var known)) _vectors.Add(key, known = Make(vector, seed).Normalized());
        return known;
    }

    /// <summary>Whether any token stands at a window's offsets from a label's spans.</summary>
    internal bool HasRows(string source, string label, OffsetRange window) =>
        DifferenceOfMeans.Rows(_sums[source].Sums, _sums[source].Groups.Of([label], window)) > 0;

    /// <summary>The vector of a label at its own length.</summary>
    internal SteeringVector Difference(string source, string label, OffsetRange window, string method = "mean_difference")
    {
        var sums = _sums[source];
        var positive = sums.Groups.Of([label], window);
        if (!HasRows(source, label, window))
            throw new NativeSteerException($"No token stands at the offsets {window} from a sentence of '{label}': they lie before the traces' beginnings; give nearer windows.");
        var provenance = sums.Source.With(Provenance.Method, method).With(Provenance.Label, label).With("against", "all").With(Provenance.Offsets, window.ToString());
        return DifferenceOfMeans.Between(sums.Sums, positive, sums.Groups.Of(Labels, window), sums.Model, provenance);
    }

    /// <summary>Tells the studied vectors of all sources apart from others'.</summary>
    internal string Hash(string label, OffsetRange window) =>
        string.Join(' ', Sources.Order(StringComparer.Ordinal).Select(source => VectorHash.Of(Difference(source, label, window))));

    private SteeringVector Make(StudyVector vector, long seed) => vector.Kind switch
    {
        StudyVector.DifferenceOfMeans => Difference(vector.Source!, vector.Label!, vector.Offsets!.Value),
        StudyVector.Shuffled => Difference(vector.Source!, ShuffledName(seed), vector.Offsets!.Value, "mean_difference_of_shuffled_labels"),
        StudyVector.Mean => OverallMean.Of(_sums[vector.Source!], _sums[vector.Source!].Groups.Of(Labels, vector.Offsets!.Value)),
        StudyVector.Noise => GaussianNoise.Create(_sums[StudyCondition.OnReasoning].Model, (ulong)seed),
        var kind => throw new InvalidOperationException($"A cell of kind {kind} has no vector."),
    };

    private static string ShuffledName(long seed) => $"{ShuffledPrefix}{seed}";
}
