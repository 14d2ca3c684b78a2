using FsCheck;
using FsCheck.Fluent;
using NativeSteer.Training;
using Xunit;

namespace NativeSteer.Tests.Training;

/// <summary>What packing must be, whatever the sequences.</summary>
public sealed class BatchPackerTests
{
    private const int Length = 16;

    private static readonly Gen<TrainingSequence[]> s_sequences =
        Gen.Choose(1, 60).SelectMany(count => Gen.ArrayOf(Gen.Choose(1, Length), count)).Select(lengths => lengths.Select((length, i) => Sequence(i, length)).ToArray());

    [Fact]
    public void Every_sequence_is_in_an_epoch_exactly_once() => Check((sequences, packer, epoch) =>
    {
        var found = Batches(packer, epoch).SelectMany(Unpacked).Select(text => text.Id).Order().ToArray();
        return found.AsSpan().SequenceEqual([.. Enumerable.Range(0, sequences.Length)]);
    });

    [Fact]
    public void A_sequence_lies_whole_with_its_own_positions_targets_and_weights() => Check((sequences, packer, epoch) =>
        Batches(packer, epoch).SelectMany(Unpacked).All(text =>
            text.Tokens.SequenceEqual(sequences[text.Id].Tokens)
            && text.Positions.SequenceEqual(Enumerable.Range(0, text.Tokens.Length))
            && text.Targets.SequenceEqual(
                sequences[text.Id].Tokens.Zip(sequences[text.Id].Weights).Skip(1).Where(pair => pair.Second != 0)
                    .Select(pair => (pair.First, pair.Second)))));

    [Fact]
    public void Outputs_rise_and_padding_is_at_the_end_of_rows() => Check((_, packer, epoch) => Batches(packer, epoch).All(batch =>
        batch.Outputs.Zip(batch.Outputs.Skip(1)).All(pair => pair.First < pair.Second)
        && batch.Rows <= packer.Rows && batch.Tokens.Length == batch.Rows * Length
        && Enumerable.Range(0, batch.Rows).All(row =>
        {
            var segments = batch.Segments.AsSpan(row * Length, Length).ToArray();
            var used = segments.TakeWhile(segment => segment >= 0).ToArray();
            return segments.Skip(used.Length).All(segment => segment == -1) && used.SequenceEqual(used.Order());
        })));

    [Fact]
    public void The_same_seed_packs_alike_from_any_place_on() => Check((sequences, packer, epoch) =>
    {
        var again = new BatchPacker(sequences, packer.Rows, Length, 7);
        var last = again.Batches(epoch) - 1;
        return again.Batch(epoch, last).Tokens.AsSpan().SequenceEqual(packer.Batch(epoch, last).Tokens)
            && again.Batch(0, 0).Tokens.AsSpan().SequenceEqual(packer.Batch(0, 0).Tokens);
    });

    [Fact]
    public void Epochs_and_seeds_differ_and_rows_are_well_filled()
    {
        var random = new Random(1);
        TrainingSequence[] sequences = [.. Enumerable.Range(0, 2000).Select(i => Sequence(i, random.Next(2, 12)))];
        var packer = new BatchPacker(sequences, 4, Length, 1);
        Assert.NotEqual(packer.Batch(0, 0).Tokens, packer.Batch(1, 0).Tokens);
        Assert.NotEqual(packer.Batch(0, 0).Tokens, new BatchPacker(sequences, 4, Length, 2).Batch(0, 0).Tokens);
        Assert.InRange(packer.UsedShare(0), 0.97, 1);
        var given = new BatchPacker(sequences, 4, Length, 1, shuffle: false);
        Assert.Equal(given.Batch(0, 0).Tokens, given.Batch(5, 0).Tokens);
    }

    [Fact]
    public void Reference_probabilities_come_along()
    {
        var sequence = new TrainingSequence([1, 2, 3], [0, 0, 1]) { ReferenceLogProbabilities = [0, -1, -2] };
        Assert.Equal([-2f], new BatchPacker([sequence], 1, 8, 1).Batch(0, 0).ReferenceLogProbabilities!);
        Assert.Null(new BatchPacker([sequence with { ReferenceLogProbabilities = null }], 1, 8, 1).Batch(0, 0).ReferenceLogProbabilities);
    }

    [Fact]
    public void A_sequence_without_reference_leaves_the_others_theirs()
    {
        var sequence = new TrainingSequence([1, 2, 3], [0, 0, 1]) { ReferenceLogProbabilities = [0, -1, -2] };
        var packed = new BatchPacker([sequence, sequence with { ReferenceLogProbabilities = null }, sequence], 1, 9, 1, shuffle: false).Batch(0, 0);
        Assert.Equal([-2f, float.NaN, -2f], packed.ReferenceLogProbabilities!);
    }

    [Fact]
    public void Weights_and_references_are_as_many_as_tokens()
    {
        Refused(new([1, 2, 3], [0, 1]));
        Refused(new([1, 2, 3], [0, 1, 1]) { ReferenceLogProbabilities = [0, -1] });

        static void Refused(TrainingSequence sequence) =>
            Assert.Contains("of 3 tokens needs as many", Assert.Throws<ArgumentException>(() => new BatchPacker([sequence], 1, 8, 1)).Message, StringComparison.Ordinal);
    }

    private static void Check(Func<TrainingSequence[], BatchPacker, long, bool> holds) => Prop.ForAll(
        s_sequences.SelectMany(sequences => Gen.Choose(1, 5).SelectMany(rows => Gen.Choose(0, 3).Select(epoch => (sequences, rows, epoch)))).ToArbitrary(),
        given => holds(given.sequences, new BatchPacker(given.sequences, given.rows, Length, 7), given.epoch)).QuickCheckThrowOnFailure();

    private static IEnumerable<TrainingBatch> Batches(BatchPacker packer, long epoch) =>
        Enumerable.Range(0, packer.Batches(epoch)).Select(index => packer.Batch(epoch, index));

    // Tokens say which sequence they are of and where they stand in it.
    private static TrainingSequence Sequence(int id, int length) =>
        new([.. Enumerable.Range(0, length).Select(i => id * 100 + i)], [.. Enumerable.Range(0, length).Select(i => i == 0 ? 0f : (id + i) % 3 * 0.5f)]);

    private static IEnumerable<(int Id, int[] Tokens, int[] Positions, (int, float)[] Targets)> Unpacked(TrainingBatch batch)
    {
        for (var row = 0; row < batch.Rows; row++)
        {
            foreach (var places in Enumerable.Range(row * batch.Length, batch.Length).Where(i => batch.Segments[i] >= 0).GroupBy(i => batch.Segments[i]))
            {
                int[] at = [.. places];
                Assert.Equal(at[^1] - at[0] + 1, at.Length);
                var targets = batch.Outputs.Select((output, i) => (output, i)).Where(pair => at.Contains(pair.output)).ToArray();
                yield return (batch.Tokens[at[0]] / 100, [.. at.Select(i => batch.Tokens[i])], [.. at.Select(i => batch.Positions[i])],
                    [.. targets.Select(pair => (batch.Targets[pair.i], batch.Weights[pair.i]))]);
            }
        }
    }
}
