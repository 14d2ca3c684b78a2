using System.Text;

namespace NativeSteer.Extraction;

/// <summary>The escapes of llama.cpp's prompt files, so that one line of a file can hold a prompt of several lines.</summary>
internal static class EscapedText
{
    /// <summary>
    /// Replaces <c>\n \r \t \' \" \\</c> and <c>\xHH</c> (one byte); any other backslash stays as it is
    /// (<c>string_process_escapes</c> in llama.cpp's common/common.cpp).
    /// </summary>
    internal static string Decode(string text)
    {
        if (!text.Contains('\\', StringComparison.Ordinal)) return text;

        // On bytes, because \xC3\xA9 spells one character.
        var bytes = Encoding.UTF8.GetBytes(text);
        var length = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] != '\\' || i + 1 == bytes.Length)
            {
                bytes[length++] = bytes[i];
                continue;
            }
            switch (bytes[++i])
            {
                case (byte)'n': bytes[length++] = (byte)'\n'; break;
                case (byte)'r': bytes[length++] = (byte)'\r'; break;
                case (byte)'t': bytes[length++] = (byte)'\t'; break;
                case (byte)'\'' or (byte)'"' or (byte)'\\': bytes[length++] = bytes[i]; break;
                case (byte)'x' when i + 2 < bytes.Length && Hex(bytes[i + 1]) is var high and >= 0 && Hex(bytes[i + 2]) is var low and >= 0:
                    bytes[length++] = (byte)(high << 4 | low);
                    i += 2;
                    break;
                default:
                    bytes[length++] = (byte)'\\';
                    bytes[length++] = bytes[i];
                    break;
            }
        }
        return Encoding.UTF8.GetString(bytes, 0, length);
    }

    private static int Hex(byte character) => character switch
    {
        >= (byte)'0' and <= (byte)'9' => character - '0',
        >= (byte)'a' and <= (byte)'f' => character - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => character - 'A' + 10,
        _ => -1,
    };
}
