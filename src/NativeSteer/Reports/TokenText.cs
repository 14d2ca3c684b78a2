namespace NativeSteer.Reports;

/// <summary>A token's text made visible: a token may be nothing but a space or a line end.</summary>
internal static class TokenText
{
    /// <summary>As HTML, spaces and line ends as signs.</summary>
    internal static string Shown(string text) => Html.Escape(Plain(text));

    /// <summary>The same as plain text.</summary>
    internal static string Plain(string text) =>
        text.Length == 0 ? "∅" : text.Replace("\r", "", StringComparison.Ordinal).Replace('\n', '⏎').Replace('\t', '⇥').Replace(' ', '␣');

    /// <summary>As HTML within running text: spaces stay, a line end is a sign and breaks the line.</summary>
    internal static string Running(string text) => Html.Escape(text).Replace("\n", "<i>⏎</i>\n", StringComparison.Ordinal);
}
