namespace NativeSteer.Countdown;

/// <summary>A share of trials that succeeded, with Wilson's interval of 95 % (Wilson 1927), which also holds near 0 and 1.</summary>
/// <param name="Value">The share; NaN without trials.</param>
/// <param name="Low">The interval's lower end.</param>
/// <param name="High">Its upper end.</param>
public readonly record struct Share(double Value, double Low, double High)
{
    /// <summary>Of a count of trials.</summary>
    public static Share Of(long successes, long trials)
    {
        if (trials == 0) return new Share(double.NaN, double.NaN, double.NaN);
        const double z = 1.959963984540054; // the normal distribution's 97.5 % quantile
        var n = (double)trials;
        var share = successes / n;
        var centre = share + z * z / (2 * n);
        var spread = z * Math.Sqrt(share * (1 - share) / n + z * z / (4 * n * n));
        var scale = 1 + z * z / n;
        return new Share(share, Math.Clamp((centre - spread) / scale, 0, share), Math.Clamp((centre + spread) / scale, share, 1));
    }
}
