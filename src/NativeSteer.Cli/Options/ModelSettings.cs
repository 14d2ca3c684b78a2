using System.CommandLine;
using NativeSteer.Cli.Output;
using NativeSteer.Engine;

namespace NativeSteer.Cli.Options;

/// <summary>Which model, and on what device.</summary>
/// <param name="builtIn">The model that is meant where none is given.</param>
internal sealed class ModelSettings(string builtIn = BuiltInModel.Default)
{
    private const long QuicklyLoaded = 256 << 20; // bytes; below, a progress bar would only flicker

    internal ModelSetting Model { get; } = new(builtIn: builtIn);

    internal CountSetting GpuLayers { get; } = new("N", "Layers kept on the GPU", "--gpu-layers", "-ngl")
        { Default = -1, Minimum = -1, DefaultMeaning = "all" };

    internal Setting[] All => [Model, GpuLayers];

    /// <summary>Loads the model, showing progress when that takes a while.</summary>
    internal LanguageModel Load(ParseResult parse, Terminal terminal, CancellationToken stop) =>
        Load(Model.Path(parse), GpuLayers.Get(parse), terminal, stop);

    /// <summary>Loads another model in the same way.</summary>
    internal static LanguageModel Load(string path, int gpuLayers, Terminal terminal, CancellationToken stop)
    {
        if (!File.Exists(path) || new FileInfo(path).Length < QuicklyLoaded) return Load(path, gpuLayers, _ => { }, stop);
        return Progress.Run(
            terminal, $"Loading {Path.GetFileName(path)}", report => Load(path, gpuLayers, share => report.Report(share), stop));
    }

    private static LanguageModel Load(string path, int gpuLayers, Action<float> progress, CancellationToken stop) =>
        LanguageModel.Load(path, new()
        {
            GpuLayers = gpuLayers,
            Progress = share =>
            {
                stop.ThrowIfCancellationRequested();
                progress(share);
            },
        });
}
