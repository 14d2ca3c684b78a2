namespace NativeSteer.Files;

/// <summary>Refuses to write over what is read or written besides, before anything is lost.</summary>
public static class OutputCheck
{
    /// <summary>Throws when two of the files that are written are the same, or one is also read.</summary>
    /// <param name="outputs">What will be written; null for what is not.</param>
    /// <param name="inputs">What is read; null for what is not.</param>
    /// <exception cref="NativeSteerException">Two paths name one file.</exception>
    public static void Distinct(IEnumerable<string?> outputs, params IEnumerable<string?> inputs)
    {
        ArgumentNullException.ThrowIfNull(outputs);
        ArgumentNullException.ThrowIfNull(inputs);
        var read = inputs.OfType<string>().Select(Whole).ToHashSet(StringComparer.Ordinal);
        var written = new HashSet<string>(StringComparer.Ordinal);
        foreach (var output in outputs.OfType<string>())
        {
            var whole = Whole(output);
            if (read.Contains(whole)) throw new NativeSteerException($"{FileErrors.Shown(output)} is read and would be replaced; write elsewhere.");
            if (!written.Add(whole)) throw new NativeSteerException($"{FileErrors.Shown(output)} would be written twice; give each output a file of its own.");
        }
    }

    // Where a link leads to, so that one file under two names is seen.
    private static string Whole(string path)
    {
        try
        {
            var whole = Path.GetFullPath(path);
            return File.ResolveLinkTarget(whole, returnFinalTarget: true)?.FullName ?? whole;
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            return path; // what is wrong with it is said when it is opened
        }
    }
}
