using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Vectors;

namespace NativeSteer.Cli.Commands.Vector;

/// <summary><c>vector compare</c></summary>
internal sealed class CompareCommand : Verb
{
    private readonly Argument<string[]> _first = Positional.One("A", "A vector");
    private readonly Argument<string[]> _second = Positional.One("B", "A vector of the same model");
    private readonly Flag _exact = new("Fail (exit code 1) unless every layer has the same bits", "--exact");
    private readonly Flag _json = CommonSettings.Json();

    internal CompareCommand() : base("vector compare", "Cosines and norms of two vectors, layer by layer")
    {
        Add(_first);
        Add(_second);
        AddGroup("Comparison", _exact);
        AddGroup("Output", _json);
        AddExample("vector compare mean.gguf pca.gguf", "do two methods find the same direction");
        AddExample("vector compare base.gguf finetuned.gguf --json", "the cosines for a figure");
        AddExample("vector compare yesterday.gguf today.gguf --exact", "did a run repeat");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var (first, second) = (Positional.Values(_first, parse)[0], Positional.Values(_second, parse)[0]);
        var layers = VectorComparison.Compare(VectorFiles.Read(first), VectorFiles.Read(second));
        Print(first, second, layers, parse, terminal);
        if (_exact.IsGiven(parse) && layers.Where(layer => !layer.Same).Select(layer => layer.Layer).ToList() is { Count: > 0 } other)
            throw new NativeSteerException($"{first} and {second} differ at {(other.Count == 1 ? "layer" : "layers")} {string.Join(", ", other)}.");
        return ExitCode.Done;
    }

    private void Print(string first, string second, IReadOnlyList<LayerComparison> layers, ParseResult parse, Terminal terminal)
    {
        if (_json.IsGiven(parse))
        {
            Json.PrintObject(terminal, json =>
            {
                json.WriteString("a", first);
                json.WriteString("b", second);
                json.Objects("layers", layers, (inner, layer) =>
                {
                    inner.WriteNumber("layer", layer.Layer);
                    inner.Number("cosine", layer.Cosine);
                    inner.Number("norm_a", layer.NormA);
                    inner.Number("norm_b", layer.NormB);
                    inner.WriteBoolean("same", layer.Same);
                });
            });
            return;
        }
        var table = new Table(
            Column.OfNumbers("layer"),
            Column.OfNumbers("cosine"),
            Column.OfNumbers("norm A"),
            Column.OfNumbers("norm B"),
            Column.OfNumbers("B / A"));
        foreach (var layer in layers)
        {
            double[] numbers = [layer.Cosine, layer.NormA, layer.NormB, layer.NormRatio];
            table.Add([$"{layer.Layer}", .. numbers.Select(number => Text.Number(number))]);
        }
        table.Print(terminal);
    }
}
