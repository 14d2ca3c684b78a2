using System.Globalization;
using System.Text.Json.Nodes;
using NativeSteer.Countdown;
using NativeSteer.Search;

namespace NativeSteer.Studies;

/// <summary>A composition of the training data, everything else being equal.</summary>
/// <param name="Backtracks">Beginnings that are taken back for each solution: D_back to D_op.</param>
/// <param name="Errors">Weights of exploration, computational error and rule violation.</param>
public sealed record AblationCell(double Backtracks, IReadOnlyList<double> Errors)
{
    /// <summary>As people read it: <c>1:2, errors 1:2:2</c>.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"1:{Backtracks}, errors {string.Join(':', Errors.Select(error => error.ToString(CultureInfo.InvariantCulture)))}");

    internal CountdownTraceOptions Traces => new()
    {
        Styles = [new(TraceStyle.Solution, 1), new(TraceStyle.Backtrack, Backtracks)],
        Errors = [new(StepError.Exploration, Errors[0]), new(StepError.Computational, Errors[1]), new(StepError.RuleViolation, Errors[2])],
    };
}

/// <summary>
/// What the training data's composition is worth (Yang et al. 2025, table 3 and section 4): the same model trained on the same small budget of
/// tokens with other ratios of D_op to D_back and of the three errors.
/// </summary>
public sealed record AblationOptions
{
    /// <summary>The model that is trained on.</summary>
    public string Model { get; init; } = "countdown-base";

    /// <summary>The compositions; the first is the default that the others differ from.</summary>
    public IReadOnlyList<AblationCell> Cells { get; init; } =
    [
        new(1, [1, 2, 2]), new(0.5, [1, 2, 2]), new(2, [1, 2, 2]), new(4, [1, 2, 2]),
        new(1, [1, 2, 1]), new(1, [1, 1, 1]), new(1, [1, 0, 0]), new(1, [0, 1, 1]),
    ];

    /// <summary>Updates of each model.</summary>
    public int Steps { get; init; } = 100;

    /// <summary>Rows of a batch.</summary>
    public int Rows { get; init; } = 16;

    /// <summary>Tokens of a row.</summary>
    public int Length { get; init; } = 256;

    /// <summary>The highest learning rate.</summary>
    public float LearningRate { get; init; } = 1e-3f;

    /// <summary>Puzzles of training, more than the steps take.</summary>
    public int Traces { get; init; } = 20000;

    /// <summary>The puzzles of training.</summary>
    public PuzzleOptions Trained { get; init; } = new() { Counts = [new(3, 0.2), new(4, 0.8)], Seed = 31 };

    /// <summary>Puzzles that each model is asked.</summary>
    public int Puzzles { get; init; } = 500;

    /// <summary>The puzzles that it is asked.</summary>
    public PuzzleOptions Asked { get; init; } = new() { Counts = [new(4, 1)], Split = PuzzleSplit.Validation, Seed = 7 };

    /// <summary>How it is searched with.</summary>
    public SearchOptions Search { get; init; } = new() { Samples = 8, Seed = 7 };

    /// <summary>Puzzles side by side.</summary>
    public int Parallel { get; init; } = 8;

    /// <summary>CPU threads; 0 for one per core.</summary>
    public int Threads { get; init; }

    /// <summary>What decides the numbers.</summary>
    internal JsonObject ToJson() => new()
    {
        ["cells"] = string.Join("; ", Cells.Select(cell => cell.Name)),
        ["steps"] = Steps,
        ["rows"] = Rows,
        ["length"] = Length,
        ["learning_rate"] = LearningRate,
        ["traces"] = Traces,
        ["trained_seed"] = Trained.Seed,
        ["puzzles"] = Puzzles,
        ["numbers"] = string.Join(',', Asked.Counts.Select(count => FormattableString.Invariant($"{count.Numbers}:{count.Weight}"))),
        ["samples"] = Search.Samples,
        ["backtracks"] = Search.Backtracks,
        ["seed"] = Asked.Seed,
    };
}

/// <summary>What a composition came to.</summary>
/// <param name="Name">The composition.</param>
/// <param name="Greedy">Greedy answers.</param>
/// <param name="Searched">Answers by search, after 0, 1, ... rounds of backtracking.</param>
/// <param name="Wrong">Clearly wrong steps taken back.</param>
/// <param name="Right">Right steps taken back.</param>
/// <param name="Area">Area under the ROC curve of the two.</param>
public sealed record AblationRow(string Name, Share Greedy, IReadOnlyList<Share> Searched, Share Wrong, Share Right, double Area);
