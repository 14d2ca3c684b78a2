using System.Globalization;
using NativeSteer.Files;

namespace NativeSteer.Countdown;

/// <summary>
/// A Countdown puzzle: reach a target by arithmetic with all the numbers, each used once. The text form is that of Yang et
/// al. 2025 (self-backtracking, arXiv 2502.04404).
/// </summary>
public sealed class Puzzle
{
    /// <summary>More numbers than this would make an exhaustive search too long.</summary>
    public const int MostNumbers = 6;

    /// <summary>The largest number or target.</summary>
    public const int Largest = 9999;

    /// <summary>Makes a puzzle.</summary>
    /// <param name="numbers">1 to <see cref="MostNumbers"/> numbers from 1 to <see cref="Largest"/>, in the order of the prompt.</param>
    /// <param name="target">0 to <see cref="Largest"/>.</param>
    /// <exception cref="NativeSteerException">There are too few or too many numbers, or one is out of range.</exception>
    public Puzzle(IReadOnlyList<int> numbers, int target)
    {
        ArgumentNullException.ThrowIfNull(numbers);
        if (numbers.Count is 0 or > MostNumbers)
            throw new NativeSteerException($"A puzzle has {numbers.Count} numbers; it should have 1 to {MostNumbers}.");
        foreach (var number in numbers)
        {
            if (number is < 1 or > Largest) throw new NativeSteerException($"A puzzle has the number {number}; it should be 1 to {Largest}.");
        }
        if (target is < 0 or > Largest) throw new NativeSteerException($"A puzzle has the target {target}; it should be 0 to {Largest}.");
        Numbers = [.. numbers];
        Target = target;
    }

    /// <summary>The numbers in the order of the prompt.</summary>
    public IReadOnlyList<int> Numbers { get; }

    /// <summary>What is to be reached.</summary>
    public int Target { get; }

    /// <summary>The text before an answer: <c>###Question: numbers [2, 39, 45]->target 62\n###Response:\n</c>.</summary>
    public string Prompt =>
        PromptStart + string.Join(PromptSeparator, Numbers) + PromptTarget + Target.ToString(CultureInfo.InvariantCulture) + PromptEnd;

    internal const string PromptStart = "###Question: numbers [", PromptSeparator = ", ", PromptTarget = "]->target ",
        PromptEnd = "\n###Response:\n";

    /// <summary>
    /// A hash of the numbers, whatever their order, and the target: the same on every machine and in every version, because
    /// it decides which puzzles are kept for validation.
    /// </summary>
    public ulong StableHash
    {
        get
        {
            Span<int> sorted = stackalloc int[Numbers.Count];
            for (var i = 0; i < sorted.Length; i++) sorted[i] = Numbers[i];
            sorted.Sort();
            var hash = StableRandom.Mix((ulong)Target);
            foreach (var number in sorted) hash = StableRandom.Mix(hash ^ (ulong)number);
            return hash;
        }
    }

    /// <summary>The numbers and the target in a line, for messages: <c>[2, 39, 45]->62</c>.</summary>
    public override string ToString() => $"[{string.Join(", ", Numbers)}]->{Target}";
}
