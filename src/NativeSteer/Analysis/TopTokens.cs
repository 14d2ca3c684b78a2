namespace NativeSteer.Analysis;

/// <summary>A token and a number of it.</summary>
/// <param name="Id">The token.</param>
/// <param name="Text">What it spells, special tokens included; bytes that are no text appear as U+FFFD.</param>
/// <param name="Value">A dot product, a cosine or a probability.</param>
public readonly record struct LensToken(int Id, string Text, double Value);

/// <summary>Keeps the tokens with the largest values of a stream of them; of equal values the token that came first.</summary>
internal sealed class TopTokens(int most)
{
    private readonly List<(int Token, float Value)> _best = new(most + 1); // descending

    internal IReadOnlyList<(int Token, float Value)> Best => _best;

    internal void Add(int token, float value)
    {
        if (float.IsNaN(value) || most == 0 || (_best.Count == most && value <= _best[^1].Value)) return;
        var at = _best.Count;
        while (at > 0 && _best[at - 1].Value < value) at--;
        _best.Insert(at, (token, value));
        if (_best.Count > most) _best.RemoveAt(most);
    }
}
