using NativeSteer.Studies;

namespace NativeSteer.Reports;

/// <summary>The paper's claims, its numbers, and what this run gives for each.</summary>
internal sealed class PaperComparison(BacktrackingResults results)
{
    private readonly StudyProvenance _run = results.Provenance;

    /// <summary>The table, as HTML.</summary>
    internal string ToHtml() => HtmlTable.Write(
        "Ward, Lin, Venhoff and Nanda 2025 (arXiv 2507.12638), DeepSeek-R1-Distill-Llama-8B and Llama-3.1-8B",
        [new("claim"), new("theirs"), new("this run")],
        [
            ["The reasoning-derived vector raises the keyword rate", "0.48 % to 20.3 % at magnitude 12 (42 times); replication 0.7 % to 4.5 %", Raised()],
            ["Noise of the same length does much less", "2.7 % at magnitude 12 (5.6 times)", Reported(results.Choice?.Noise)],
            ["The base-derived vector steers the reasoning model comparably", "yes; replication 2.4 % against 4.5 %", Reported(results.Choice?.BaseDerived)],
            ["The base model never backtracks under either", "0 %; in the replication 6 to 18 of 20 completions were empty", BaseModel()],
            ["Base- and reasoning-derived vectors are alike", $"cosine {PaperNumbers.Cosine}; replication {PaperNumbers.ReplicatedCosine}", Cosine()],
            ["The direction sits before the sentence", "window −13 to −8", results.Choice?.Condition.Vector.Offsets is { } offsets ? $"best: {StudyWords.Window(offsets)}" : "–"],
            ["It acts a third of the way up", "layer 10 of 32", results.Choice?.Condition.Layer is { } layer ? $"best: layer {layer} of {_run.Reasoning.Layers}" : "–"],
            ["The base-derived vector does not spell the keywords", "does not decode to wait or but", Lens()],
            ["Keywords stand for labelled backtracking", "precision 63 %, recall 65 %, F1 64 % against GPT-4o, unsteered", Agreement()],
        ]);

    private string Raised() => results.Choice is { } choice
        ? $"{StudyWords.Percent(choice.Unsteered.Rate.Value)} to {Reported(choice.Steered)}" : "no cell could be chosen";

    private static string Reported(ConditionResult? result)
    {
        if (result is null) return "not run at the chosen cell";
        var interval = StudyWords.Interval(result.Factor);
        var factor = double.IsFinite(result.Factor.Value) ? $", {StudyWords.Digits(result.Factor.Value)} times" + (interval.Length == 0 ? "" : $" ({interval})") : "";
        return $"{StudyWords.Percent(result.Rate.Value)}{factor}" + (result.IsSound ? "" : $"; {StudyWords.Percent(result.BadShare)} empty or repeating");
    }

    private string BaseModel()
    {
        var steered = results.Conditions.Where(result => result.Condition.Target == StudyCondition.OnBase && results.IsStudied(result.Condition.Vector)).ToList();
        if (steered.Count == 0) return "not run";
        var empty = steered.Sum(result => result[Analysis.CompletionClass.Empty]);
        var all = steered.Sum(result => result.Rollouts);
        var highest = steered.Where(result => result.IsSound).MaxBy(result => result.Rate.Value);
        return (highest is null ? "no sound completions" : $"at most {StudyWords.Percent(highest.Rate.Value)} in sound completions") + $"; {empty} of {StudyWords.Count(all, "completion")} empty";
    }

    private string Cosine()
    {
        var all = results.Log.Cosines.Where(cosine => cosine.Label == _run.Label && cosine.Layer == _run.Layer).ToList();
        if (all.FirstOrDefault(cosine => cosine.Offsets == _run.Offsets) is { } exact) return $"{StudyWords.Digits(exact.Value)} at layer {_run.Layer}, window {StudyWords.Window(_run.Offsets)}";
        // Single offsets within the window, where the window itself was not compared.
        var within = all.Where(cosine => cosine.Offsets.First >= _run.Offsets.First && cosine.Offsets.Last <= _run.Offsets.Last).Select(cosine => cosine.Value).ToList();
        return within.Count == 0 ? "–"
            : $"{StudyWords.Digits(within.Min())} to {StudyWords.Digits(within.Max())} at layer {_run.Layer}, offsets {StudyWords.Window(_run.Offsets)}";
    }

    private string Lens()
    {
        var lenses = results.Log.Lenses.Where(lens => lens.Source == StudyCondition.OnBase && lens.Layer == _run.Layer).ToList();
        if (lenses.Count == 0) return "–";
        var spelt = lenses.SelectMany(lens => lens.TopDot.Take(5)).Where(token => _run.Words.IsPartOf(token.Text)).Select(token => $"“{token.Text.Trim()}”").Distinct(StringComparer.Ordinal).ToList();
        return spelt.Count == 0 ? $"no keyword among its 5 top tokens at layer {_run.Layer}" : $"{string.Join(", ", spelt)} among its 5 top tokens at layer {_run.Layer}";
    }

    private string Agreement() => results.Log.Agreements.FirstOrDefault() is { } agreement
        ? $"precision {StudyWords.Percent(agreement.Precision)}, recall {StudyWords.Percent(agreement.Recall)}, F1 {StudyWords.Percent(agreement.F1)}, "
            + $"kappa {StudyWords.Digits(agreement.Kappa)}: {agreement.Judge} against {agreement.Against}, {StudyWords.Count(agreement.Segments, "segment")}"
        : "judges were not compared";
}
