using System.Globalization;
using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Vectors;

namespace NativeSteer.Extraction;

/// <summary>What every extracted vector says about where it comes from.</summary>
internal static class ExtractionProvenance
{
    /// <summary>Model, data, tool and time.</summary>
    /// <param name="model">The model that was run.</param>
    /// <param name="files">The data; their SHA-256 sums are stored, joined by commas.</param>
    internal static Provenance Of(LanguageModel model, IReadOnlyList<string> files) => Provenance.Empty
        .With(Provenance.Model, Path.GetFileName(model.Path))
        .With(Provenance.ModelHash, ModelFingerprint.Of(model.File))
        .With("data", string.Join(',', files.Select(Path.GetFileName)))
        .With(Provenance.DataHash, string.Join(',', files.Select(FileHash.Of)))
        .With(Provenance.Tool, $"NativeSteer {Provenance.Version}")
        .With(Provenance.Created, DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
}
