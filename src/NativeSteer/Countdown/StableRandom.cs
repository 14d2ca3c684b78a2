using System.Numerics;

namespace NativeSteer.Countdown;

/// <summary>
/// Random numbers that stay the same for a seed on every machine and in every version of .NET, which
/// <see cref="System.Random"/> does not promise: xoshiro256** (Blackman and Vigna), seeded with SplitMix64.
/// </summary>
public sealed class StableRandom
{
    private ulong _a, _b, _c, _d;

    /// <summary>The generator of a seed.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="stream">Which of the seed's independent sequences, e.g. the index of a trace.</param>
    public StableRandom(ulong seed, ulong stream = 0)
    {
        var state = Mix(seed) ^ Mix(~stream);
        _a = Next(ref state);
        _b = Next(ref state);
        _c = Next(ref state);
        _d = Next(ref state);
    }

    /// <summary>64 random bits.</summary>
    public ulong NextBits()
    {
        var result = BitOperations.RotateLeft(_b * 5, 7) * 9;
        var shifted = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= shifted;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }

    /// <summary>A whole number from 0 to <paramref name="bound"/> - 1, each equally likely (Lemire's method).</summary>
    /// <param name="bound">At least 1.</param>
    public long Below(long bound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);
        var range = (ulong)bound;
        var high = Math.BigMul(NextBits(), range, out var low);
        if (low < range)
        {
            var rejected = (0UL - range) % range;
            while (low < rejected) high = Math.BigMul(NextBits(), range, out low);
        }
        return (long)high;
    }

    /// <summary>One of the items, each equally likely.</summary>
    public T Pick<T>(IReadOnlyList<T> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        return items[(int)Below(items.Count)];
    }

    /// <summary>A number from 0 to below 1, in steps of 2^-53.</summary>
    public double NextShare() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>True with the given probability.</summary>
    public bool Chance(double probability) => NextShare() < probability;

    /// <summary>SplitMix64's output function: spreads a number over all 64 bits.</summary>
    internal static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    private static ulong Next(ref ulong state)
    {
        var result = Mix(state);
        state += 0x9E3779B97F4A7C15;
        return result;
    }
}
