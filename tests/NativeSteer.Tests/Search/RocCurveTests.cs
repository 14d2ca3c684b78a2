using NativeSteer.Search;
using Xunit;

namespace NativeSteer.Tests.Search;

public sealed class RocCurveTests
{
    [Fact]
    public void By_hand()
    {
        // Positives 0.9 and 0.4, negatives 0.4 and 0.1: of four pairs three are in order and one is a tie.
        (double, bool)[] scores = [(0.9, true), (0.4, true), (0.4, false), (0.1, false)];
        Assert.Equal(0.875, RocCurve.Area(scores), 12);
        Assert.Equal([(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)], RocCurve.Of(scores).Select(point => (point.FalsePositives, point.TruePositives)));
    }

    [Fact]
    public void Perfect_reversed_and_absent()
    {
        Assert.Equal(1, RocCurve.Area([(2, true), (1, false)]));
        Assert.Equal(0, RocCurve.Area([(1, true), (2, false)]));
        Assert.True(double.IsNaN(RocCurve.Area([(1, true), (2, true)])));
        Assert.Empty(RocCurve.Of([]));
    }
}
