using System.Text;
using NativeSteer.Engine;
using NativeSteer.Files;

namespace NativeSteer.Training;

/// <summary>
/// The model's tokenizer as training needs it: it knows the tokens that training adds, it goes on with a text without the
/// space that some vocabularies begin texts with, and it says which bytes each token spells.
/// </summary>
/// <remarks>
/// New tokens are cut out of the text before the rest of it is tokenized, which is what llama.cpp does with tokens of the type
/// "user defined", as which they are exported: the exported model reads the same tokens.
/// </remarks>
public sealed class TrainingTokenizer
{
    private const string Probe = "\u0001"; // part of no word, so what follows it is tokenized as if nothing stood before

    private readonly Vocabulary _vocabulary;
    private readonly Dictionary<string, int> _newIds = new(StringComparer.Ordinal);
    private readonly string[] _longestFirst;
    private readonly byte[]?[] _pieces;
    private readonly int[] _probe = []; // the probe's tokens, where the vocabulary puts a space before a text

    /// <summary>Makes the tokenizer of a model and of tokens to be added to it.</summary>
    /// <param name="vocabulary">The model's own.</param>
    /// <param name="newTokens">Spellings of new tokens; their ids go on where the vocabulary ends, in this order.</param>
    /// <exception cref="NativeSteerException">A new token's spelling is impossible, given twice or known to the vocabulary.</exception>
    public TrainingTokenizer(Vocabulary vocabulary, IReadOnlyList<string>? newTokens = null)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        _vocabulary = vocabulary;
        NewTokens = newTokens ?? [];
        foreach (var token in NewTokens) AddNew(token);
        _longestFirst = [.. NewTokens.OrderByDescending(token => Encoding.UTF8.GetByteCount(token))];
        _pieces = new byte[Size][];
        try
        {
            var probe = vocabulary.Tokenize(Probe, addSpecial: false);
            if (probe.Length > 0 && Piece(probe[0]) is [(byte)' ', ..]) _probe = probe;
        }
        catch (NativeSteerException)
        {
            // A vocabulary without single bytes cannot spell the probe; it goes on with a text as it begins one.
        }
    }

    /// <summary>Spellings of the new tokens, by id.</summary>
    public IReadOnlyList<string> NewTokens { get; }

    /// <summary>Number of tokens, the new ones included.</summary>
    public int Size => _vocabulary.Size + NewTokens.Count;

    /// <summary>The token that ends a text, or -1.</summary>
    public int EndOfText => _vocabulary.EndOfText;

    /// <summary>Whether the token ends a generation.</summary>
    public bool IsEnd(int token) => token < _vocabulary.Size && _vocabulary.IsEndOfGeneration(token);

    /// <summary>The id of the token that is spelled like this, or -1.</summary>
    public int Find(string spelling)
    {
        ArgumentNullException.ThrowIfNull(spelling);
        return _newIds.TryGetValue(spelling, out var id) ? id : FindKnown(Encoding.UTF8.GetBytes(spelling));
    }

    /// <summary>The tokens of a text's beginning, the begin token first where the model wants one; at least one token.</summary>
    /// <param name="text">The text; its tokens are those that a rollout with this prompt starts from.</param>
    /// <param name="begin">How many of the tokens spell nothing of the text: 0 or 1.</param>
    /// <exception cref="NativeSteerException">The text is empty and the vocabulary has no token to start from.</exception>
    public int[] Begin(string text, out int begin)
    {
        ArgumentNullException.ThrowIfNull(text);
        begin = 0;
        var tokens = Cut(text, continues: false);
        var first = _vocabulary.BeginOfText;
        if (_vocabulary.AddsBeginOfText && first >= 0 && !(tokens is [var own, ..] && own == first))
        {
            begin = 1;
            return [first, .. tokens];
        }
        if (tokens.Count > 0) return [.. tokens];
        begin = 1;
        return _vocabulary.TokenizePrompt("");
    }

    /// <summary>The tokens of a text that follows another one, so that both boundaries are boundaries of tokens.</summary>
    public int[] Continue(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. Cut(text, continues: true)];
    }

    /// <summary>
    /// Which bytes of a text its tokens spell: token i spells bytes [from, to) of it. A space that the vocabulary puts before
    /// a text spells nothing of it; white space that special tokens swallow is spelled by none.
    /// </summary>
    /// <param name="utf8">The text.</param>
    /// <param name="tokens">Its tokens, without begin token.</param>
    /// <param name="unspelled">Where the text is not what the tokens spell, in bytes; -1 where all is well.</param>
    public (int From, int To)[] Spans(ReadOnlySpan<byte> utf8, ReadOnlySpan<int> tokens, out int unspelled)
    {
        var spans = new (int From, int To)[tokens.Length];
        var at = 0;
        for (var i = 0; i < tokens.Length; i++)
        {
            ReadOnlySpan<byte> piece = Piece(tokens[i]);
            var place = at;
            while (!utf8[place..].StartsWith(piece) && place < utf8.Length && utf8[place] is (byte)' ' or (byte)'\n' or (byte)'\t' or (byte)'\r')
                place++;
            if (!utf8[place..].StartsWith(piece))
            {
                if (piece is not [(byte)' ', ..] || !utf8[at..].StartsWith(piece[1..]))
                {
                    unspelled = at;
                    return spans;
                }
                place = at;
                piece = piece[1..];
            }
            spans[i] = (place, place + piece.Length);
            at = place + piece.Length;
        }
        unspelled = utf8[at..].ContainsAnyExcept(" \n\t\r"u8) ? at : -1;
        return spans;
    }

    private byte[] Piece(int token) =>
        _pieces[token] ??= token < _vocabulary.Size
            ? _vocabulary.Piece(token, special: true)
            : Encoding.UTF8.GetBytes(NewTokens[token - _vocabulary.Size]);

    private List<int> Cut(string text, bool continues)
    {
        var tokens = new List<int>();
        Cut(text, _longestFirst, continues, tokens);
        return tokens;
    }

    // As llama.cpp does: the longest new token is cut out of the whole text first, the others out of what is left.
    private void Cut(string text, ReadOnlySpan<string> newTokens, bool continues, List<int> tokens)
    {
        for (var i = 0; i < newTokens.Length; i++)
        {
            var spelling = newTokens[i];
            if (!text.Contains(spelling, StringComparison.Ordinal)) continue;
            var parts = text.Split(spelling);
            for (var part = 0; part < parts.Length; part++)
            {
                if (part > 0) tokens.Add(_newIds[spelling]);
                Cut(parts[part], newTokens[(i + 1)..], continues, tokens);
            }
            return;
        }
        if (text.Length == 0) return;
        // After a special token llama.cpp begins anew, with a space where the vocabulary wants one.
        var follows = continues && tokens.Count == 0 && _probe.Length > 0;
        tokens.AddRange(follows ? After(text) : _vocabulary.Tokenize(text, addSpecial: false));
    }

    private int[] After(string text)
    {
        var tokens = _vocabulary.Tokenize(Probe + text, addSpecial: false);
        return tokens.AsSpan().StartsWith(_probe) ? tokens[_probe.Length..] : _vocabulary.Tokenize(text, addSpecial: false);
    }

    private void AddNew(string token)
    {
        var shown = $"The new token '{FileErrors.Printable(token)}'";
        if (token.Length == 0 || token.AsSpan().Trim().Length < token.Length || token.Any(char.IsControl) || token.Contains('\\', StringComparison.Ordinal))
            throw new NativeSteerException($"{shown} is empty, begins or ends with a space, or holds a backslash or a control character; give another spelling.");
        if (!_newIds.TryAdd(token, _vocabulary.Size + _newIds.Count)) throw new NativeSteerException($"{shown} was given twice; give it once.");
        if (FindKnown(Encoding.UTF8.GetBytes(token)) >= 0)
            throw new NativeSteerException($"{shown} is in the vocabulary already; leave --new-token away, and train its row with --train token-rows={token}.");
    }

    // Two tokens may be spelled alike (a letter and its byte): the one that the tokenizer picks comes first. Some are never picked.
    private int FindKnown(byte[] utf8)
    {
        try
        {
            if (_vocabulary.Tokenize(Encoding.UTF8.GetString(utf8), addSpecial: false) is [.. [] or [_], var picked]
                && _vocabulary.Piece(picked, special: true).AsSpan().SequenceEqual(utf8))
            {
                return picked;
            }
        }
        catch (NativeSteerException)
        {
            // Its letters are new to the vocabulary, or it is no text.
        }
        for (var token = 0; token < _vocabulary.Size; token++)
        {
            if (_vocabulary.Piece(token, special: true).AsSpan().SequenceEqual(utf8)) return token;
        }
        return -1;
    }
}
