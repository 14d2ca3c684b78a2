using NativeSteer.Engine;

namespace NativeSteer.Extraction;

/// <summary>
/// A first reading of the traces, before anything is run: it finds every malformed line and every text that is too long,
/// the labels, and how much there is to do. Nothing of the traces is kept.
/// </summary>
internal sealed class TraceSurvey
{
    internal Dictionary<string, int> Spans { get; } = new(StringComparer.Ordinal);

    internal int Texts { get; private set; }

    internal long Rows { get; private set; }

    internal long Skipped { get; private set; }

    internal int Longest { get; private set; }

    internal CaptureProgress Expected => new(0, Texts, 0, Rows);

    internal static TraceSurvey Of(
        IEnumerable<LabelledTrace> traces, TextTokens tokenizer, OffsetRange offsets, bool allTokens, CancellationToken cancellation)
    {
        var survey = new TraceSurvey();
        foreach (var trace in traces)
        {
            cancellation.ThrowIfCancellationRequested();
            // The trace's own labels are enough to count its rows.
            var groups = new CaptureGroups(trace.Spans.Select(span => span.Label), offsets, allTokens);
            var (text, skipped) = groups.Label(tokenizer.Trace(trace));
            foreach (var span in trace.Spans) survey.Spans[span.Label] = survey.Spans.GetValueOrDefault(span.Label) + 1;
            survey.Skipped += skipped;
            if (text.NeededRows == 0) continue;
            survey.Texts++;
            survey.Rows += text.NeededRows;
            survey.Longest = Math.Max(survey.Longest, text.NeededRows);
        }
        return survey;
    }
}
