using NativeSteer.Files;

namespace NativeSteer.Countdown;

/// <summary>A puzzle, and the attempts of a model that failed at it.</summary>
/// <param name="Puzzle">What was asked.</param>
/// <param name="Failures">
/// Right steps that miss the target, or that were given up where it was out of reach. An attempt made twice stands here twice.
/// </param>
internal sealed record AnsweredPuzzle(Puzzle Puzzle, IReadOnlyList<CountdownStep[]> Failures);

/// <summary>
/// Attempts at which a model failed, so that traces can show it its own mistakes: what it would try again of its own accord is what
/// it must learn not to repeat (Ross et al. 2011, DAgger, arXiv 1011.0686).
/// </summary>
public sealed class ModelAttempts
{
    private readonly List<AnsweredPuzzle> _puzzles = [];

    /// <summary>Reads answers, JSONL as <c>countdown evaluate -o</c> writes them: nums, target and text. Other lines are left out.</summary>
    /// <param name="paths">Files; answers to the same puzzle are put together.</param>
    /// <param name="puzzles">The part of the puzzles that may be used, and the largest result of a step.</param>
    /// <exception cref="NativeSteerException">A file cannot be read, has no answer, or answers a puzzle of another part (with file and line).</exception>
    public static ModelAttempts Read(IEnumerable<string> paths, PuzzleOptions puzzles)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(puzzles);
        var attempts = new ModelAttempts();
        var splits = new PuzzleSplits(puzzles.HeldOut);
        var failures = new Dictionary<string, List<CountdownStep[]>?>(StringComparer.Ordinal);
        foreach (var path in paths)
        {
            var answers = 0;
            foreach (var line in JsonLines.Read(path))
            {
                if (line.OptionalString("text") is not { } text) continue;
                answers++;
                var puzzle = PuzzleFiles.Parse(line);
                if (splits.Of(puzzle) is var split && split != puzzles.Split)
                    throw line.Error($"the puzzle {puzzle} is of the part '{split}' and would be learned from as '{puzzles.Split}'; leave it out, or ask for its part.");
                if (!failures.TryGetValue(puzzle.Prompt, out var known))
                {
                    failures.Add(puzzle.Prompt, known = CanBeShown(puzzle, puzzles.Limit) ? [] : null);
                    if (known is not null) attempts._puzzles.Add(new AnsweredPuzzle(puzzle, known));
                }
                if (known is null) attempts.LeftOut++;
                else known.AddRange(FailuresIn(puzzle, text, puzzles.Limit));
            }
            if (answers == 0) throw new NativeSteerException($"{path} has no answers; write them with 'countdown evaluate -o {path}'.");
        }
        if (attempts._puzzles.Count == 0)
            throw new NativeSteerException($"None of the {attempts.LeftOut} answers is to a puzzle of 2 to {PuzzleOptions.MostNumbers} numbers that can be solved and failed at; give others.");
        return attempts;
    }

    /// <summary>How many puzzles there are.</summary>
    public int Puzzles => _puzzles.Count;

    /// <summary>Answers that were not used: to puzzles without a solution within the limit, or at which nothing can fail, or of too many numbers.</summary>
    public int LeftOut { get; private set; }

    /// <summary>How many failed attempts there are, repeated ones too.</summary>
    public int Failures => _puzzles.Sum(puzzle => puzzle.Failures.Count);

    internal AnsweredPuzzle Draw(StableRandom random) => random.Pick(_puzzles);

    // A trace needs a way that fails and one that does not.
    private static bool CanBeShown(Puzzle puzzle, long limit)
    {
        if (puzzle.Numbers.Count is < 2 or > PuzzleOptions.MostNumbers) return false;
        var pool = new AttemptPool(puzzle, limit);
        return pool.HasFailures && pool.HasSolutions;
    }

    private static IEnumerable<CountdownStep[]> FailuresIn(Puzzle puzzle, string answer, long limit)
    {
        var solver = new PuzzleSolver(puzzle, limit);
        foreach (var lines in SolutionVerifier.Attempts(answer))
        {
            if (Follow(puzzle, lines, limit) is { } attempt && !solver.CanReach(attempt.Remaining)) yield return attempt.Steps;
        }
    }

    // Null where a step is wrong, gives zero, or takes a number that is not there.
    private static (CountdownStep[] Steps, long[] Remaining)? Follow(Puzzle puzzle, List<StepLine> lines, long limit)
    {
        var remaining = puzzle.Numbers.Select(number => (long)number).ToList();
        var steps = new List<CountdownStep>(lines.Count);
        foreach (var line in lines)
        {
            if (line.Whole is not { } written || !CountdownStep.TryMake(written.Left, written.Right, written.Operation, limit, out var step)
                || step != written || step.Result == 0 || !remaining.Remove(step.Left) || !remaining.Remove(step.Right)) return null;
            remaining.Add(step.Result);
            steps.Add(step);
        }
        return ([.. steps], [.. remaining]);
    }
}
