namespace NativeSteer.Extraction;

/// <summary>The place of a row in the sums.</summary>
/// <param name="Row">Row (token) of the text, from 0.</param>
/// <param name="Group">Group of the sums.</param>
public readonly record struct RowGroup(int Row, int Group);

/// <summary>
/// One text as a capture runs it: all its tokens, and which rows are added to which groups. The groups are known for the
/// whole text before it is cut into batches, so a cut can lose none.
/// </summary>
/// <param name="Tokens">Token ids from the first on, begin token included.</param>
/// <param name="Labels">Row and group, ordered by row. A row may be in several groups, and several times in one.</param>
/// <exception cref="ArgumentException">A label names a row the text lacks, or labels are out of order.</exception>
public sealed record LabelledTokens(int[] Tokens, RowGroup[] Labels)
{
    /// <summary>Row and group, ordered by row.</summary>
    public RowGroup[] Labels { get; } = Checked(Tokens, Labels);

    /// <summary>All rows from <paramref name="first"/> on in one group.</summary>
    public static LabelledTokens AllRows(int[] tokens, int group, int first = 0)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        var rows = Enumerable.Range(first, Math.Max(0, tokens.Length - first));
        return new LabelledTokens(tokens, [.. rows.Select(row => new RowGroup(row, group))]);
    }

    /// <summary>The last row in one group.</summary>
    public static LabelledTokens LastRow(int[] tokens, int group)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        return AllRows(tokens, group, tokens.Length - 1);
    }

    /// <summary>Rows that must be run: those up to the last one that is read. What comes after cannot change them.</summary>
    internal int NeededRows => Labels.Length == 0 ? 0 : Labels[^1].Row + 1;

    private static RowGroup[] Checked(int[] tokens, RowGroup[] labels)
    {
        var row = 0;
        foreach (var label in labels)
        {
            if (label.Row < row || label.Row >= tokens.Length)
                throw new ArgumentException($"Row {label.Row} is out of order or beyond the {tokens.Length} of the text.", nameof(labels));
            row = label.Row;
        }
        return labels;
    }
}
