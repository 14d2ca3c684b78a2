using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Extraction;
using NativeSteer.Judges;

namespace NativeSteer.Cli.Commands.Annotate;

/// <summary><c>annotate agreement</c></summary>
internal sealed class AgreementCommand : Verb
{
    private readonly Argument<string[]> _first = Positional.One("A", "Annotated traces, JSONL: the judge to be measured");
    private readonly Argument<string[]> _second = Positional.One("B", "The same traces, annotated by the judge that is taken as the truth");
    private readonly ListSetting _labels = new("NAME", "Only this label; may be given several times (default: all)", false, "--label");
    private readonly Flag _json = CommonSettings.Json();

    internal AgreementCommand() : base("annotate agreement", "How two judges agree: precision, recall, F1 and Cohen's kappa")
    {
        Details = """
            The unit is the sentence; it has a label when that label's spans cover more than half of it. Traces are put together by
            their text. Precision is the share of A's sentences with a label to which B gives it too, recall the share of B's.
            Over all, they count pairs of sentence and label; kappa is over the label that covers most of a sentence, or none.
            """;
        Add(_first);
        Add(_second);
        AddGroup("Labels", _labels);
        AddGroup("Output", _json);
        AddExample("annotate agreement keywords.jsonl judged.jsonl --label backtracking", "how good keywords are, by a better judge");
        AddExample("annotate agreement a.jsonl b.jsonl --json", "all labels, for a table");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var (first, second) = (Positional.Values(_first, parse)[0], Positional.Values(_second, parse)[0]);
        var agreement = JudgeAgreement.Of(LabelledTraces.Read(first), LabelledTraces.Read(second), _labels.IsGiven(parse) ? _labels.Values(parse) : null);
        if (agreement.OnlyFirst + agreement.OnlySecond > 0)
            terminal.Note($"{agreement.Traces} traces are in both files; {agreement.OnlyFirst} of the first and {agreement.OnlySecond} of the second are left out");
        if (_json.IsGiven(parse))
        {
            Json.PrintObject(terminal, json =>
            {
                json.WriteString("a", first);
                json.WriteString("b", second);
                json.WriteNumber("traces", agreement.Traces);
                json.WriteNumber("segments", agreement.Sentences);
                json.Objects("labels", [.. agreement.Labels, agreement.Overall], (inner, row) =>
                {
                    inner.WriteString("label", Shown(row));
                    inner.WriteNumber("both", row.Both);
                    inner.WriteNumber("only_a", row.OnlyFirst);
                    inner.WriteNumber("only_b", row.OnlySecond);
                    inner.Number("precision", row.Precision);
                    inner.Number("recall", row.Recall);
                    inner.Number("f1", row.F1);
                    inner.Number("kappa", row.Kappa);
                });
            });
            return ExitCode.Done;
        }
        var table = new Table(
            "label", Column.OfNumbers("both"), Column.OfNumbers("only A"), Column.OfNumbers("only B"),
            Column.OfNumbers("precision"), Column.OfNumbers("recall"), Column.OfNumbers("F1"), Column.OfNumbers("kappa"));
        foreach (var row in (LabelAgreement[])[.. agreement.Labels, agreement.Overall])
        {
            double[] numbers = [row.Precision, row.Recall, row.F1, row.Kappa];
            table.Add([Shown(row), $"{row.Both}", $"{row.OnlyFirst}", $"{row.OnlySecond}", .. numbers.Select(number => Text.Number(number))]);
        }
        table.Print(terminal);
        terminal.Out.WriteLine();
        terminal.Out.WriteLine($"{agreement.Sentences} sentences of {agreement.Traces} traces");
        return ExitCode.Done;
    }

    private static string Shown(LabelAgreement row) => row.Label.Length > 0 ? row.Label : "all";
}
