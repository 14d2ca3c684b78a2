using System.Text.Json;
using NativeSteer.Cli.Output;
using NativeSteer.Countdown;
using NativeSteer.Studies;

namespace NativeSteer.Cli.Views;

/// <summary>The rounds of an expert iteration, as a table or as JSON.</summary>
internal static class ExpertRoundsView
{
    internal static void Print(Terminal terminal, IReadOnlyList<ExpertRound> rounds)
    {
        var table = new Table(
            Column.OfNumbers("round"), Column.OfNumbers("problems"), Column.OfNumbers("right"), Column.OfNumbers("false claims"),
            Column.OfNumbers("greedy, seen targets"), Column.OfNumbers("new targets"), Column.OfNumbers("search, seen"), Column.OfNumbers("new"), Column.OfNumbers("greedy, collected problems"));
        foreach (var round in rounds)
        {
            table.Add(
                $"{round.Round}", $"{round.Problems}", $"{round.Verified}", $"{round.FalseClaims}", Shown(round.Fast), Shown(round.FastNew), Text.Percent(round.Slow.Value), Text.Percent(round.SlowNew.Value),
                round.Round == 0 ? "-" : $"{Text.Percent(round.CollectedBefore.Value)}, then {Text.Percent(round.CollectedAfter.Value)}");
        }
        table.Print(terminal);
    }

    internal static void Write(Utf8JsonWriter json, IReadOnlyList<ExpertRound> rounds) => json.Objects("rounds", rounds, (inner, round) =>
    {
        inner.WriteNumber("round", round.Round);
        inner.WriteNumber("problems", round.Problems);
        inner.WriteNumber("claimed", round.Claimed);
        inner.WriteNumber("verified", round.Verified);
        inner.WriteNumber("false_claims", round.FalseClaims);
        inner.WriteNumber("answers", round.Answers);
        inner.WriteNumber("trained_tokens", round.TrainedTokens);
        inner.Number("loss", round.Loss);
        inner.Number("greedy", round.Fast.Value);
        inner.Number("greedy_new_targets", round.FastNew.Value);
        inner.Number("search", round.Slow.Value);
        inner.Number("search_new_targets", round.SlowNew.Value);
        if (round.Round == 0) return;
        inner.Number("greedy_collected_before", round.CollectedBefore.Value);
        inner.Number("greedy_collected_after", round.CollectedAfter.Value);
    });

    private static string Shown(Share share) => $"{Text.Percent(share.Value)} ({Text.Percent(share.Low)} - {Text.Percent(share.High)})";
}
