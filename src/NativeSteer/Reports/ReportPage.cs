using System.Text;

namespace NativeSteer.Reports;

/// <summary>What a page says around its figures; plain text but where HTML is said.</summary>
internal sealed record PageText
{
    /// <summary>The window's title.</summary>
    internal required string Title { get; init; }

    /// <summary>The line above the heading: which study it is.</summary>
    internal required string Kicker { get; init; }

    /// <summary>The names in the heading, joined by "and".</summary>
    internal required IReadOnlyList<string> Heading { get; init; }

    /// <summary>The first sentence.</summary>
    internal required string Found { get; init; }

    /// <summary>The sentences after it.</summary>
    internal required string More { get; init; }

    /// <summary>What to know before trusting a number.</summary>
    internal IReadOnlyList<string> Caveats { get; init; } = [];

    /// <summary>Sections after the figures; bodies are HTML.</summary>
    internal IReadOnlyList<(string Id, string Title, string Body)> Sections { get; init; } = [];

    /// <summary>How it was made: names and values.</summary>
    internal required IReadOnlyList<(string Name, string Value)> Provenance { get; init; }

    /// <summary>How intervals and the like were computed.</summary>
    internal required string Method { get; init; }
}

/// <summary>The page: one HTML file that needs nothing else, neither network nor files beside it.</summary>
internal sealed class ReportPage(PageText page, IReadOnlyList<ReportFigure> figures)
{
    private readonly StringBuilder _html = new(1 << 20);

    internal string Write()
    {
        Head();
        Opening();
        Caveats();
        for (var i = 0; i < figures.Count; i++) Figure(figures[i], i + 1);
        foreach (var (id, title, body) in page.Sections) Section(id, title, body);
        Provenance();
        Scripts();
        return _html.ToString();
    }

    private void Head()
    {
        _html.Append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .Append("<meta name=\"color-scheme\" content=\"light dark\">\n<title>").Append(Html.Escape(page.Title)).Append("</title>\n<style>\n")
            .Append(ReportAssets.Text("report.css")).Append("</style>\n</head>\n<body>\n");
        // The pattern that charts fill unsound cells with.
        _html.Append("""
            <svg width="0" height="0" aria-hidden="true" class="defs"><defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="var(--paper)"/><rect width="2" height="6" fill="var(--hatch)"/></pattern></defs></svg>
            <main>

            """);
    }

    private void Opening()
    {
        _html.Append("<header>\n<p class=\"kicker\">").Append(Html.Escape(page.Kicker)).Append("</p>\n<h1>")
            .AppendJoin(" <span>and</span> ", page.Heading.Select(Html.Escape)).Append("</h1>\n<div class=\"summary\">\n<p class=\"found\">").Append(Html.Escape(page.Found)).Append("</p>\n<p>")
            .Append(Html.Escape(page.More)).Append("</p>\n</div>\n<nav aria-label=\"Figures\"><ol>\n");
        foreach (var figure in figures) _html.Append("<li><a href=\"#").Append(figure.Id).Append("\">").Append(Html.Escape(figure.Title)).Append("</a></li>\n");
        _html.Append("</ol></nav>\n</header>\n");
    }

    private void Caveats()
    {
        if (page.Caveats.Count == 0) return;
        _html.Append("<section class=\"caveats\" id=\"notes\"><h2>Before you trust a number</h2><ul>\n");
        foreach (var caveat in page.Caveats) _html.Append("<li>").Append(Html.Escape(caveat)).Append("</li>\n");
        _html.Append("</ul></section>\n");
    }

    private void Figure(ReportFigure figure, int number)
    {
        _html.Append("<section class=\"figure\" id=\"").Append(figure.Id).Append("\">\n<h2><span>").Append(number).Append("</span>").Append(Html.Escape(figure.Title))
            .Append("</h2>\n<figure>\n<div class=\"drawing\">\n");
        if (figure.Absent is not null || (figure.Chart is null && figure.Body.Length == 0))
            _html.Append("<p class=\"absent\">").Append(Html.Escape(figure.Absent ?? "The log has no cells for this figure.")).Append("</p>\n");
        else if (figure.Chart is not null)
        {
            _html.Append("<div class=\"chart\" role=\"img\" aria-label=\"").Append(Html.Escape(figure.Alt)).Append("\"></div>\n<noscript><p class=\"absent\">The chart needs JavaScript; "
                + "its numbers are in the table below.</p></noscript>\n<script type=\"application/json\" class=\"spec\">").Append(Html.Json(figure.Chart)).Append("</script>\n");
        }
        _html.Append("</div>\n<figcaption><p>").Append(Html.Escape(figure.Caption)).Append("</p>\n");
        if (figure.Theirs is { } theirs) _html.Append("<p class=\"theirs\"><b>The paper:</b> ").Append(Html.Escape(theirs)).Append("</p>\n");
        _html.Append("</figcaption>\n</figure>\n");
        if (figure.Absent is null) _html.Append(figure.Body);
        if (figure.Numbers.Length > 0 && figure.Tables[0].Rows.Count > 0)
            _html.Append("<details><summary>All numbers of this figure</summary>").Append(figure.Numbers).Append("</details>\n");
        _html.Append("</section>\n");
    }

    private void Provenance()
    {
        var html = new StringBuilder("<dl>\n");
        foreach (var (name, value) in page.Provenance) html.Append("<dt>").Append(Html.Escape(name)).Append("</dt><dd>").Append(Html.Escape(value)).Append("</dd>\n");
        html.Append("</dl>\n<p class=\"small\">").Append(Html.Escape(page.Method)).Append(" Figures are drawn with Vega and Vega-Lite (BSD-3-Clause), inlined.</p>");
        Section("provenance", "How it was made", html.ToString());
    }

    private void Section(string id, string title, string body) =>
        _html.Append("<section id=\"").Append(id).Append("\"><h2>").Append(Html.Escape(title)).Append("</h2>\n").Append(body).Append("</section>\n");

    private void Scripts()
    {
        _html.Append("</main>\n");
        if (figures.Any(figure => figure.Chart is not null))
        {
            Script("vega.min.js", "vega.LICENSE", "chart-licences.txt");
            Script("vega-lite.min.js", "vega-lite.LICENSE");
            Script("report.js");
        }
        _html.Append("</body>\n</html>\n");
    }

    /// <summary>A script with the licences that must go along with it.</summary>
    private void Script(string name, params string[] licences)
    {
        _html.Append("<script>\n");
        foreach (var licence in licences) _html.Append("/*\n").Append(ReportAssets.Text(licence).Trim()).Append("\n*/\n");
        _html.Append(ReportAssets.Text(name)).Append("\n</script>\n");
    }
}
