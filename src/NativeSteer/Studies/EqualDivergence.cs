namespace NativeSteer.Studies;

/// <summary>
/// The keyword rate of a vector at a given distance from the unsteered model, so that vectors of different strength can be
/// compared: linear between the two neighbouring magnitudes on the way out from zero.
/// </summary>
public static class EqualDivergence
{
    /// <summary>The rate at a divergence.</summary>
    /// <param name="unsteered">The target at magnitude 0, where the divergence is 0.</param>
    /// <param name="results">One vector at one layer and several magnitudes of one sign.</param>
    /// <param name="divergence">KL(steered || unsteered) in nats per token.</param>
    /// <returns>The share of words, or NaN where the vector was not run that far out, or only with unsound completions.</returns>
    public static double Rate(ConditionResult unsteered, IEnumerable<ConditionResult> results, double divergence)
    {
        ArgumentNullException.ThrowIfNull(unsteered);
        ArgumentNullException.ThrowIfNull(results);
        var (x, y) = (0.0, unsteered.Rate.Value);
        if (divergence <= 0) return divergence == 0 ? y : double.NaN;
        foreach (var result in results.OrderBy(result => Math.Abs(result.Condition.Magnitude)))
        {
            if (double.IsNaN(result.Divergence) || double.IsNaN(result.Rate.Value)) continue;
            if (!result.IsSound) break; // what lies towards it is on the way to repeating text
            // The first crossing: beyond the magnitude at which text breaks down, KL may fall again.
            if (x <= divergence && divergence <= result.Divergence)
                return result.Divergence == x ? y : y + (divergence - x) / (result.Divergence - x) * (result.Rate.Value - y);
            (x, y) = (result.Divergence, result.Rate.Value);
        }
        return double.NaN;
    }
}
