using System.Globalization;
using System.Text.Json;
using NativeSteer.Cli.Output;
using NativeSteer.Search;

namespace NativeSteer.Cli.Views;

/// <summary>What was tried for a puzzle, as text or as JSON.</summary>
internal static class SearchTreeView
{
    private const int MostLeaves = 12;

    /// <summary>Prints the puzzle, its states with what was sampled from each, and the answer.</summary>
    internal static void Print(Terminal terminal, PuzzleAnswer answer)
    {
        terminal.Out.WriteLine($"{answer.Puzzle}");
        foreach (var node in answer.Search?.Nodes ?? [])
        {
            var from = node.State.Text.Length == 0 ? "the puzzle" : Line(node.State.Text);
            terminal.Out.WriteLine($"  round {node.State.Round}, from {from}: {node.Leaves.Sum(leaf => leaf.Count)} samples, {node.Leaves.Count} different");
            foreach (var leaf in node.Leaves.Take(MostLeaves))
            {
                var rest = leaf.Text.StartsWith(node.State.Text, StringComparison.Ordinal) ? leaf.Text[node.State.Text.Length..] : leaf.Text;
                terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"    {leaf.Count,4} x {Line(rest),-48} {leaf.Score:0.000}{Remark(leaf.Kind)}"));
            }
            if (node.Leaves.Count > MostLeaves) terminal.Out.WriteLine($"         and {node.Leaves.Count - MostLeaves} more");
        }
        terminal.Out.WriteLine($"  answer: {(answer.Text.Length == 0 ? "none" : Line(answer.Text))} ({CountdownView.Name(answer.Verdict.Outcome).Replace('_', ' ')}; {answer.Tokens} tokens)");
        terminal.Out.WriteLine();
    }

    internal static void Fields(Utf8JsonWriter json, PuzzleAnswer answer)
    {
        json.WriteNumber("index", answer.Index);
        json.WriteStartArray("nums");
        foreach (var number in answer.Puzzle.Numbers) json.WriteNumberValue(number);
        json.WriteEndArray();
        json.WriteNumber("target", answer.Puzzle.Target);
        json.WriteString("text", answer.Text);
        json.WriteString("outcome", CountdownView.Name(answer.Verdict.Outcome));
        json.WriteNumber("tokens", answer.Tokens);
        if (answer.Search is not { } search) return;
        json.WriteBoolean("claimed", search.Final.IsClaimed);
        json.Objects("candidates", search.Final.Candidates, (inner, candidate) =>
        {
            inner.WriteString("text", candidate.Text);
            inner.WriteNumber("count", candidate.Count);
            inner.Number("score", candidate.MeanLogProbability);
        });
        json.Objects("tree", search.Nodes, (inner, node) =>
        {
            inner.WriteNumber("round", node.State.Round);
            inner.WriteString("state", node.State.Text);
            inner.Objects("leaves", node.Leaves, (leaf, sample) =>
            {
                leaf.WriteString("text", sample.Text);
                leaf.WriteNumber("count", sample.Count);
                leaf.Number("score", sample.Score);
                leaf.WriteString("kind", Name(sample.Kind));
            });
        });
    }

    private static string Remark(SearchLeafKind kind) => kind switch
    {
        SearchLeafKind.Ended => "  (ended)",
        SearchLeafKind.Cut => "  (cut off)",
        _ => "",
    };

    private static string Name(SearchLeafKind kind) => kind switch
    {
        SearchLeafKind.Claimed => "claimed",
        SearchLeafKind.TakenBack => "taken_back",
        SearchLeafKind.Cut => "cut",
        _ => "ended",
    };

    private static string Line(string text) => Output.Text.OneLine(string.Join(", ", text.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
}
