namespace NativeSteer.Studies;

/// <summary>A quantisation study in three sentences: the vectors, their effect, and what the copies cost.</summary>
public static class QuantizationSummary
{
    private const double Nearly = 0.99;

    /// <summary>States what the results say, whatever that is.</summary>
    public static IReadOnlyList<string> Of(QuantizationResults results)
    {
        ArgumentNullException.ThrowIfNull(results);
        return [Vectors(results), Effects(results), Copies(results)];
    }

    private static string Vectors(QuantizationResults results)
    {
        var full = results.Types[0];
        var cosines = results.Fidelities.Where(fidelity => fidelity.Source == StudyCondition.OnReasoning && fidelity.Layer == results.Layer && fidelity.Type != full).ToList();
        if (cosines.Count == 0) return "No vector has been compared yet; go on with --resume.";
        var worst = cosines.MinBy(fidelity => fidelity.Cosine)!;
        var good = cosines.Where(fidelity => fidelity.Cosine >= Nearly).Select(fidelity => fidelity.Type).ToList();
        var kept = good.Count == cosines.Count ? $"all types keep a cosine of at least {Exact(worst.Cosine)} with the {full} vector"
            : good.Count == 0 ? $"no type keeps a cosine of {Nearly} with the {full} vector"
            : $"{string.Join(", ", good)} keep{(good.Count == 1 ? "s" : "")} a cosine of {Nearly} or more with the {full} vector";
        return $"The direction for {results.Label} at layer {results.Layer}, extracted from quantised copies of {results.Reasoning.Name}: {kept}; the farthest is {worst.Type} with {Exact(worst.Cosine)}.";
    }

    private static string Effects(QuantizationResults results)
    {
        var full = results.Types[0];
        var smallest = results.Types[^1];
        if (Effect(full, full) is not { } reference || Effect(full, smallest) is not { } carried || Effect(smallest, smallest) is not { } own || Effect(smallest, full) is not { } back)
            return "No vector has steered every copy yet; go on with --resume.";
        var plain = results.Unsteered.TryGetValue(full, out var unsteered) ? $" (unsteered {Rate(unsteered)})" : "";
        return $"Keyword rate: the {full} vector on {full} {Rate(reference)}{plain}; on {smallest} {Rate(carried)}, where its own vector gives {Rate(own)}; the {smallest} vector on {full} {Rate(back)}.";

        ConditionResult? Effect(string vector, string model) =>
            results.Effects.FirstOrDefault(effect => effect.Source == StudyCondition.OnReasoning && effect.Vector == vector && effect.Model == model)?.Result;
    }

    private static string Copies(QuantizationResults results)
    {
        var (full, smallest) = (results.Types[0], results.Types[^1]);
        if (results.Model(StudyCondition.OnReasoning, full) is not { } large || results.Model(StudyCondition.OnReasoning, smallest) is not { } small)
            return "Not every copy has been measured yet; go on with --resume.";
        return $"From {full} to {smallest} the model goes from {StudyWords.Digits(large.Bits)} to {StudyWords.Digits(small.Bits)} bits a weight, and the perplexity of the traces from "
            + $"{Exact(results.Perplexity(StudyCondition.OnReasoning, full))} to {Exact(results.Perplexity(StudyCondition.OnReasoning, smallest))}.";
    }

    private static string Exact(double number) => number.ToString("0.000", System.Globalization.CultureInfo.InvariantCulture);

    private static string Rate(ConditionResult result) => StudyWords.Percent(result.Rate.Value);
}
