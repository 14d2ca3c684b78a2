using System.Text.Json.Nodes;

namespace NativeSteer.Reports;

/// <summary>A figure of the report: a chart with its numbers, or something drawn in HTML, and what is seen there.</summary>
internal sealed record ReportFigure
{
    /// <summary>Names it in links.</summary>
    internal required string Id { get; init; }

    /// <summary>What it answers.</summary>
    internal required string Title { get; init; }

    /// <summary>What is seen, of how many completions, with which intervals; plain text.</summary>
    internal required string Caption { get; init; }

    /// <summary>What the paper has there; plain text, or null.</summary>
    internal string? Theirs { get; init; }

    /// <summary>The chart, or null.</summary>
    internal JsonObject? Chart { get; init; }

    /// <summary>What a reader who cannot see the chart is told.</summary>
    internal string Alt { get; init; } = "";

    /// <summary>HTML below the chart, or instead of it.</summary>
    internal string Body { get; init; } = "";

    /// <summary>Why there is nothing to draw, or null.</summary>
    internal string? Absent { get; init; }

    /// <summary>Its numbers as a table in HTML; folded.</summary>
    internal string Numbers { get; init; } = "";

    /// <summary>The tables of its CSV files.</summary>
    internal IReadOnlyList<FigureTable> Tables { get; init; } = [];
}
