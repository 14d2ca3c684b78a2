using System.Buffers;
using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;

namespace NativeSteer.Vectors;

/// <summary>
/// Where a vector comes from, as an ordered map of short texts. Immutable; <see cref="With"/> makes a changed copy. Stored
/// in vector files as key-values <c>nativesteer.provenance.*</c>.
/// </summary>
[SuppressMessage("Naming", "CA1710:Identifiers should have correct suffix", Justification = "The noun people use; it happens to be a map.")]
public sealed class Provenance : IReadOnlyDictionary<string, string>, IEquatable<Provenance>
{
    /// <summary>The model's file name.</summary>
    public const string Model = "model";

    /// <summary>A hash of the model's file.</summary>
    public const string ModelHash = "model_hash";

    /// <summary>How the vector was made: <c>mean_difference</c>, <c>pca</c>.</summary>
    public const string Method = "method";

    /// <summary>What it stands for, e.g. <c>backtracking</c>.</summary>
    public const string Label = "label";

    /// <summary>The offset window relative to the label, e.g. <c>-13:-8</c>.</summary>
    public const string Offsets = "offsets";

    /// <summary>A hash of the labelled data.</summary>
    public const string DataHash = "data_hash";

    /// <summary>How many rows were averaged on each side.</summary>
    public const string Counts = "counts";

    /// <summary>The program that made it, with its version.</summary>
    public const string Tool = "tool";

    /// <summary>When it was made, ISO 8601, UTC.</summary>
    public const string Created = "created";

    /// <summary>For a combination: the arithmetic it is the result of.</summary>
    public const string Expression = "expression";

    private static readonly SearchValues<char> s_keyCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_.");

    private readonly KeyValuePair<string, string>[] _entries;

    private Provenance(KeyValuePair<string, string>[] entries) => _entries = entries;

    /// <summary>NativeSteer's version, e.g. <c>0.1.0</c>; without the commit that the build appends.</summary>
    internal static string Version => typeof(Provenance).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    /// <summary>No entries.</summary>
    public static Provenance Empty { get; } = new([]);

    /// <inheritdoc/>
    public int Count => _entries.Length;

    /// <inheritdoc/>
    public IEnumerable<string> Keys => _entries.Select(entry => entry.Key);

    /// <inheritdoc/>
    public IEnumerable<string> Values => _entries.Select(entry => entry.Value);

    /// <inheritdoc/>
    public string this[string key] =>
        TryGetValue(key, out var value) ? value : throw new KeyNotFoundException($"No provenance entry '{key}'.");

    /// <summary>A copy with this entry; one of the same key is replaced where it stands, a new one goes to the end.</summary>
    /// <param name="key">Lower-case letters, digits, <c>_</c> and <c>.</c>.</param>
    /// <param name="value">Any text.</param>
    /// <exception cref="ArgumentException">The key has other characters.</exception>
    public Provenance With(string key, string value)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        ArgumentNullException.ThrowIfNull(value);
        if (!IsKey(key)) throw new ArgumentException($"A provenance key has letters a-z, digits, '_' and '.': '{key}'.", nameof(key));
        var entry = KeyValuePair.Create(key, value);
        var place = Array.FindIndex(_entries, old => string.Equals(old.Key, key, StringComparison.Ordinal));
        if (place < 0) return new Provenance([.. _entries, entry]);
        var changed = _entries.ToArray();
        changed[place] = entry;
        return new Provenance(changed);
    }

    /// <inheritdoc/>
    public bool ContainsKey(string key) => TryGetValue(key, out _);

    /// <inheritdoc/>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out string value)
    {
        foreach (var entry in _entries)
        {
            if (!string.Equals(entry.Key, key, StringComparison.Ordinal)) continue;
            value = entry.Value;
            return true;
        }
        value = null;
        return false;
    }

    /// <summary>True for the same entries in the same order.</summary>
    public bool Equals(Provenance? other) => other is not null && _entries.AsSpan().SequenceEqual(other._entries);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Provenance);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var entry in _entries) hash.Add(entry);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() => _entries.AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The entries on which both agree: what still holds of a combination of two vectors.</summary>
    internal Provenance Common(Provenance other) => new(Array.FindAll(
        _entries, entry => other.TryGetValue(entry.Key, out var value) && string.Equals(value, entry.Value, StringComparison.Ordinal)));

    internal static bool IsKey(string key) =>
        key.Length > 0 && !key.AsSpan().ContainsAnyExcept(s_keyCharacters);
}
