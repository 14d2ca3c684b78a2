using NativeSteer.Extraction;
using NativeSteer.Files;

namespace NativeSteer.Judges;

/// <summary>
/// A file of annotated traces (<see cref="AnnotationLines"/>) that grows a line at a time and goes on where it was interrupted. Traces that
/// could not be judged are not in it, so that going on tries them again.
/// </summary>
public sealed class AnnotationWriter : IDisposable
{
    private readonly JsonLinesWriter _file;
    private readonly IJudge _judge;
    private readonly Dictionary<string, LabelledTrace> _finished = new(StringComparer.Ordinal);

    private AnnotationWriter(JsonLinesWriter file, IJudge judge)
    {
        _file = file;
        _judge = judge;
    }

    /// <summary>Traces that were in the file when it was opened, by id.</summary>
    public IReadOnlyDictionary<string, LabelledTrace> Finished => _finished;

    /// <summary>Starts a file; an existing one is emptied.</summary>
    /// <exception cref="NativeSteerException">The file cannot be written.</exception>
    public static AnnotationWriter Create(string path, IJudge judge) => new(JsonLinesWriter.Create(path), judge);

    /// <summary>Goes on with a file, or starts it where there is none.</summary>
    /// <exception cref="NativeSteerException">The file cannot be read and written, or another judge wrote it, or one with other settings.</exception>
    public static AnnotationWriter Continue(string path, IJudge judge)
    {
        ArgumentNullException.ThrowIfNull(judge);
        if (!File.Exists(path) || new FileInfo(path).Length == 0) return Create(path, judge);
        RequireJudge(JsonLines.Read(path).First(), judge); // before it is opened for writing: another file is left alone
        var writer = new AnnotationWriter(JsonLinesWriter.Append(path), judge);
        try
        {
            writer.ReadFinished(path);
            return writer;
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    /// <summary>Adds a trace; one that could not be judged is passed over.</summary>
    /// <exception cref="NativeSteerException">The disk is full or the file went away; it ends with its last whole line.</exception>
    public void Write(Annotation annotation)
    {
        ArgumentNullException.ThrowIfNull(annotation);
        if (annotation.Failure is null) _file.Write(json => AnnotationLines.Write(json, annotation, _judge));
    }

    /// <summary>Those of the traces that the file has not yet.</summary>
    /// <exception cref="NativeSteerException">The file has another text under the id of one of them.</exception>
    public IReadOnlyList<LabelledTrace> Missing(IReadOnlyList<LabelledTrace> traces)
    {
        ArgumentNullException.ThrowIfNull(traces);
        foreach (var trace in traces)
        {
            if (_finished.TryGetValue(trace.Id, out var known) && !string.Equals(known.Text, trace.Text, StringComparison.Ordinal))
                throw new NativeSteerException($"{trace.Place}: the trace '{FileErrors.Printable(trace.Id)}' has another text than in {known.Place}; give the same traces, or write to another file.");
        }
        return [.. traces.Where(trace => !_finished.ContainsKey(trace.Id))];
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private void ReadFinished(string path)
    {
        foreach (var line in JsonLines.Read(path))
        {
            RequireJudge(line, _judge);
            var trace = LabelledTraces.Parse(line, $"{FileErrors.Shown(path)}:{line.Number}");
            _finished[trace.Id] = trace;
        }
    }

    private static void RequireJudge(JsonLine line, IJudge judge)
    {
        var (name, settings) = (line.OptionalString("judge"), line.OptionalString("judge_settings"));
        if (string.Equals(name, judge.Name, StringComparison.Ordinal) && string.Equals(settings, judge.Settings, StringComparison.Ordinal)) return;
        throw line.Error(name is null
            ? "this is no file of annotated traces with their judge; write to another one."
            : $"the judge was '{FileErrors.Printable(name)}' ({FileErrors.Printable(settings ?? "")}), now it is '{judge.Name}' ({judge.Settings}); give the same, or write to another file.");
    }
}
