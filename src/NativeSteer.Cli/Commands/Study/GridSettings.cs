using System.CommandLine;
using System.Globalization;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Running;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Hooks;
using NativeSteer.Studies;

namespace NativeSteer.Cli.Commands.Study;

/// <summary>Which cells a study runs.</summary>
internal sealed class GridSettings
{
    private static readonly string s_figures = string.Join(',', BacktrackingGrid.Figures);
    private static readonly BacktrackingOptions s_builtIn = CountdownStudy.Options(1, 2);

    private readonly TextSetting _figures = new("NAME,...", $"The figures whose cells are run: {s_figures} (default: all)", "--figures");
    private readonly CountSetting _layer = new("N", "The layer of figures with one layer", "--layer")
        { Default = -1, Minimum = 0, DefaultMeaning = $"at 10/32 of the depth; built-in pair: {s_builtIn.Layer}" };
    private readonly TextSetting _layers = new("LIST", "The layers of the layer sweep, e.g. 8-12 or 0,4,8 (default: all)", "--layers");
    private readonly TextSetting _offsets =
        new("A:B", $"The window of figures with one window, in tokens from the sentence's first (default: {OffsetRange.Paper}; built-in pair: {s_builtIn.Offsets})", "--offsets");
    private readonly TextSetting _heat = new("A:B,...", $"The windows of the heat map (default: six from -20 to 0; built-in pair: {string.Join(',', s_builtIn.HeatOffsets)})", "--heat-offsets");
    private readonly TextSetting _magnitudes = new("N,...", $"Strengths; also negative ones (default: 0.5,1,1.5,2,3; built-in pair: {string.Join(',', s_builtIn.Magnitudes)})", "--magnitudes");
    private readonly ChoiceSetting _unit =
        new("Strengths are shares of the mean residual norm at the layer, or absolute, as in the paper", ["rel", "abs"], "--scale-unit");
    private readonly TextSetting _seeds = new("N,...", "Seeds of sampling, noise and shuffles; every cell runs with each (default: 1)", "--seeds");
    private readonly TextSetting _at = new("RANGE", "Steered positions: all, prompt, generated, A:B (default: all)", "--at");

    private readonly NumberSetting _mostDivergence = new("N", "Choose no cell with more KL to the unsteered model, in nats a token", "--max-kl") { Default = 2 };

    internal Setting[] All => [_figures, _layer, _layers, _offsets, _heat, _magnitudes, _unit, _seeds, _at, _mostDivergence];

    /// <summary>The options with what was given.</summary>
    internal BacktrackingOptions Apply(ParseResult parse, BacktrackingOptions options)
    {
        if (_figures.Get(parse) is { } figures) options = options with { Figures = [.. figures.Split(',', StringSplitOptions.TrimEntries)] };
        if (_layer.IsGiven(parse)) options = options with { Layer = _layer.Get(parse) };
        if (_layers.Get(parse) is { } layers) options = options with { Layers = LayerList.Parse(layers, Depth(options)) };
        if (_offsets.Get(parse) is { } offsets) options = options with { Offsets = OffsetRange.Parse(offsets) };
        if (_heat.Get(parse) is { } heat) options = options with { HeatOffsets = [.. heat.Split(',').Select(OffsetRange.Parse)] };
        if (_magnitudes.Get(parse) is { } magnitudes) options = options with { Magnitudes = Numbers(magnitudes) };
        if (_seeds.Get(parse) is { } seeds) options = options with { Seeds = Seeds(seeds) };
        if (_at.Get(parse) is { } at) options = options with { Positions = PositionRange.Parse(at) };
        if (_mostDivergence.IsGiven(parse)) options = options with { MostDivergence = _mostDivergence.Get(parse) };
        return options with { Unit = _unit.Get(parse) is "abs" ? ScaleUnit.Absolute : ScaleUnit.ResidualNorm };
    }

    // A list of layers is checked against the model's own depth, which its file's header says.
    private static int Depth(BacktrackingOptions options)
    {
        using var file = Vectors.GgufFile.Open(BuiltInModel.Resolve(options.Reasoning));
        return Vectors.ModelShape.Of(file).Layers;
    }

    private static IReadOnlyList<float> Numbers(string text) =>
        [.. text.Split(',').Select(part => NumberSetting.TryParse(part, out var number) ? number : throw new UsageException($"--magnitudes is '{text}'; give numbers such as 0.5,1,2 or -1,1."))];

    private static IReadOnlyList<long> Seeds(string text) =>
        [.. text.Split(',').Select(part => long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var seed) ? seed : throw new UsageException($"--seeds is '{text}'; give whole numbers such as 1,2,3."))];
}
