using System.Runtime.InteropServices;
using System.Text;
using NativeSteer.Files;
using NativeSteer.Interop;
using NativeSteer.Vectors;

namespace NativeSteer.Engine;

/// <summary>How a model is quantised.</summary>
public sealed record QuantizationOptions
{
    /// <summary>The number format.</summary>
    public required QuantizationType Type { get; init; }

    /// <summary>Which columns matter; the smallest formats need it.</summary>
    public ImportanceMatrix? Importance { get; init; }

    /// <summary>Allow matrices that are quantised already: what they lost stays lost.</summary>
    public bool AllowRequantize { get; init; }

    /// <summary>Every matrix in the type's own format, without llama.cpp's finer ones for some.</summary>
    public bool Pure { get; init; }

    /// <summary>Leave the output matrix as it is.</summary>
    public bool KeepOutput { get; init; }

    /// <summary>CPU threads; 0 means one per core.</summary>
    public int Threads { get; init; }
}

/// <summary>Writes copies of models with other number formats: llama.cpp's own quantiser.</summary>
public static unsafe class ModelQuantizer
{
    /// <summary>Writes the copy, whole or not at all.</summary>
    /// <param name="model">The model: a GGUF file, or the first part of a split one.</param>
    /// <param name="path">The file to write; another one.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told the share of matrices that are done; may throw to stop.</param>
    /// <returns>Matrices whose rows are no whole blocks of their format, and got a format with smaller blocks.</returns>
    /// <exception cref="NativeSteerException">The model cannot be read or have this type, or the file cannot be written.</exception>
    public static int Write(string model, string path, QuantizationOptions options, Action<float>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(options);
        using (var file = GgufFile.Open(model))
        {
            ModelFileCheck.Run(file, vocabularyOnly: false);
            OutputCheck.Distinct([path], [.. GgufParts.Find(file), options.Importance?.Path]);
        }
        NativeRuntime.EnsureLoaded();
        var fallbacks = 0;
        AtomicFile.WriteAt(path, temporary => fallbacks = WriteNative(model, temporary, options, progress));
        return fallbacks;
    }

    private static int WriteNative(string model, string temporary, QuantizationOptions options, Action<float>? progress)
    {
        var relay = new NativeProgress(progress);
        var handle = GCHandle.Alloc(relay);
        var pins = new List<GCHandle> { handle };
        try
        {
            var importances = (options.Importance?.Means ?? new Dictionary<string, float[]>()).Select(entry => Pinned(entry.Key, entry.Value, pins)).ToArray();
            fixed (ShimImportance* list = importances)
            {
                var native = new ShimQuantizeOptions
                {
                    Size = sizeof(ShimQuantizeOptions),
                    FileType = options.Type.FileType,
                    Threads = options.Threads,
                    ImportanceCount = importances.Length,
                    Importances = list,
                    AllowRequantize = options.AllowRequantize ? (byte)1 : (byte)0,
                    Pure = options.Pure ? (byte)1 : (byte)0,
                    KeepOutput = options.KeepOutput ? (byte)1 : (byte)0,
                    Progress = &NativeProgress.OnProgress,
                    ProgressUser = (void*)GCHandle.ToIntPtr(handle),
                };
                var status = ShimApi.ns_quantize(model, temporary, &native, out var fallbacks);
                relay.Failure?.Throw();
                if (status == ShimStatus.Error) throw Failed(model, options.Type, NativeError.LastMessage());
                NativeError.Check(status);
                return fallbacks;
            }
        }
        finally
        {
            foreach (var pin in pins) pin.Free();
        }
    }

    private static ShimImportance Pinned(string tensor, float[] values, List<GCHandle> pins)
    {
        var (name, numbers) = (GCHandle.Alloc(Encoding.UTF8.GetBytes(tensor + "\0"), GCHandleType.Pinned), GCHandle.Alloc(values, GCHandleType.Pinned));
        pins.AddRange([name, numbers]);
        return new ShimImportance { Tensor = (byte*)name.AddrOfPinnedObject(), Values = (float*)numbers.AddrOfPinnedObject(), Count = values.Length };
    }

    // What llama.cpp says names the matrix; what to do about it is said here.
    private static NativeSteerException Failed(string model, QuantizationType type, string message)
    {
        var said = message.ReplaceLineEndings(" ").TrimEnd('.', '!', ' ');
        var (reason, next) = said switch
        {
            _ when said.Contains("requantizing", StringComparison.Ordinal) =>
                ("its matrices are quantised already", "quantise the F16 or F32 file, or give --allow-requantize"),
            _ when said.Contains("imatrix", StringComparison.Ordinal) && said.Contains("requires", StringComparison.Ordinal) =>
                ("this type needs an importance matrix", "make one with llama.cpp's llama-imatrix and give it with --imatrix"),
            _ when said.Contains("importance matrix", StringComparison.Ordinal) || said.Contains("imatrix", StringComparison.Ordinal) =>
                (said, "give the importance matrix of this model"),
            _ when said.Contains("basic_ios", StringComparison.Ordinal) || said.Contains("iostream", StringComparison.Ordinal) =>
                ("the file could not be written to its end", "free some space or write elsewhere"),
            _ => (said, "check the file, or give another type"),
        };
        return new NativeSteerException($"{FileErrors.Shown(model)} cannot be quantised to {type}: {reason}; {next}.");
    }
}
