using NativeSteer.Countdown;
using NativeSteer.Engine;
using NativeSteer.Extraction;

namespace NativeSteer.Studies;

/// <summary>The study on the built-in pair: its prompts are Countdown puzzles, and layer, window and strengths are those that suit it.</summary>
public static class CountdownStudy
{
    /// <summary>The model that backtracks.</summary>
    public const string Reasoning = BuiltInModel.Default;

    /// <summary>The model that it was made from.</summary>
    public const string Base = "countdown-base";

    /// <summary>Puzzles that traces are written on.</summary>
    public const int Traces = 300;

    /// <summary>Puzzles that every cell is run on.</summary>
    public const int Prompts = 56;

    private const ulong PuzzleSeed = 4;

    /// <summary>The study as <c>demo</c> runs it.</summary>
    public static BacktrackingOptions Options(int traces = Traces, int prompts = Prompts)
    {
        var all = Puzzles(traces + prompts);
        return new BacktrackingOptions
        {
            Reasoning = Reasoning,
            Base = Base,
            TracePrompts = [.. all.Skip(prompts)],
            Prompts = [.. all.Take(prompts)],
            Judge = new CountdownJudge(),
            Layer = 2,
            Offsets = OffsetRange.Window(-6, -1),
            HeatOffsets = [OffsetRange.Window(-18, -13), OffsetRange.Window(-12, -7), OffsetRange.Window(-6, -1), OffsetRange.Window(0, 0)],
            Magnitudes = [0.3f, 0.6f, 0.9f],
            MaxTokens = 64,
            MeasuredPrompts = 16,
            TraceTokens = 128,
        };
    }

    /// <summary>Puzzles that training has not, as prompts.</summary>
    public static IReadOnlyList<StudyPrompt> Puzzles(int count)
    {
        var generator = new PuzzleGenerator(new PuzzleOptions { Split = PuzzleSplit.Validation, Seed = PuzzleSeed });
        return [.. generator.Distinct(count).Select((puzzle, i) => new StudyPrompt($"{i + 1}", puzzle.Prompt))];
    }
}
