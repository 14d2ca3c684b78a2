using NativeSteer.Extraction;

namespace NativeSteer.Judges;

/// <summary>Labels the stretches of traces by the behaviour that they show.</summary>
public interface IJudge
{
    /// <summary>What files and tables call it: <c>keyword</c>, or the judging model's name.</summary>
    string Name { get; }

    /// <summary>What it looks for and how, in a few words, e.g. <c>words wait,hmm</c>; files made with other settings are told apart by it.</summary>
    string Settings { get; }

    /// <summary>
    /// Judges traces, one result each, in the order in which they are done. What a trace says of spans beforehand is not looked at.
    /// </summary>
    /// <param name="traces">The traces; <see cref="LabelledTrace.Id"/> tells which one a result is of.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellation">Ends it; results returned before are whole.</param>
    /// <exception cref="NativeSteerException">While enumerating: the judge itself cannot work. What goes wrong with one trace stands in its result.</exception>
    IEnumerable<Annotation> Annotate(
        IReadOnlyList<LabelledTrace> traces, IProgress<JudgeProgress>? progress = null, CancellationToken cancellation = default);
}

/// <summary>How far a judge is, in parts of equal weight (traces, or pieces of them).</summary>
/// <param name="Done">Parts judged.</param>
/// <param name="Total">All parts.</param>
public readonly record struct JudgeProgress(int Done, int Total);
