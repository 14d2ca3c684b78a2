using System.CommandLine;
using System.Globalization;
using NativeSteer.Cli.Commands.Vector;
using NativeSteer.Cli.Running;
using NativeSteer.Engine;
using NativeSteer.Hooks;

namespace NativeSteer.Cli.Options;

/// <summary>Which vectors steer, how strongly, where; llama.cpp's three options and ours.</summary>
internal sealed class SteeringSettings
{
    private const string ScaledName = "--control-vector-scaled", RangeName = "--control-vector-layer-range";

    private readonly ListSetting _vectors = new("FILE[,FILE]", "Steer with these vectors at scale 1", false, "--control-vector");
    private readonly ListSetting _scaled =
        new("FILE:SCALE[,FILE:SCALE]", "Steer with vectors at scales of their own; also FILE SCALE", true, ScaledName);
    private readonly ListSetting _range = new("START END", "Steer the layers from START to END only, both included", true, RangeName)
        { Arity = new ArgumentArity(2, 2) };
    private readonly TextSetting _layers =
        new("LIST", "Steer these layers only, e.g. 10, 8-12 or 0,4,8-12 (default: all that the vector has)", "--layers");
    private readonly ChoiceSetting _operation =
        new("What is done with the vector; self lengthens the residual itself", ["add", "project", "clamp", "add-keep-norm", "self"], "--operation");
    private readonly TextSetting _at = new("RANGE", "Positions: all, prompt, generated, A:B, or generated:A:B (default: all)", "--at");
    private readonly ChoiceSetting _unit =
        new("Scales are absolute, or shares of the mean residual norm at the layer", ["abs", "rel"], "--scale-unit");

    internal Setting[] All => [_vectors, _scaled, _range, _layers, _operation, _at, _unit];

    internal List<SteerSpec> Get(ParseResult parse)
    {
        var files = ScaledFile.Unscaled(_vectors.Values(parse)).Concat(ScaledFile.ParseList(ScaledName, _scaled.Values(parse))).ToList();
        var layers = _layers.Get(parse);
        var range = Range(_range.Values(parse));
        if (layers is not null && range is not null)
            throw new UsageException($"--layers and {RangeName} both say which layers; give one of them.");
        if (files.Count == 0 && All.FirstOrDefault(setting => setting.IsGiven(parse)) is { } lonely)
        {
            throw new UsageException($"{lonely.Spelling} needs a vector; give one with --control-vector or {ScaledName}.");
        }
        var positions = _at.Get(parse) is { } at ? PositionRange.Parse(at) : PositionRange.All;
        return [.. files.Select(file => new SteerSpec(file.Path, file.Scale)
        {
            Layers = layers,
            Range = range,
            Operation = SteerSpec.ParseOperation(_operation.Get(parse))!.Value,
            Positions = positions,
            Unit = SteerSpec.ParseUnit(_unit.Get(parse))!.Value,
        })];
    }

    /// <summary>What is given, as one plan for a model.</summary>
    internal static SteeringPlan Plan(IReadOnlyList<SteerSpec> steer, LanguageModel model) => steer.Count == 0
        ? SteeringPlan.None
        : new SteeringPlan([.. steer.Select(spec => spec.Resolve(VectorFiles.Read(spec.Path), model.Shape))]);

    private static (int First, int Last)? Range(IReadOnlyList<string> ends)
    {
        if (ends is not [var start, var end]) return null;
        return int.TryParse(start, NumberStyles.None, CultureInfo.InvariantCulture, out var first)
            && int.TryParse(end, NumberStyles.None, CultureInfo.InvariantCulture, out var last) && first <= last
                ? (first, last)
                : throw new UsageException($"{RangeName} is '{start} {end}'; give two layers, the first not above the second.");
    }
}
