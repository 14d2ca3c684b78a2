using NativeSteer.Cli.Running;

namespace NativeSteer.Cli.Options;

/// <summary>A vector's file and how strong it acts: the spellings of <c>--control-vector-scaled</c>, and of expressions.</summary>
/// <param name="Path">The file.</param>
/// <param name="Scale">The factor.</param>
internal readonly record struct ScaledFile(string Path, float Scale)
{
    /// <summary>
    /// Reads <c>FILE:SCALE[,FILE:SCALE...]</c>, split at the last colon because of Windows' drives, and llama.cpp's older
    /// <c>FILE SCALE</c>, over all values of the option.
    /// </summary>
    internal static List<ScaledFile> ParseList(string option, IReadOnlyList<string> values)
    {
        var files = new List<ScaledFile>();
        for (var i = 0; i < values.Count; i++)
        {
            if (i + 1 < values.Count && NumberSetting.TryParse(values[i + 1], out var scale))
            {
                files.Add(new ScaledFile(values[i++], scale));
                continue;
            }
            foreach (var part in values[i].Split(','))
            {
                files.Add(ParseOne(part)
                    ?? throw new UsageException($"{option} has '{part}'; give FILE:SCALE, for example happy.gguf:0.8."));
            }
        }
        return files;
    }

    /// <summary>Reads the files of <c>--control-vector FILE[,FILE...]</c>.</summary>
    internal static IEnumerable<ScaledFile> Unscaled(IEnumerable<string> values) =>
        values.SelectMany(value => value.Split(',', StringSplitOptions.RemoveEmptyEntries)).Select(path => new ScaledFile(path, 1));

    /// <summary>Reads one expression, whole or in words (<c>0.5*a.gguf - b.gguf</c>), or a list of <c>FILE[:SCALE]</c>.</summary>
    internal static List<ScaledFile> ParseTerms(IReadOnlyList<string> words)
    {
        if (words.Count > 1 && !words.Any(word => word is "+" or "-" or "*")) return [.. words.Select(word => ParseTerm(word, 1))];
        var terms = new List<ScaledFile>();
        var sign = 1;
        var pending = "";
        foreach (var word in string.Join(' ', words).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (word is not ("+" or "-"))
            {
                pending += word is "*" || pending.Length == 0 || pending[^1] == '*' ? word : " " + word;
                continue;
            }
            if (pending.Length > 0) terms.Add(ParseTerm(pending, sign));
            else if (terms.Count > 0)
                throw new UsageException($"'{word}' has nothing before it; write for example \"0.5*a.gguf - b.gguf\".");
            pending = "";
            sign = word is "-" ? -1 : 1;
        }
        if (pending.Length == 0) throw new UsageException("the expression ends without a file; write for example \"0.5*a.gguf - b.gguf\".");
        terms.Add(ParseTerm(pending, sign));
        return terms;
    }

    // FILE, FILE:SCALE, NUMBER*FILE or FILE*NUMBER
    private static ScaledFile ParseTerm(string term, int sign)
    {
        var star = term.IndexOf('*', StringComparison.Ordinal);
        if (star > 0 && NumberSetting.TryParse(term.AsSpan(0, star), out var before)) return Checked(term[(star + 1)..], sign * before);
        star = term.LastIndexOf('*');
        if (star > 0 && NumberSetting.TryParse(term.AsSpan(star + 1), out var after)) return Checked(term[..star], sign * after);
        return ParseOne(term) is { } scaled ? scaled with { Scale = sign * scaled.Scale } : new ScaledFile(term, sign);

        ScaledFile Checked(string path, float scale) =>
            path.Length > 0 ? new ScaledFile(path, scale) : throw new UsageException($"'{term}' names no file.");
    }

    private static ScaledFile? ParseOne(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > 0 && NumberSetting.TryParse(text.AsSpan(colon + 1), out var scale) ? new ScaledFile(text[..colon], scale) : null;
    }
}
