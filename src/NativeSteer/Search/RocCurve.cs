namespace NativeSteer.Search;

/// <summary>A point of a ROC curve: what a threshold lets through.</summary>
/// <param name="Threshold">Scores of at least this are let through.</param>
/// <param name="FalsePositives">Share of the negatives that are.</param>
/// <param name="TruePositives">Share of the positives that are.</param>
public readonly record struct RocPoint(double Threshold, double FalsePositives, double TruePositives);

/// <summary>How well scores tell positives from negatives, whatever the threshold.</summary>
public static class RocCurve
{
    /// <summary>The curve from (0, 0) to (1, 1), a point for each different score; empty without both kinds.</summary>
    public static IReadOnlyList<RocPoint> Of(IEnumerable<(double Score, bool IsPositive)> scores)
    {
        ArgumentNullException.ThrowIfNull(scores);
        var sorted = scores.OrderByDescending(score => score.Score).ToList();
        var positives = sorted.Count(score => score.IsPositive);
        var negatives = sorted.Count - positives;
        if (positives == 0 || negatives == 0) return [];
        var points = new List<RocPoint> { new(double.PositiveInfinity, 0, 0) };
        int hits = 0, alarms = 0;
        for (var i = 0; i < sorted.Count; i++)
        {
            if (sorted[i].IsPositive) hits++;
            else alarms++;
            if (i + 1 == sorted.Count || sorted[i + 1].Score != sorted[i].Score)
                points.Add(new RocPoint(sorted[i].Score, (double)alarms / negatives, (double)hits / positives));
        }
        return points;
    }

    /// <summary>The area under the curve: the chance that a positive scores higher than a negative, ties counted half. NaN without both kinds.</summary>
    public static double Area(IEnumerable<(double Score, bool IsPositive)> scores)
    {
        var points = Of(scores);
        if (points.Count == 0) return double.NaN;
        var area = 0.0;
        for (var i = 1; i < points.Count; i++)
            area += (points[i].FalsePositives - points[i - 1].FalsePositives) * (points[i].TruePositives + points[i - 1].TruePositives) / 2;
        return area;
    }
}
