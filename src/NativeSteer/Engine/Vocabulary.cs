using System.Text;
using NativeSteer.Interop;

namespace NativeSteer.Engine;

/// <summary>The model's tokenizer, as llama.cpp runs it. Thread-safe.</summary>
public sealed unsafe class Vocabulary
{
    private readonly LanguageModel _model; // keeps the native vocabulary alive
    private readonly nint _vocabulary;

    internal Vocabulary(LanguageModel model)
    {
        _model = model;
        _vocabulary = LlamaApi.llama_model_get_vocab(model.Pointer);
        Size = LlamaApi.llama_vocab_n_tokens(_vocabulary);
        BeginOfText = LlamaApi.llama_vocab_bos(_vocabulary);
        EndOfText = LlamaApi.llama_vocab_eos(_vocabulary);
        AddsBeginOfText = LlamaApi.llama_vocab_get_add_bos(_vocabulary) != 0;
    }

    /// <summary>Number of tokens.</summary>
    public int Size { get; }

    /// <summary>Id of the token that begins a text, or -1.</summary>
    public int BeginOfText { get; }

    /// <summary>Id of the token that ends a text, or -1.</summary>
    public int EndOfText { get; }

    /// <summary>Whether the model expects every text to begin with <see cref="BeginOfText"/>.</summary>
    public bool AddsBeginOfText { get; }

    /// <summary>The native vocabulary; only while <see cref="ModelHandle"/> is alive.</summary>
    internal nint Pointer => _vocabulary;

    internal ModelHandle ModelHandle => _model.Handle;

    /// <summary>Whether the token ends a generation (end of text, end of turn and the like).</summary>
    public bool IsEndOfGeneration(int token)
    {
        using var held = new HandleLease(_model.Handle);
        return LlamaApi.llama_vocab_is_eog(_vocabulary, Checked(token)) != 0;
    }

    /// <summary>Whether the token is a control token, which has no text of its own.</summary>
    public bool IsControl(int token)
    {
        using var held = new HandleLease(_model.Handle);
        return !IsNone && LlamaApi.llama_vocab_is_control(_vocabulary, Checked(token)) != 0;
    }

    /// <summary>Text to token ids.</summary>
    /// <param name="text">The text.</param>
    /// <param name="addSpecial">Add the begin (and end) token where the model wants it.</param>
    /// <param name="parseSpecial">Read the spelling of special tokens in the text as those tokens.</param>
    public int[] Tokenize(string text, bool addSpecial = true, bool parseSpecial = true)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        var tokens = new int[utf8.Length + 2];
        var count = Tokenize(utf8, tokens, addSpecial, parseSpecial);
        if (count < 0)
        {
            tokens = new int[-count];
            count = Tokenize(utf8, tokens, addSpecial, parseSpecial);
        }
        return count >= 0 ? tokens[..count] : throw new NativeSteerException($"A text of {utf8.Length} bytes could not be tokenized.");
    }

    /// <summary>
    /// The tokens to begin a rollout with: those of the text, and at least one. An empty text starts at the begin-of-text
    /// token, or at end-of-text for models without one.
    /// </summary>
    /// <exception cref="NativeSteerException">The text is empty and the vocabulary has no token to start from.</exception>
    public int[] TokenizePrompt(string text, bool parseSpecial = true)
    {
        var tokens = Tokenize(text, addSpecial: true, parseSpecial);
        if (tokens.Length > 0) return tokens;
        var start = BeginOfText >= 0 ? BeginOfText : EndOfText;
        return start >= 0 ? [start] : throw new NativeSteerException("An empty prompt needs a begin-of-text token, and this vocabulary has none; give a prompt with -p.");
    }

    /// <summary>Token ids to text.</summary>
    /// <param name="tokens">The ids.</param>
    /// <param name="removeSpecial">Leave out a begin or end token that tokenizing would have added.</param>
    /// <param name="unparseSpecial">Spell out special tokens; otherwise they yield nothing.</param>
    public string Detokenize(ReadOnlySpan<int> tokens, bool removeSpecial = false, bool unparseSpecial = false)
    {
        foreach (var token in tokens) _ = Checked(token);
        // llama.cpp would take the begin token away itself, but then keep the space that tokenizing put after it.
        if (removeSpecial && AddsBeginOfText && tokens.Length > 0 && tokens[0] == BeginOfText) tokens = tokens[1..];
        var buffer = new byte[tokens.Length * 8 + 16];
        var count = Detokenize(tokens, buffer, removeSpecial, unparseSpecial);
        if (count < 0)
        {
            buffer = new byte[-count];
            count = Detokenize(tokens, buffer, removeSpecial, unparseSpecial);
        }
        return Encoding.UTF8.GetString(buffer, 0, Math.Max(count, 0));
    }

    /// <summary>The bytes of one token; not always whole UTF-8 characters (see <see cref="TokenTextStream"/>).</summary>
    /// <param name="token">The id.</param>
    /// <param name="special">Spell out special tokens; otherwise they yield nothing.</param>
    public byte[] Piece(int token, bool special = false)
    {
        _ = Checked(token);
        Span<byte> buffer = stackalloc byte[128];
        var count = Piece(token, buffer, special);
        if (count >= 0) return buffer[..count].ToArray();
        var large = new byte[-count];
        count = Piece(token, large, special);
        return large[..Math.Max(count, 0)];
    }

    // A model may come without a tokenizer ("no_vocab"); asking such a vocabulary for attributes aborts the process.
    private bool IsNone => LlamaApi.llama_vocab_type(_vocabulary) == 0;

    private int Checked(int token) =>
        (uint)token < (uint)Size ? token : throw new NativeSteerException($"Token {token} is not in the vocabulary of {_model.Path} (0 to {Size - 1}).");

    private int Tokenize(byte[] text, int[] tokens, bool addSpecial, bool parseSpecial)
    {
        using var held = new HandleLease(_model.Handle);
        fixed (byte* t = text)
        fixed (int* o = tokens)
        {
            byte none = 0;
            var status = ShimApi.ns_tokenize(
                _vocabulary, t == null ? &none : t, text.Length, o, tokens.Length, Flag(addSpecial), Flag(parseSpecial), out var count);
            NativeError.Check(status, $"The vocabulary of {_model.Path} cannot tokenize this text: ");
            return count;
        }
    }

    private int Detokenize(ReadOnlySpan<int> tokens, byte[] buffer, bool removeSpecial, bool unparseSpecial)
    {
        using var held = new HandleLease(_model.Handle);
        fixed (int* t = tokens)
        fixed (byte* o = buffer)
        {
            var status = ShimApi.ns_detokenize(
                _vocabulary, t, tokens.Length, o, buffer.Length, Flag(removeSpecial), Flag(unparseSpecial), out var count);
            NativeError.Check(status, $"The vocabulary of {_model.Path} cannot turn these tokens into text: ");
            return count;
        }
    }

    private int Piece(int token, Span<byte> buffer, bool special)
    {
        using var held = new HandleLease(_model.Handle);
        fixed (byte* o = buffer)
        {
            NativeError.Check(
                ShimApi.ns_token_piece(_vocabulary, token, o, buffer.Length, Flag(special), out var count),
                $"The vocabulary of {_model.Path} cannot spell token {token}: ");
            return count;
        }
    }

    private static byte Flag(bool value) => value ? (byte)1 : (byte)0;
}
