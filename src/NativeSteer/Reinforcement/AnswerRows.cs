using NativeSteer.Rollouts;
using NativeSteer.Training;

namespace NativeSteer.Reinforcement;

/// <summary>An answer to learn from.</summary>
/// <param name="Prompt">Token ids; answers to one prompt hold the same list.</param>
/// <param name="Tokens">Its tokens, its end token too where it has one.</param>
/// <param name="Advantage">The factor of its loss.</param>
internal readonly record struct JudgedAnswer(IReadOnlyList<int> Prompt, IReadOnlyList<int> Tokens, double Advantage)
{
    internal static JudgedAnswer Of(Rollout rollout, double advantage) =>
        new(rollout.Request.Prompt, rollout.End is { } end ? [.. rollout.Tokens, end] : rollout.Tokens, advantage);
}

/// <summary>
/// Packs answers into rows for the trainer. As in <see cref="RolloutRunner"/>, answers to one prompt share it: a row holds the prompt but
/// for its last token once, and each answer goes on from there with that token and its own.
/// </summary>
internal static class AnswerRows
{
    // Longer rows would hold a prompt fewer times, and cost more for what is not seen.
    private const int LeastLength = 256;

    /// <summary>Most tokens of a row, where the longest prompt and answer together have so many.</summary>
    internal static int LengthFor(int longest) => Math.Max(LeastLength, longest);

    /// <summary>Packs answers, those of a prompt one after the other.</summary>
    /// <param name="answers">Each with a token at least.</param>
    /// <param name="rows">Most rows of a batch.</param>
    /// <param name="penalised">Whether the reference's log-probabilities will be filled in; zeros keep their places.</param>
    internal static IReadOnlyList<TrainingBatch> Pack(IReadOnlyList<JudgedAnswer> answers, int rows, bool penalised)
    {
        var length = LengthFor(answers.Max(answer => answer.Prompt.Count + answer.Tokens.Count));
        var all = new List<Row>();
        foreach (var answer in answers)
        {
            if (all.Count == 0 || !all[^1].TryAdd(answer, length)) all.Add(new Row(answer));
        }
        return [.. all.Chunk(rows).Select(chunk => Batch(chunk, penalised))];
    }

    private static TrainingBatch Batch(Row[] rows, bool penalised)
    {
        var length = rows.Max(row => row.Tokens.Count);
        var outputs = rows.SelectMany((row, r) => row.Outputs.Select(place => r * length + place)).ToArray();
        return new TrainingBatch
        {
            Rows = rows.Length,
            Length = length,
            Tokens = Flat(row => row.Tokens, 0),
            Positions = Flat(row => row.Positions, 0),
            Segments = Flat(row => row.Segments, -1),
            Beginnings = Flat(row => row.Beginnings, -1),
            Outputs = outputs,
            Targets = [.. rows.SelectMany(row => row.Targets)],
            Weights = [.. rows.SelectMany(row => row.Weights)],
            ReferenceLogProbabilities = penalised ? new float[outputs.Length] : null,
        };

        int[] Flat(Func<Row, List<int>> of, int padding) =>
            [.. rows.SelectMany(row => of(row).Concat(Enumerable.Repeat(padding, length - row.Tokens.Count)))];
    }

    private sealed class Row
    {
        private IReadOnlyList<int>? _prompt;
        private int _promptSegment, _segments;

        internal Row(JudgedAnswer first) => TryAdd(first, int.MaxValue);

        internal List<int> Tokens { get; } = [];
        internal List<int> Positions { get; } = [];
        internal List<int> Segments { get; } = [];
        internal List<int> Beginnings { get; } = [];
        internal List<int> Outputs { get; } = [];
        internal List<int> Targets { get; } = [];
        internal List<float> Weights { get; } = [];

        internal bool TryAdd(JudgedAnswer answer, int most)
        {
            var known = ReferenceEquals(answer.Prompt, _prompt);
            var (shared, own) = (answer.Prompt.Count - 1, answer.Tokens.Count); // the last token is predicted, never read
            if (Tokens.Count + own + (known ? 0 : shared) > most) return false;
            if (!known && shared > 0)
            {
                for (var i = 0; i < shared; i++) Add(answer.Prompt[i], i, -1);
                _promptSegment = _segments++;
            }
            _prompt = answer.Prompt;
            for (var i = 0; i < own; i++)
            {
                Outputs.Add(Tokens.Count);
                Targets.Add(answer.Tokens[i]);
                Weights.Add((float)answer.Advantage);
                Add(i == 0 ? answer.Prompt[shared] : answer.Tokens[i - 1], shared + i, shared > 0 ? _promptSegment : -1);
            }
            _segments++;
            return true;
        }

        private void Add(int token, int position, int beginning)
        {
            Tokens.Add(token);
            Positions.Add(position);
            Segments.Add(_segments);
            Beginnings.Add(beginning);
        }
    }
}
