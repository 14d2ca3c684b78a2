using System.Globalization;
using System.Text;
using NativeSteer.Vectors;

namespace NativeSteer.Countdown;

/// <summary>
/// The vocabulary of small models that are trained on Countdown: an end and a padding token, every byte, the numbers 10 to
/// 255, and the words of <see cref="CountdownTrace"/>. Any text can be written in it; a trace takes few tokens.
/// </summary>
/// <remarks>
/// llama.cpp runs it as a tokenizer of the kind <c>rwkv</c>: the longest token that fits, from left to right
/// (<c>llm_tokenizer_rwkv</c> in src/llama-vocab.cpp). <see cref="Encode"/> does the same here, for data and tests; inference
/// always goes through llama.cpp.
/// </remarks>
public static class CountdownVocabulary
{
    /// <summary>What commands call it.</summary>
    public const string Name = "countdown";

    /// <summary>The token that ends an answer; it has no text of its own. llama.cpp knows this spelling as an end of generation.</summary>
    public const int EndOfText = 0;

    /// <summary>The token that fills up batches in training; it has no text of its own.</summary>
    public const int Padding = 1;

    private const int FirstByte = 2, FirstNumber = FirstByte + 256, LeastNumber = 10, MostNumber = 255, Multiple = 32;
    private const int Normal = 1, Control = 3, Unused = 5; // llama_token_type

    private static readonly byte[][] s_tokens = Tokens();
    private static readonly Dictionary<string, int> s_pieces = Pieces();
    private static readonly (int[] Next, int[] Token) s_trie = Trie();

    /// <summary>Number of tokens, a multiple of 32.</summary>
    public static int Size => s_tokens.Length;

    /// <summary>Writes the tokenizer's key-values (<c>tokenizer.ggml.*</c>) of a model file.</summary>
    public static void AddTo(GgufWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        var types = new int[Size];
        Array.Fill(types, Normal);
        (types[EndOfText], types[Padding]) = (Control, Control);
        for (var token = FirstUnused; token < Size; token++) types[token] = Unused;
        writer
            .Add("tokenizer.ggml.model", "rwkv")
            .AddArray("tokenizer.ggml.tokens", s_tokens.Select(Escaped))
            .AddArray<int>("tokenizer.ggml.token_type", types)
            .Add("tokenizer.ggml.eos_token_id", (uint)EndOfText)
            .Add("tokenizer.ggml.padding_token_id", (uint)Padding)
            .Add("tokenizer.ggml.add_bos_token", false)
            .Add("tokenizer.ggml.add_eos_token", false);
    }

    /// <summary>Text to token ids, as llama.cpp makes them.</summary>
    public static int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var tokens = new List<int>(text.Length / 2 + 1);
        ReadOnlySpan<byte> rest = Encoding.UTF8.GetBytes(text);
        while (rest.Length > 0)
        {
            var (token, length) = Longest(rest);
            tokens.Add(token);
            rest = rest[length..];
        }
        return [.. tokens];
    }

    /// <summary>Token ids to text; the end token and padding yield nothing.</summary>
    /// <exception cref="NativeSteerException">An id is not in the vocabulary.</exception>
    public static string Decode(ReadOnlySpan<int> tokens)
    {
        var bytes = new List<byte>(tokens.Length * 2);
        foreach (var token in tokens)
        {
            if ((uint)token >= (uint)Size) throw new NativeSteerException($"Token {token} is not in the Countdown vocabulary (0 to {Size - 1}).");
            if (token is not (EndOfText or Padding)) bytes.AddRange(s_tokens[token]);
        }
        return Encoding.UTF8.GetString([.. bytes]);
    }

    /// <summary>The token that is spelled exactly so, or -1.</summary>
    public static int Find(string piece) => s_pieces.GetValueOrDefault(piece, -1);

    private static int FirstUnused => FirstNumber + (MostNumber - LeastNumber + 1)
        + CountdownPieces.Frame.Count + CountdownPieces.BeforeNumbers.Count + CountdownPieces.Words.Count;

    private static byte[][] Tokens()
    {
        var tokens = new List<byte[]> { Utf8("<|endoftext|>"), Utf8("<|padding|>") };
        for (var value = 0; value < 256; value++) tokens.Add([(byte)value]);
        for (var number = LeastNumber; number <= MostNumber; number++) tokens.Add(Utf8(number.ToString(CultureInfo.InvariantCulture)));
        foreach (var piece in CountdownPieces.Frame.Concat(CountdownPieces.BeforeNumbers).Concat(CountdownPieces.Words)) tokens.Add(Utf8(piece));
        for (var i = 0; tokens.Count % Multiple != 0; i++) tokens.Add(Utf8($"<unused{i}>"));
        return [.. tokens];
    }

    private static Dictionary<string, int> Pieces()
    {
        var pieces = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var token = FirstByte; token < FirstUnused; token++)
        {
            // Bytes above ASCII are no text of their own.
            if (s_tokens[token] is not [>= 0x80]) pieces.Add(Encoding.UTF8.GetString(s_tokens[token]), token);
        }
        return pieces;
    }

    // 256 children a node; 0 means none, as the root is nobody's child. A node's token is -1 where none ends there.
    private static (int[] Next, int[] Token) Trie()
    {
        var next = new List<int>(new int[256]);
        var ends = new List<int> { -1 };
        for (var token = 0; token < s_tokens.Length; token++)
        {
            var node = 0;
            foreach (var value in s_tokens[token])
            {
                var child = next[node * 256 + value];
                if (child == 0)
                {
                    child = next[node * 256 + value] = ends.Count;
                    ends.Add(-1);
                    next.AddRange(new int[256]);
                }
                node = child;
            }
            ends[node] = token;
        }
        return ([.. next], [.. ends]);
    }

    private static (int Token, int Length) Longest(ReadOnlySpan<byte> text)
    {
        var (next, ends) = s_trie;
        int node = 0, token = -1, length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            node = next[node * 256 + text[i]];
            if (node == 0) break;
            if (ends[node] < 0) continue;
            token = ends[node];
            length = i + 1;
        }
        return (token, length);
    }

    // As llama_unescape_rwkv_token reads it: lower-case hexadecimal.
    private static string Escaped(byte[] token)
    {
        var text = new StringBuilder(token.Length);
        foreach (var value in token)
        {
            _ = value switch
            {
                (byte)'\n' => text.Append("\\n"),
                (byte)'\t' => text.Append("\\t"),
                (byte)'\r' => text.Append("\\r"),
                (byte)'\\' => text.Append("\\\\"),
                >= 0x20 and < 0x7f => text.Append((char)value),
                _ => text.Append(CultureInfo.InvariantCulture, $"\\x{value:x2}"),
            };
        }
        return text.ToString();
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
