using NativeSteer.Studies;
using NativeSteer.Hooks;
using NativeSteer.Tests.Files;
using NativeSteer.Tests.Support;
using NativeSteer.Vectors;
using Xunit;

namespace NativeSteer.Tests.Studies;

public sealed class VectorSweepTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Parts_of_a_sweep_hold_together_what_the_whole_holds()
    {
        Run("whole.jsonl", Options());
        Run("1.jsonl", Options() with { Shard = (0, 2) });
        Run("2.jsonl", Options() with { Shard = (1, 2) });
        var whole = VectorSweep.Read(_folder["whole.jsonl"]);
        var parts = VectorSweep.Read(_folder["1.jsonl"], _folder["2.jsonl"]);
        Assert.Equal(1 + 2 * 2 * 2, whole.Count);
        Assert.Equal(whole.Select(cell => (cell.Cell.Key, cell.Result.Rate, cell.Result.Divergence)), parts.Select(cell => (cell.Cell.Key, cell.Result.Rate, cell.Result.Divergence)));
        Assert.True(VectorSweep.Read(_folder["1.jsonl"]).Count < whole.Count);
    }

    [Fact]
    public void A_cell_gives_what_its_rollouts_give_one_by_one_in_a_sweep_of_its_own()
    {
        var options = Options();
        Run("both.jsonl", options with { Context = new() { Sequences = 3, Threads = 1 } });
        Run("alone.jsonl", options with { Vectors = [options.Vectors[1]], Context = new() { Sequences = 3, Threads = 1 } });
        var alone = VectorSweep.Read(_folder["alone.jsonl"]).ToDictionary(cell => cell.Cell.Key, cell => cell.Result, StringComparer.Ordinal);
        foreach (var (cell, result) in VectorSweep.Read(_folder["both.jsonl"]).Where(cell => alone.ContainsKey(cell.Cell.Key)))
        {
            Assert.Equal(result.Divergence, alone[cell.Key].Divergence, 0.02); // other batches round otherwise
        }
    }

    [Fact]
    public void Another_vector_under_the_same_name_is_another_sweep()
    {
        Run("sweep.jsonl", Options());
        var other = Options() with { Vectors = [SweptVector.OfFile("a", Models.RandomVector(TinyCountdown.Model.Shape, 77, 0, 1)), SweptVector.OfFile("b", Vector(2))] };
        var error = Assert.Throws<NativeSteerException>(() => new VectorSweep(TinyCountdown.Model, other).Run(_folder["sweep.jsonl"], resume: true));
        Assert.Contains("other vectors", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_relative_strength_needs_the_vectors_norms() =>
        Assert.Contains("residual norm", Assert.Throws<NativeSteerException>(() => Run("rel.jsonl", Options() with { Unit = ScaleUnit.ResidualNorm })).Message, StringComparison.Ordinal);

    private void Run(string name, VectorSweepOptions options) => new VectorSweep(TinyCountdown.Model, options).Run(_folder[name], resume: false);

    private static SteeringVector Vector(int seed) => Models.RandomVector(TinyCountdown.Model.Shape, seed, 0, 1);

    private static VectorSweepOptions Options() => new()
    {
        Vectors = [SweptVector.OfFile("a", Vector(1)), SweptVector.OfFile("b", Vector(2))],
        Magnitudes = [1, 4],
        Unit = ScaleUnit.Absolute,
        Prompts = CountdownStudy.Puzzles(4),
        MaxTokens = 6,
        Context = new() { Sequences = 2, Threads = 1 },
    };
}
