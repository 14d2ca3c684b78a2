using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Studies;

/// <summary>The copies of a study's models, made when they are first wanted.</summary>
/// <param name="options">Models, importance matrix.</param>
/// <param name="folder">Where to.</param>
/// <param name="resume">Whether copies of an earlier run may be used.</param>
internal sealed class QuantizedCopies(QuantizationStudyOptions options, StudyFolder folder, bool resume)
{
    private readonly Dictionary<(string Source, QuantizationType Type), int> _made = [];
    private readonly ImportanceMatrix? _importance = Read(options.Importance), _ofBase = Read(options.BaseImportance);

    /// <summary>The file that a model is copied from.</summary>
    internal string Original(string source) =>
        BuiltInModel.Resolve(source == StudyCondition.OnBase ? options.Traces.Base! : options.Traces.Reasoning);

    /// <summary>The copy's file. One of an earlier run is whole, since it was renamed when it was.</summary>
    internal string Of(string source, QuantizationType type, CancellationToken cancellation)
    {
        if (!_made.ContainsKey((source, type)) && !(resume && File.Exists(PathOf(source, type)))) Make(source, type, cancellation);
        return PathOf(source, type);
    }

    /// <summary>Makes the copy, whether there is one or not.</summary>
    internal void Make(string source, QuantizationType type, CancellationToken cancellation)
    {
        try
        {
            Directory.CreateDirectory(folder.Models);
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Writing(folder.Models, error);
        }
        var quantization = new QuantizationOptions
        {
            Type = type,
            Importance = source == StudyCondition.OnReasoning ? _importance : _ofBase,
            AllowRequantize = true, // of a model that is quantised already, its numbers are full precision here
            Threads = options.Traces.Context.Threads,
        };
        _made[(source, type)] = ModelQuantizer.Write(Original(source), PathOf(source, type), quantization, _ => cancellation.ThrowIfCancellationRequested());
    }

    internal LanguageModel Load(string source, QuantizationType type, CancellationToken cancellation) =>
        LanguageModel.Load(Of(source, type, cancellation), new ModelOptions { GpuLayers = options.Traces.GpuLayers });

    /// <summary>What the log says of a copy that was made in this run.</summary>
    internal QuantizedModel Describe(string source, QuantizationType type, CancellationToken cancellation)
    {
        using var file = GgufFile.Open(Of(source, type, cancellation));
        var summary = ModelSummary.Of(file);
        return new QuantizedModel(
            source, type.Name, summary.Types.Sum(share => share.Bytes), summary.Weights, _made[(source, type)],
            summary.Types.ToDictionary(share => share.Type.ToString(), share => share.Tensors, StringComparer.Ordinal));
    }

    /// <summary>Deletes this run's copies, and their folder where nothing else is in it.</summary>
    internal void Delete()
    {
        if (!Directory.Exists(folder.Models)) return;
        try
        {
            foreach (var source in (string[])[StudyCondition.OnReasoning, StudyCondition.OnBase])
            {
                foreach (var type in options.Types) File.Delete(PathOf(source, type));
            }
            if (!Directory.EnumerateFileSystemEntries(folder.Models).Any()) Directory.Delete(folder.Models);
        }
        catch (Exception error) when (FileErrors.IsFileError(error))
        {
            throw FileErrors.Writing(folder.Models, error);
        }
    }

    private static ImportanceMatrix? Read(string? path) => path is null ? null : ImportanceMatrix.Read(path);

    private string PathOf(string source, QuantizationType type) => Path.Combine(folder.Models, $"{source}-{type}.gguf");
}
