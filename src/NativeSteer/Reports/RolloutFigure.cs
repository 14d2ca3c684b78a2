using System.Text;
using NativeSteer.Analysis;
using NativeSteer.Studies;

namespace NativeSteer.Reports;

/// <summary>Completions side by side, steered and not, with the keywords marked.</summary>
internal sealed class RolloutFigure(BacktrackingResults results)
{
    private const int ShownPrompts = 6, ShownOfBase = 2;

    private readonly StudyProvenance _run = results.Provenance;

    internal ReportFigure Create()
    {
        var html = new StringBuilder();
        if (results.Choice is { Condition: var chosen })
        {
            Add(html, chosen, ShownPrompts);
            var onBase = results.Conditions.Select(result => result.Condition).FirstOrDefault(condition =>
                condition.Target == StudyCondition.OnBase && condition.Vector.Source == StudyCondition.OnReasoning && results.IsStudied(condition.Vector)
                && condition.Layer == chosen.Layer && condition.Magnitude == chosen.Magnitude);
            if (onBase is not null) Add(html, onBase, ShownOfBase);
        }
        return new ReportFigure
        {
            Id = "rollouts",
            Title = "What it reads like",
            Caption = $"The first prompts of the reported half, not selected, each unsteered and under the chosen vector with the same seed. Marked: {StudyWords.Or(_run.Words.Words)}.",
            Body = html.ToString(),
            Absent = html.Length == 0 ? "No cell could be chosen, so there is nothing to put side by side." : null,
        };
    }

    private void Add(StringBuilder html, StudyCondition condition, int prompts)
    {
        var steered = results.Rollouts(condition).Where(rollout => rollout.Half == StudyHalf.Report).ToDictionary(rollout => rollout.PromptId, StringComparer.Ordinal);
        var order = results.Log.Rollouts.Select(rollout => rollout.PromptId).Distinct(StringComparer.Ordinal).ToList();
        var pairs = results.UnsteeredRollouts(condition.Target).Where(rollout => steered.ContainsKey(rollout.PromptId)).OrderBy(rollout => order.IndexOf(rollout.PromptId)).Take(prompts).ToList();
        if (pairs.Count == 0) return;
        var name = _run.Model(condition.Target).Name;
        html.Append("<h3>").Append(Html.Escape($"{name}, {StudyWords.Name(condition.Vector, _run.Label)} vector, layer {condition.Layer}, "
            + $"magnitude {StudyWords.Magnitude(condition.Magnitude, condition.Unit)}")).Append("</h3>\n");
        foreach (var plain in pairs)
        {
            html.Append("<div class=\"pair\"><p class=\"prompt\">").Append(Html.Escape(plain.Prompt.Trim())).Append("</p>");
            Add(html, "unsteered", plain);
            Add(html, "steered", steered[plain.PromptId]);
            html.Append("</div>\n");
        }
    }

    private void Add(StringBuilder html, string side, StudyRollout rollout)
    {
        var divergence = side == "steered" && rollout.Divergence is { } nats ? $", KL {StudyWords.Digits(nats)}" : "";
        var kind = rollout.Class switch
        {
            CompletionClass.Empty => ", empty",
            CompletionClass.Truncated => ", cut at the token limit",
            CompletionClass.Degenerate => ", repeating",
            _ => "",
        };
        html.Append("<div class=\"").Append(side).Append("\"><p class=\"meta\">").Append(Html.Escape($"{side}: {rollout.Hits} of {StudyWords.Count(rollout.Words, "word")}{divergence}{kind}"))
            .Append("</p><p class=\"text\">").Append(rollout.Text.Length == 0 ? "<em>nothing</em>" : Marked(rollout.Text.Trim())).Append("</p></div>");
    }

    private string Marked(string text)
    {
        var html = new StringBuilder();
        var done = 0;
        foreach (var word in _run.Words.Find(text).Where(word => word.IsKeyword))
        {
            html.Append(Html.Escape(text[done..word.Start])).Append("<mark>").Append(Html.Escape(text.Substring(word.Start, word.Length))).Append("</mark>");
            done = word.Start + word.Length;
        }
        return html.Append(Html.Escape(text[done..])).ToString();
    }
}
