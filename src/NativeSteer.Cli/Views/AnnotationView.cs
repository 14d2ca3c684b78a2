using System.Text.Json;
using NativeSteer.Cli.Output;
using NativeSteer.Judges;

namespace NativeSteer.Cli.Views;

/// <summary>What a judge found, as a table, a line or JSON.</summary>
internal sealed class AnnotationView(AnnotationReport report, IJudge judge)
{
    internal void Print(Terminal terminal)
    {
        var table = new Table("label", Column.OfNumbers("spans"), Column.OfNumbers("share"));
        var all = report.Spans.Values.Sum();
        foreach (var (label, count) in Ordered(report.Spans)) table.Add(label, $"{count}", Text.Percent((double)count / all));
        table.Print(terminal);
        terminal.Out.WriteLine();
        terminal.Out.WriteLine(Line());
        if (report.NotFound + report.OtherWhiteSpace > 0)
            terminal.Out.WriteLine($"Segments that their text does not hold: {report.NotFound}; found with other white space: {report.OtherWhiteSpace}");
        if (report.UnknownLabels.Count > 0) terminal.Out.WriteLine($"Labels made up: {Listed(report.UnknownLabels)}");
        if (report.Unlabelled > 0) terminal.Out.WriteLine($"Unlabelled: {Listed(report.Failures)}");
    }

    /// <summary>The most important of it in a line.</summary>
    internal string Line()
    {
        var sentences = report.Sentences > 0 ? $", {Text.Percent((double)report.LabelledSentences / report.Sentences)} of their {report.Sentences} sentences" : "";
        return $"{report.Traces - report.Unlabelled} of {report.Traces} traces labelled by {Text.OneLine(judge.Name)}{sentences}";
    }

    internal void Write(Utf8JsonWriter json)
    {
        json.WriteString("judge", judge.Name);
        json.WriteString("judge_settings", judge.Settings);
        json.WriteNumber("traces", report.Traces);
        json.WriteNumber("unlabelled", report.Unlabelled);
        json.WriteNumber("sentences", report.Sentences);
        json.WriteNumber("labelled_sentences", report.LabelledSentences);
        json.WriteNumber("not_found", report.NotFound);
        json.WriteNumber("other_white_space", report.OtherWhiteSpace);
        Counts("spans", report.Spans);
        Counts("unknown_labels", report.UnknownLabels);
        Counts("failures", report.Failures);

        void Counts(string name, IReadOnlyDictionary<string, int> counts)
        {
            json.WriteStartObject(name);
            foreach (var (key, count) in Ordered(counts)) json.WriteNumber(key, count);
            json.WriteEndObject();
        }
    }

    private static string Listed(IReadOnlyDictionary<string, int> counts) =>
        string.Join(", ", Ordered(counts).Select(count => $"{Text.OneLine(count.Key)} ({count.Value})"));

    private static IEnumerable<KeyValuePair<string, int>> Ordered(IReadOnlyDictionary<string, int> counts) =>
        counts.OrderByDescending(count => count.Value).ThenBy(count => count.Key, StringComparer.Ordinal);
}
