using System.Text.Json;
using NativeSteer.Cli.Output;

namespace NativeSteer.Cli.Views;

/// <summary>Something that is measured and printed, alone or with others.</summary>
internal abstract class BenchmarkPart
{
    /// <summary>Measures.</summary>
    /// <param name="report">Told the share that is done, and what comes.</param>
    /// <param name="asLines">Print each row as a line of JSON as soon as it is known.</param>
    internal abstract void Run(Action<double, string> report, bool asLines);

    /// <summary>Prints what the parts measured; "jsonl" has printed it already.</summary>
    internal static void Print(IReadOnlyList<BenchmarkPart> parts, string format, Terminal terminal)
    {
        if (format is "json")
        {
            Json.Print(terminal, json =>
            {
                json.WriteStartArray();
                foreach (var part in parts) part.Write(json);
                json.WriteEndArray();
            });
        }
        if (format is not ("md" or "csv")) return;
        IReadOnlyList<BenchmarkPart> measured = [.. parts.Where(part => part.HasRows)];
        for (var i = 0; i < measured.Count; i++)
        {
            if (i > 0) terminal.Out.WriteLine();
            measured[i].Print(asValues: format is "csv");
        }
    }

    /// <summary>Whether there is something to print.</summary>
    internal abstract bool HasRows { get; }

    private protected abstract void Print(bool asValues);

    private protected abstract void Write(Utf8JsonWriter json);
}

/// <summary>Rows of one kind.</summary>
/// <typeparam name="TRow">What is measured at a time.</typeparam>
/// <param name="view">How a row is printed.</param>
/// <param name="measure">Gives the rows one after the other; is told where to say how many of how many steps are done, and what comes.</param>
internal sealed class BenchmarkPart<TRow>(BenchmarkView<TRow> view, Func<Action<int, int, string>, IEnumerable<TRow>> measure) : BenchmarkPart
{
    private readonly List<TRow> _rows = [];

    internal override bool HasRows => _rows.Count > 0;

    internal override void Run(Action<double, string> report, bool asLines)
    {
        foreach (var row in measure((done, of, what) => report((double)done / of, what)))
        {
            _rows.Add(row);
            if (asLines) view.PrintLine(row);
        }
    }

    private protected override void Print(bool asValues)
    {
        if (asValues) view.PrintValues(_rows);
        else view.PrintMarkdown(_rows);
    }

    private protected override void Write(Utf8JsonWriter json)
    {
        foreach (var row in _rows) json.Object(inner => view.Fields(inner, row));
    }
}
