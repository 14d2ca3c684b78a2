using NativeSteer.Extraction;

namespace NativeSteer.Judges;

/// <summary>How two judges agree on a label, or over all.</summary>
/// <param name="Label">The label; empty over all.</param>
/// <param name="Both">Sentences that both give it.</param>
/// <param name="OnlyFirst">Sentences that the first judge alone gives it.</param>
/// <param name="OnlySecond">Sentences that the second alone gives it.</param>
/// <param name="Kappa">Cohen's kappa; NaN where chance alone would agree everywhere.</param>
public sealed record LabelAgreement(string Label, int Both, int OnlyFirst, int OnlySecond, double Kappa)
{
    /// <summary>The share of the first judge's that the second gives too; NaN where the first gives none.</summary>
    public double Precision => (double)Both / (Both + OnlyFirst);

    /// <summary>The share of the second judge's that the first gives too; NaN where the second gives none.</summary>
    public double Recall => (double)Both / (Both + OnlySecond);

    /// <summary>The harmonic mean of the two; NaN where neither judge gives any.</summary>
    public double F1 => 2.0 * Both / (2.0 * Both + OnlyFirst + OnlySecond);
}

/// <summary>
/// Agreement of two judges on the same traces, in sentences (<see cref="Sentences"/>), the second taken as the truth. A sentence has a label
/// when that label's spans cover more than half of it; so it may have several, or none.
/// </summary>
/// <remarks>
/// Precision, recall and F1 over all count pairs of sentence and label. Kappa (Cohen 1960) of a label is over having it or not; over all it is
/// over the label that covers most of each sentence, with <c>none</c> as one more (of equals the first in the alphabet). Traces are put together by
/// their text, the first of equal ones with the first.
/// </remarks>
public sealed class JudgeAgreement
{
    private JudgeAgreement(IReadOnlyList<LabelAgreement> labels, LabelAgreement overall)
    {
        Labels = labels;
        Overall = overall;
    }

    /// <summary>Label by label, in alphabetical order.</summary>
    public IReadOnlyList<LabelAgreement> Labels { get; }

    /// <summary>Over all labels.</summary>
    public LabelAgreement Overall { get; }

    /// <summary>Sentences compared.</summary>
    public int Sentences { get; private init; }

    /// <summary>Traces compared.</summary>
    public int Traces { get; private init; }

    /// <summary>Traces of the first judge that the second has not.</summary>
    public int OnlyFirst { get; private init; }

    /// <summary>Traces of the second judge that the first has not.</summary>
    public int OnlySecond { get; private init; }

    /// <summary>Compares two judges' files or results.</summary>
    /// <param name="first">The judge to be measured.</param>
    /// <param name="second">The judge that is taken as the truth.</param>
    /// <param name="labels">Only these labels; null for all that occur.</param>
    /// <exception cref="NativeSteerException">They share no trace, a label does not occur, or spans count tokens.</exception>
    public static JudgeAgreement Of(IEnumerable<LabelledTrace> first, IEnumerable<LabelledTrace> second, IReadOnlyList<string>? labels = null)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var reference = second.GroupBy(trace => trace.Text, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => new Queue<LabelledTrace>(group), StringComparer.Ordinal);
        var sentences = new List<(JudgedSentence First, JudgedSentence Second)>();
        var (traces, onlyFirst) = (0, 0);
        foreach (var trace in first)
        {
            if (!reference.TryGetValue(trace.Text, out var others) || !others.TryDequeue(out var other))
            {
                onlyFirst++;
                continue;
            }
            traces++;
            sentences.AddRange(JudgedSentence.All(trace).Zip(JudgedSentence.All(other)));
        }
        if (traces == 0) throw new NativeSteerException("The two files have no trace in common: traces are the same when their texts are; give annotations of the same file.");
        var names = Names(sentences, labels);
        return new JudgeAgreement([.. names.Select(name => OfLabel(name, sentences))], OfAll(names, sentences))
        {
            Sentences = sentences.Count,
            Traces = traces,
            OnlyFirst = onlyFirst,
            OnlySecond = reference.Values.Sum(rest => rest.Count),
        };
    }

    private static string[] Names(List<(JudgedSentence First, JudgedSentence Second)> sentences, IReadOnlyList<string>? wanted)
    {
        string[] all = [.. sentences.SelectMany(pair => pair.First.Labels.Concat(pair.Second.Labels)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (wanted is null) return all;
        if (wanted.FirstOrDefault(name => !all.Contains(name, StringComparer.Ordinal)) is { } missing)
            throw new NativeSteerException($"Neither judge gives the label '{missing}' to a sentence; they give {(all.Length == 0 ? "none" : string.Join(", ", all))}.");
        return [.. wanted.Distinct(StringComparer.Ordinal)];
    }

    private static LabelAgreement OfLabel(string label, List<(JudgedSentence First, JudgedSentence Second)> sentences)
    {
        var pairs = sentences.ConvertAll(pair => (pair.First.Has(label), pair.Second.Has(label)));
        return new LabelAgreement(
            label, pairs.Count(pair => pair is (true, true)), pairs.Count(pair => pair is (true, false)), pairs.Count(pair => pair is (false, true)), Kappa(pairs));
    }

    private static LabelAgreement OfAll(string[] names, List<(JudgedSentence First, JudgedSentence Second)> sentences)
    {
        var (both, onlyFirst, onlySecond) = (0, 0, 0);
        foreach (var (first, second) in sentences)
        {
            both += names.Count(name => first.Has(name) && second.Has(name));
            onlyFirst += names.Count(name => first.Has(name) && !second.Has(name));
            onlySecond += names.Count(name => !first.Has(name) && second.Has(name));
        }
        return new LabelAgreement("", both, onlyFirst, onlySecond, Kappa(sentences.ConvertAll(pair => (pair.First.Main(names), pair.Second.Main(names)))));
    }

    /// <summary>Cohen's kappa: (agreement - chance) / (1 - chance), chance from how often each judge gives each class.</summary>
    private static double Kappa<T>(List<(T First, T Second)> pairs) where T : notnull
    {
        double n = pairs.Count;
        var agreed = pairs.Count(pair => EqualityComparer<T>.Default.Equals(pair.First, pair.Second)) / n;
        var second = pairs.CountBy(pair => pair.Second).ToDictionary();
        var chance = pairs.CountBy(pair => pair.First).Sum(count => count.Value / n * second.GetValueOrDefault(count.Key) / n);
        return chance < 1 ? (agreed - chance) / (1 - chance) : double.NaN;
    }
}

/// <summary>A sentence with the labels that cover more than half of it, and how far each does.</summary>
internal sealed class JudgedSentence
{
    private const string None = "none";
    private readonly Dictionary<string, int> _covered;

    private JudgedSentence(Dictionary<string, int> covered) => _covered = covered;

    internal IEnumerable<string> Labels => _covered.Keys;

    internal bool Has(string label) => _covered.ContainsKey(label);

    /// <summary>Of some labels the one that covers most of the sentence, or <c>none</c>.</summary>
    internal string Main(IEnumerable<string> labels) =>
        labels.Where(Has).OrderByDescending(label => _covered[label]).ThenBy(label => label, StringComparer.Ordinal).FirstOrDefault(None);

    internal static IEnumerable<JudgedSentence> All(LabelledTrace trace)
    {
        if (trace.Unit != SpanUnit.CodePoints)
            throw new NativeSteerException($"{trace.Place}: the spans count tokens; judges are compared where they count characters.");
        foreach (var sentence in Sentences.Split(trace.Text))
        {
            var covered = trace.Spans.Where(span => span.To > sentence.From && span.From < sentence.To)
                .GroupBy(span => span.Label, StringComparer.Ordinal)
                .Select(spans => (Label: spans.Key, Covered: Covered(sentence, spans)))
                .Where(label => 2 * label.Covered > sentence.To - sentence.From);
            yield return new JudgedSentence(covered.ToDictionary(label => label.Label, label => label.Covered, StringComparer.Ordinal));
        }
    }

    // Spans may overlap: what two of them cover counts once.
    private static int Covered(Sentence sentence, IEnumerable<TraceSpan> spans)
    {
        var (covered, end) = (0, sentence.From);
        foreach (var span in spans.OrderBy(span => span.From))
        {
            var from = Math.Max(span.From, end);
            end = Math.Max(end, Math.Min(span.To, sentence.To));
            covered += Math.Max(0, end - from);
        }
        return covered;
    }
}
