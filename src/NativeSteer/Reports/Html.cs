using System.Text;

namespace NativeSteer.Reports;

/// <summary>HTML as text. What comes from a log goes through <see cref="Escape"/>, always.</summary>
internal static class Html
{
    /// <summary>Text for between tags and for within quoted attributes. Control characters that HTML does not allow are shown as U+FFFD.</summary>
    internal static string Escape(string text)
    {
        var result = new StringBuilder(text.Length + 16);
        foreach (var c in text)
        {
            result.Append(c switch
            {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&#39;",
                '\t' or '\n' => c.ToString(),
                '\r' => "",
                < ' ' or '\u007f' => "\uFFFD",
                _ => c.ToString(),
            });
        }
        return result.ToString();
    }

    /// <summary>JSON for within a script element: without what could end it.</summary>
    internal static string Json(System.Text.Json.Nodes.JsonNode node) => node.ToJsonString(); // the default encoder escapes <, > and &
}

/// <summary>A column of a table for people.</summary>
/// <param name="Heading">Its heading.</param>
/// <param name="IsNumber">Numbers stand at the right.</param>
internal sealed record HtmlColumn(string Heading, bool IsNumber = false);

/// <summary>A table for people; cells are plain text.</summary>
internal static class HtmlTable
{
    internal static string Write(string caption, IReadOnlyList<HtmlColumn> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        var html = new StringBuilder("<div class=\"wide\"><table>");
        html.Append("<caption>").Append(Html.Escape(caption)).Append("</caption><thead><tr>");
        foreach (var column in columns) html.Append("<th scope=\"col\"").Append(Class(column)).Append('>').Append(Html.Escape(column.Heading)).Append("</th>");
        html.Append("</tr></thead><tbody>\n");
        foreach (var row in rows)
        {
            html.Append("<tr>");
            for (var i = 0; i < columns.Count; i++) html.Append("<td").Append(Class(columns[i])).Append('>').Append(Html.Escape(row[i])).Append("</td>");
            html.Append("</tr>\n");
        }
        return html.Append("</tbody></table></div>").ToString();
    }

    private static string Class(HtmlColumn column) => column.IsNumber ? " class=\"n\"" : "";
}
