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
            Column.OfNumbers("round"), Column.OfNumbers("problems"), Column.OfNumbers("right"), Column.OfNumbers("false claims"), Column.OfNumbers("answers"),
            Column.OfNumbers("greedy"), Column.OfNumbers("95 %"), Column.OfNumbers("new targets"), Column.OfNumbers("search"), Column.OfNumbers("95 %"));
        foreach (var round in rounds)
        {
            table.Add(
                $"{round.Round}", $"{round.Problems}", $"{round.Verified}", $"{round.FalseClaims}", $"{round.Answers}",
                Text.Percent(round.Fast.Value), Interval(round.Fast), Text.Percent(round.FastNew.Value), Text.Percent(round.Slow.Value), Interval(round.Slow));
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
    });

    private static string Interval(Share share) => $"{Text.Percent(share.Low)} - {Text.Percent(share.High)}";
}
