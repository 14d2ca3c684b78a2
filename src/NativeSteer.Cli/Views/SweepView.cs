using NativeSteer.Analysis;
using NativeSteer.Cli.Output;
using NativeSteer.Studies;

namespace NativeSteer.Cli.Views;

/// <summary>What the cells of a sweep gave, as a table or as JSON.</summary>
internal sealed class SweepView(IReadOnlyList<(StudyCell Cell, ConditionResult Result)> cells)
{
    internal void Print(Terminal terminal)
    {
        var table = new Table(
            "vector", Column.OfNumbers("layer"), Column.OfNumbers("strength"), Column.OfNumbers("scale"), Column.OfNumbers("seed"), Column.OfNumbers("keywords"),
            Column.OfNumbers("95 %"), Column.OfNumbers("texts"), Column.OfNumbers("empty"), Column.OfNumbers("degenerate"), Column.OfNumbers("truncated"), Column.OfNumbers("KL"));
        foreach (var (cell, result) in cells) table.Add(Row(cell, result));
        table.Print(terminal);
    }

    internal void PrintJson(Terminal terminal) => Json.Print(terminal, json =>
    {
        json.WriteStartArray();
        foreach (var (cell, result) in cells)
        {
            json.Object(inner =>
            {
                inner.WriteString("cell", cell.Key);
                inner.WriteString("vector", Name(cell));
                inner.Number("layer", (long?)cell.Condition.Layer);
                inner.Number("magnitude", cell.Condition.Magnitude);
                inner.WriteString("unit", cell.Condition.Unit);
                inner.Number("scale", cell.Scale);
                inner.WriteNumber("seed", cell.Seed);
                inner.Number("rate", result.Rate.Value);
                inner.Number("low", result.Rate.Low);
                inner.Number("high", result.Rate.High);
                inner.WriteNumber("rollouts", result.Rollouts);
                inner.WriteNumber("words", result.Keywords.Words);
                inner.WriteNumber("hits", result.Keywords.Hits);
                foreach (var kind in Enum.GetValues<CompletionClass>()) inner.WriteNumber(kind.ToString().ToLowerInvariant(), result[kind]);
                inner.Number("kl", result.Divergence);
                inner.Number("perplexity", result.Perplexity);
            });
        }
        json.WriteEndArray();
    });

    private static string[] Row(StudyCell cell, ConditionResult result) =>
    [
        Name(cell), Output.Text.Number(cell.Condition.Layer), Output.Text.Number(cell.Condition.Magnitude), Output.Text.Number(cell.Scale ?? double.NaN), $"{cell.Seed}",
        Percent(result.Rate.Value), $"{Percent(result.Rate.Low)} - {Percent(result.Rate.High)}", $"{result.Rollouts}", $"{result[CompletionClass.Empty]}",
        $"{result[CompletionClass.Degenerate]}", $"{result[CompletionClass.Truncated]}", Output.Text.Number(result.Divergence),
    ];

    private static string Name(StudyCell cell)
    {
        var vector = cell.Condition.Vector;
        return vector.Kind == StudyVector.None ? vector.Kind : vector.Offsets is { } window ? $"{vector.Label} {window}" : vector.Label ?? vector.Kind;
    }

    private static string Percent(double share) => double.IsNaN(share) ? "-" : Output.Text.Percent(share);
}
