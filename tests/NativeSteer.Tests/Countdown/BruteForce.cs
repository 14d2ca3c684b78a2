namespace NativeSteer.Tests.Countdown;

/// <summary>
/// What can be made of all of some numbers by natural arithmetic, found in another way than the solver does: set by set of
/// the numbers, every set from its divisions in two.
/// </summary>
internal static class BruteForce
{
    internal static HashSet<long> Reachable(IReadOnlyList<long> numbers)
    {
        var made = new HashSet<long>[1 << numbers.Count];
        for (var set = 1; set < made.Length; set++)
        {
            made[set] = [];
            for (var i = 0; i < numbers.Count; i++)
            {
                if (set == 1 << i) made[set].Add(numbers[i]);
            }
            for (var part = (set - 1) & set; part > 0; part = (part - 1) & set)
            {
                foreach (var a in made[part])
                {
                    foreach (var b in made[set & ~part])
                    {
                        made[set].Add(a + b);
                        made[set].Add(a * b);
                        if (a >= b) made[set].Add(a - b);
                        if (b != 0 && a % b == 0) made[set].Add(a / b);
                    }
                }
            }
        }
        return made[^1];
    }
}
