using NativeSteer.Rollouts;

namespace NativeSteer.Countdown;

/// <summary>Adds up the verdicts on a model's answers.</summary>
public sealed class CountdownFigures
{
    private readonly int[] _outcomes = new int[Enum.GetValues<CountdownOutcome>().Length];
    private readonly SortedDictionary<int, CountdownFigures>? _byCount;
    private long _rightSteps, _steps, _words, _attempts;

    /// <summary>Figures without answers yet.</summary>
    public CountdownFigures() : this(new SortedDictionary<int, CountdownFigures>())
    {
    }

    private CountdownFigures(SortedDictionary<int, CountdownFigures>? byCount) => _byCount = byCount;

    /// <summary>Answers judged.</summary>
    public int Puzzles { get; private set; }

    /// <summary>Answers that a limit of tokens ended.</summary>
    public int Truncated { get; private set; }

    /// <summary>Tokens of all answers.</summary>
    public long Tokens { get; private set; }

    /// <summary>Answers whose first attempt was already right.</summary>
    public int FirstAttemptsRight { get; private set; }

    /// <summary>The share of answers that solve their puzzle.</summary>
    public Share Accuracy => Share.Of(this[CountdownOutcome.Solved], Puzzles);

    /// <summary>The share of answers whose first attempt is already right, claimed or not.</summary>
    public Share FirstAttempt => Share.Of(FirstAttemptsRight, Puzzles);

    /// <summary>The share of steps whose result is right.</summary>
    public Share Arithmetic => Share.Of(_rightSteps, _steps);

    /// <summary>Words of backtracking (wait, hmm) in an answer, on average.</summary>
    public double BacktrackingWords => (double)_words / Puzzles;

    /// <summary>Attempts in an answer, on average.</summary>
    public double Attempts => (double)_attempts / Puzzles;

    /// <summary>The same by how many numbers puzzles have; empty for such a part itself.</summary>
    public IReadOnlyDictionary<int, CountdownFigures> ByCount => _byCount ?? new SortedDictionary<int, CountdownFigures>();

    /// <summary>How many answers ended so.</summary>
    public int this[CountdownOutcome outcome] => _outcomes[(int)outcome];

    /// <summary>Judges an answer and adds it.</summary>
    /// <returns>What was found.</returns>
    public Verdict Add(Puzzle puzzle, Rollout answer, VerifierOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(puzzle);
        ArgumentNullException.ThrowIfNull(answer);
        var verdict = SolutionVerifier.Judge(puzzle, answer.Text, options);
        Add(puzzle, verdict, answer.Tokens.Count, answer.Finish == FinishReason.Length);
        return verdict;
    }

    /// <summary>Adds an answer that was judged before.</summary>
    /// <param name="puzzle">What was asked.</param>
    /// <param name="verdict">What was found.</param>
    /// <param name="tokens">Tokens that it took, those of other attempts at it included.</param>
    /// <param name="truncated">Whether a limit of tokens ended it.</param>
    public void Add(Puzzle puzzle, Verdict verdict, long tokens, bool truncated)
    {
        ArgumentNullException.ThrowIfNull(puzzle);
        ArgumentNullException.ThrowIfNull(verdict);
        Add(verdict, tokens, truncated);
        if (_byCount is null) return;
        if (!_byCount.TryGetValue(puzzle.Numbers.Count, out var part)) _byCount.Add(puzzle.Numbers.Count, part = new CountdownFigures(null));
        part.Add(verdict, tokens, truncated);
    }

    private void Add(Verdict verdict, long tokens, bool truncated)
    {
        Puzzles++;
        Tokens += tokens;
        if (truncated) Truncated++;
        if (verdict.FirstAttemptRight) FirstAttemptsRight++;
        _outcomes[(int)verdict.Outcome]++;
        _rightSteps += verdict.RightSteps;
        _steps += verdict.Steps;
        _words += verdict.BacktrackingWords;
        _attempts += verdict.Attempts;
    }
}
