using System.Text;

namespace NativeSteer.Engine;

/// <summary>
/// Turns tokens into text as they come. A character whose UTF-8 bytes are spread over several tokens appears with the
/// last of them; bytes that can never become a character appear as U+FFFD.
/// </summary>
public sealed class TokenTextStream(Vocabulary vocabulary, bool special = false)
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private char[] _buffer = new char[64];

    /// <summary>The text that this token completes; empty while a character is unfinished.</summary>
    public string Append(int token) => Decode(vocabulary.Piece(token, special), flush: false);

    /// <summary>What is left at the end: U+FFFD when the last character is unfinished, nothing otherwise.</summary>
    public string Finish() => Decode([], flush: true);

    private string Decode(byte[] bytes, bool flush)
    {
        var needed = _decoder.GetCharCount(bytes, flush);
        if (_buffer.Length < needed) _buffer = new char[needed];
        var count = _decoder.GetChars(bytes, _buffer, flush);
        return new string(_buffer, 0, count);
    }
}
