using System.Text;

namespace NativeSteer.Vectors;

/// <summary>The written form of vector arithmetic, for provenance and messages.</summary>
internal static class VectorExpression
{
    private const int Longest = 400; // characters; a loop that keeps adding must not grow without end

    /// <summary><c>(left + right)</c>: always in brackets, so that a later factor is read right.</summary>
    public static string Join(string left, char sign, string right) => Shorten($"({left} {sign} {right})");

    /// <summary>The expression itself, or its two ends where it is too long to read anyway.</summary>
    public static string Shorten(string expression)
    {
        if (expression.Length <= Longest) return expression;
        var half = Longest / 2;
        // Not between the halves of a surrogate pair.
        var left = char.IsHighSurrogate(expression[half - 1]) ? half - 1 : half;
        var right = char.IsLowSurrogate(expression[^half]) ? half - 1 : half;
        return $"{expression[..left]}…{expression[^right..]}";
    }

    /// <summary>Ascending layers as ranges: <c>layers 1-4, 7</c>.</summary>
    public static string ShowLayers(IReadOnlyList<int> layers)
    {
        var text = new StringBuilder(layers.Count == 1 ? "layer " : "layers ");
        for (var i = 0; i < layers.Count; i++)
        {
            var first = i;
            while (i + 1 < layers.Count && layers[i + 1] == layers[i] + 1) i++;
            if (first > 0) text.Append(", ");
            text.Append(layers[first]);
            if (i > first) text.Append('-').Append(layers[i]);
        }
        return text.ToString();
    }
}
