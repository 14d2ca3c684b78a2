using NativeSteer.Files;

namespace NativeSteer.Studies;

/// <summary>The files of a study.</summary>
/// <param name="Path">The folder.</param>
public sealed record StudyFolder(string Path)
{
    /// <summary>Rollouts of the reasoning model, as <c>generate</c> logs them.</summary>
    public string Traces => In("traces.jsonl");

    /// <summary>The traces with labelled spans.</summary>
    public string Annotated => In("annotated.jsonl");

    /// <summary>The run log.</summary>
    public string Log => In("run.jsonl");

    /// <summary>The report.</summary>
    public string Report => In("report.html");

    /// <summary>Where the figures' numbers go.</summary>
    public string Figures => In("figures");

    /// <summary>The sums over the traces with one of the models.</summary>
    /// <param name="source"><c>reasoning</c> or <c>base</c>.</param>
    public string Sums(string source) => In($"sums-{source}.safetensors");

    /// <summary>A vector of one of the models.</summary>
    /// <param name="label">The label.</param>
    /// <param name="source"><c>reasoning</c> or <c>base</c>.</param>
    public string Vector(string label, string source) => System.IO.Path.Combine(In("vectors"), $"{label}-{source}.gguf");

    /// <summary>What a training of a bias study writes, without the files' endings.</summary>
    /// <param name="condition">Its name.</param>
    /// <param name="seed">Its seed.</param>
    public string Trained(string condition, long seed) => System.IO.Path.Combine(In("vectors"), FormattableString.Invariant($"{condition.Replace(' ', '-')}-{seed}"));

    /// <summary>Where copies of models go.</summary>
    public string Models => In("quantized-copies");

    /// <summary>Makes the folders.</summary>
    /// <exception cref="NativeSteerException">They cannot be made.</exception>
    public void Create() => Make(In("vectors"));

    /// <summary>Makes a folder, unless it is there.</summary>
    internal static void Make(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Writing(path, error);
        }
    }

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
