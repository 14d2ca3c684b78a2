using System.CommandLine;
using System.Globalization;

namespace NativeSteer.Cli.Options;

/// <summary>Names with weights, <c>3:0.7,4:0.3</c>; a name alone weighs 1.</summary>
internal sealed class WeightsSetting(string value, string description, params string[] spellings) : Setting(spellings, value, description)
{
    /// <summary>As it would be typed.</summary>
    internal required string Default { get; init; }

    /// <summary>What the help says instead of the default, where it depends on other settings.</summary>
    internal string? DefaultMeaning { get; init; }

    /// <summary>The names that can be given; null for any whole number.</summary>
    internal string[]? Names { get; init; }

    internal override string? DefaultText => DefaultMeaning ?? Default;

    internal IReadOnlyList<(string Name, double Weight)> Get(ParseResult parse)
    {
        var text = Value(parse) ?? Default;
        var weights = new List<(string Name, double Weight)>();
        foreach (var part in text.Split(','))
        {
            var colon = part.IndexOf(':', StringComparison.Ordinal);
            var name = colon < 0 ? part : part[..colon];
            var weight = 1f;
            if (!IsName(name) || (colon >= 0 && (!NumberSetting.TryParse(part.AsSpan(colon + 1), out weight) || weight < 0)))
                throw Wrong(text, Names is null ? $"numbers with weights such as {Default}" : $"some of {string.Join(", ", Names)} with weights, such as {Default}");
            if (weights.Exists(other => string.Equals(other.Name, name, StringComparison.Ordinal))) throw Wrong(text, $"{name} once");
            weights.Add((name, weight));
        }
        return weights;
    }

    private bool IsName(string name) => Names is null
        ? int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _)
        : Names.Contains(name, StringComparer.Ordinal);
}
