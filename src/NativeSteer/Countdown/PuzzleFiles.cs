using System.Globalization;
using NativeSteer.Files;

namespace NativeSteer.Countdown;

/// <summary>
/// Reads puzzles from JSONL: lines of <see cref="TraceLines"/> and of the papers' data (<c>"nums": [2, 39, 45], "target": 62</c>), or
/// <c>{"input": "2,39,45", "output": "62"}</c>. Other fields are ignored.
/// </summary>
public static class PuzzleFiles
{
    /// <summary>Reads the puzzles while they are enumerated.</summary>
    /// <exception cref="NativeSteerException">While enumerating: the file cannot be read, or a line holds no puzzle (with file and line).</exception>
    public static IEnumerable<Puzzle> Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return JsonLines.Read(path).Select(Parse);
    }

    internal static Puzzle Parse(JsonLine line)
    {
        int[] numbers;
        long target;
        if (line.OptionalIntegers("nums") is { } nums)
        {
            numbers = nums;
            target = line.RequiredInteger("target");
        }
        else if (line.Element.TryGetProperty("input", out _))
        {
            numbers = [.. line.RequiredString("input").Split([',', ' '], StringSplitOptions.RemoveEmptyEntries).Select(text => (int)Whole(text, "input"))];
            target = Whole(line.RequiredString("output"), "output");
        }
        else
        {
            throw line.Error("there is no puzzle; a line should have \"nums\": [2, 39, 45] and \"target\": 62, or \"input\": \"2,39,45\" and \"output\": \"62\".");
        }
        try
        {
            return new Puzzle(numbers, (int)Math.Clamp(target, int.MinValue, int.MaxValue));
        }
        catch (NativeSteerException error)
        {
            throw line.Error(error.Message);
        }

        long Whole(string text, string field) => int.TryParse(text.AsSpan().Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw line.Error($"\"{field}\" has '{FileErrors.Printable(text)}' where a whole number should be.");
    }
}
