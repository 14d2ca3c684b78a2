namespace NativeSteer.Extraction;

/// <summary>A stretch of a trace that shows a behaviour.</summary>
/// <param name="Label">The behaviour, e.g. <c>backtracking</c>.</param>
/// <param name="From">Where it starts, in the trace's <see cref="LabelledTrace.Unit"/>, from 0.</param>
/// <param name="To">Where it ends; the first position that is not part of it.</param>
public readonly record struct TraceSpan(string Label, int From, int To);

/// <summary>What the positions of a trace's spans count.</summary>
public enum SpanUnit
{
    /// <summary>Unicode code points of the text, as Python's <c>str</c> indices do.</summary>
    CodePoints,

    /// <summary>Entries of the trace's tokens.</summary>
    Tokens,
}

/// <summary>
/// What a model wrote (or was given to read), with the stretches of it that show labelled behaviours. Spans may overlap
/// and repeat.
/// </summary>
/// <param name="Text">The trace.</param>
/// <param name="Spans">Its labelled stretches, positions counted in <paramref name="Text"/> or <see cref="Tokens"/> alone.</param>
public sealed record LabelledTrace(string Text, IReadOnlyList<TraceSpan> Spans)
{
    /// <summary>Its name, by which files about the same traces are put together; may be empty.</summary>
    public string Id { get; init; } = "";

    /// <summary>What stood before the text. It is run first and carries no labels, but windows before a span may reach into it.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>
    /// The trace's own token ids, without the prompt's and without a begin token; null to tokenize the text. They keep a
    /// generation as it was, which tokenizing its text again need not.
    /// </summary>
    public IReadOnlyList<int>? Tokens { get; init; }

    /// <summary>What the spans' positions count.</summary>
    public SpanUnit Unit { get; init; }

    /// <summary>Where the trace stands, as <c>file:line</c>, for messages.</summary>
    public string Place { get; init; } = "a trace";
}
