using NativeSteer.Files;

namespace NativeSteer.Extraction;

/// <summary>Two prompts that differ in what a vector is to stand for.</summary>
/// <param name="Positive">Shows it.</param>
/// <param name="Negative">Does not.</param>
public sealed record PromptPair(string Positive, string Negative)
{
    /// <summary>Where the positive prompt stands, as <c>file:line</c>, for messages.</summary>
    public string PositivePlace { get; init; } = "a positive prompt";

    /// <summary>Where the negative prompt stands, as <c>file:line</c>, for messages.</summary>
    public string NegativePlace { get; init; } = "a negative prompt";
}

/// <summary>
/// Pairs of prompts in files, in the forms that are in use: llama.cpp's two text files (<c>--positive-file</c>,
/// <c>--negative-file</c>), or one JSONL file of <c>{"positive": "...", "negative": "..."}</c>. Nothing is kept in memory.
/// </summary>
public sealed class PromptPairs
{
    private readonly Func<IEnumerable<PromptPair>> _read;

    private PromptPairs(IReadOnlyList<string> files, Func<IEnumerable<PromptPair>> read)
    {
        Files = files;
        _read = read;
    }

    /// <summary>The files the pairs stand in.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>
    /// Two text files, one prompt per line; empty lines are skipped, and <c>\n \r \t \' \" \\ \xHH</c> are read as
    /// llama.cpp's tools read them. The n-th prompts of both make a pair.
    /// </summary>
    /// <exception cref="NativeSteerException">
    /// A file cannot be read, holds no prompt, or the two hold different numbers of prompts.
    /// </exception>
    public static PromptPairs FromTextFiles(string positivePath, string negativePath)
    {
        ArgumentNullException.ThrowIfNull(positivePath);
        ArgumentNullException.ThrowIfNull(negativePath);
        var (positives, negatives) = (TextLines.Read(positivePath).Count(), TextLines.Read(negativePath).Count());
        if (positives != negatives)
        {
            throw new NativeSteerException(
                $"{FileErrors.Shown(positivePath)} has {positives} prompts, {FileErrors.Shown(negativePath)} has {negatives}; give as " +
                    "many of both, one per line.");
        }
        if (positives == 0)
            throw new NativeSteerException(
                $"{FileErrors.Shown(positivePath)} and {FileErrors.Shown(negativePath)} hold no prompts; write one per line.");
        return new PromptPairs([positivePath, negativePath], () =>
            from pair in TextLines.Read(positivePath).Zip(TextLines.Read(negativePath))
            select new PromptPair(pair.First.Text, pair.Second.Text)
            {
                PositivePlace = $"{FileErrors.Shown(positivePath)}:{pair.First.Line}",
                NegativePlace = $"{FileErrors.Shown(negativePath)}:{pair.Second.Line}",
            });
    }

    /// <summary>A JSONL file, one object with the texts <c>positive</c> and <c>negative</c> per line.</summary>
    public static PromptPairs FromJsonLines(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return new PromptPairs([path], () => JsonLines.Read(path).Select(line =>
        {
            var place = $"{FileErrors.Shown(path)}:{line.Number}";
            return new PromptPair(line.RequiredString("positive"), line.RequiredString("negative"))
            {
                PositivePlace = place,
                NegativePlace = place,
            };
        }));
    }

    /// <summary>Reads the pairs from the start, while they are enumerated.</summary>
    /// <exception cref="NativeSteerException">
    /// While enumerating: a file cannot be read, or a line is malformed (with file and line).
    /// </exception>
    public IEnumerable<PromptPair> Read() => _read();
}
