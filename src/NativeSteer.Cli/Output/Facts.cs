namespace NativeSteer.Cli.Output;

/// <summary>A heading and named facts below it, aligned.</summary>
internal sealed class Facts(string heading)
{
    private readonly List<(string Name, string Value)> _facts = [];

    /// <summary>Adds a fact; one without value is left out.</summary>
    internal void Add(string name, string? value)
    {
        if (!string.IsNullOrEmpty(value)) _facts.Add((name, Text.OneLine(value)));
    }

    internal void Print(Terminal terminal)
    {
        terminal.Out.WriteLine(Text.OneLine(heading));
        var width = _facts.Count == 0 ? 0 : _facts.Max(fact => fact.Name.Length);
        foreach (var (name, value) in _facts) terminal.Out.WriteLine($"  {name.PadRight(width)}  {value}");
    }
}
