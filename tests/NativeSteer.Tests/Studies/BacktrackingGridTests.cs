using NativeSteer.Extraction;
using NativeSteer.Judges;
using NativeSteer.Studies;
using Xunit;

namespace NativeSteer.Tests.Studies;

public sealed class BacktrackingGridTests
{
    private static readonly BacktrackingOptions s_options = new()
    {
        Reasoning = "r",
        Base = "b",
        TracePrompts = [new("t", "t")],
        Prompts = [new("1", "a"), new("2", "b")],
        Judge = new KeywordJudge(),
        Layer = 1,
        Layers = [0, 1],
        Offsets = OffsetRange.Window(-6, -1),
        HeatOffsets = [OffsetRange.Window(-12, -7), OffsetRange.Window(-6, -1)],
        Magnitudes = [0, -0.5f, 0.1f],
        Seeds = [1, 2],
    };

    /// <summary>Counted by hand, a seed: 2 none; 2 windows; 2 layers x (reasoning, base, noise), of which one is a window; 2 on the base model; mean, self, shuffled, deduction.</summary>
    [Fact]
    public void It_is_the_union_of_the_figures_each_cell_once()
    {
        var cells = BacktrackingGrid.Cells(s_options, [Behaviours.Backtracking, Behaviours.Deduction, Behaviours.Other]);
        Assert.Equal(2 * (2 + 2 * (2 + 6 - 1 + 2 + 4)), cells.Count);
        Assert.Equal(cells.Count, cells.Select(cell => cell.Key).Distinct(StringComparer.Ordinal).Count());
        var shared = Assert.Single(cells, cell => cell.Key == "reasoning/difference-of-means,reasoning,backtracking,-6:-1/L1/0.1rel/s1");
        Assert.Equal(["offsets", "layers", "pairs", "baselines"], shared.Figures);
        Assert.Equal(0.1, shared.Condition.Magnitude);
        Assert.Equal(["pairs"], Assert.Single(cells, cell => cell.Key == "base/none/s2").Figures);
    }

    [Fact]
    public void Noise_stands_beside_every_cell_that_can_be_chosen_from_the_layer_sweep()
    {
        var cells = BacktrackingGrid.Cells(s_options, [Behaviours.Backtracking]);
        foreach (var cell in cells.Where(cell => cell.Figures.Contains("layers") && cell.Condition.Vector.Kind == StudyVector.DifferenceOfMeans))
        {
            Assert.Contains(cells, other => other.Seed == cell.Seed && other.Condition == cell.Condition with { Vector = new StudyVector(StudyVector.Noise, null, null, null) });
        }
    }

    [Fact]
    public void Without_a_base_model_there_is_nothing_of_it() =>
        Assert.DoesNotContain(BacktrackingGrid.Cells(s_options with { Base = null }, [Behaviours.Backtracking]), cell => cell.Key.Contains("base", StringComparison.Ordinal));
}
