using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Cli.Views;
using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Cli.Commands.Vector;

/// <summary><c>vector combine</c></summary>
internal sealed class CombineCommand : Verb
{
    private readonly Argument<string[]> _terms = Positional.Many("TERMS", "An expression, or FILE:SCALE of each vector", required: true);
    private readonly TextSetting _output = CommonSettings.Output("Where to write the sum");
    private readonly Flag _normalize = new("Scale the sum to length 1 at every layer", "--normalize");
    private readonly TextSetting _layers = new("LIST", "Keep these layers only, e.g. 10, 8-12 or 0,4,8-12", "--layers");
    private readonly Flag _json = CommonSettings.Json();

    internal CombineCommand() : base("vector combine", "Add, subtract and scale vectors")
    {
        Details = """
            In an expression + and - stand between spaces, since names of files may hold them: "0.5*a.gguf - b.gguf". A layer
            that only one vector has counts as zero in the others.
            """;
        Add(_terms);
        AddGroup("Combination", _normalize, _layers);
        AddGroup("Output", _output, _json);
        AddExample("vector combine \"0.5*happy.gguf - sad.gguf\" -o mix.gguf", "an expression");
        AddExample("vector combine happy.gguf:0.5 sad.gguf:-1 -o mix.gguf", "the same, spelled as in --control-vector-scaled");
        AddExample("vector combine long.gguf --normalize --layers 8-12 -o unit.gguf", "unit length, a few layers");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var terms = ScaledFile.ParseTerms(Positional.Values(_terms, parse));
        var output = _output.Require(parse);
        var layers = _layers.Get(parse);
        var sum = terms.Select(term => (term.Scale, Vector: VectorFiles.Read(term.Path))).ToList() is [var first, .. var rest]
            ? rest.Aggregate(Scaled(first.Vector, first.Scale), (total, term) => Add(total, term.Vector, term.Scale))
            : throw new UsageException("a vector is missing.");
        if (layers is not null) sum = sum.OnLayers(LayerList.Parse(layers, sum.Shape.Layers > 0 ? sum.Shape.Layers : sum.Layers[^1] + 1));
        if (_normalize.IsGiven(parse)) sum = sum.Normalized();
        VectorFiles.Write(output, sum, terminal);
        if (_json.IsGiven(parse)) Json.PrintObject(terminal, json => VectorView.Write(output, ControlVectorImport.Read(output), json));
        else VectorView.Print(output, ControlVectorImport.Read(output), terminal);
        return ExitCode.Done;
    }

    private static SteeringVector Scaled(SteeringVector vector, float scale) =>
        scale switch { 1 => vector, -1 => -vector, _ => scale * vector };

    private static SteeringVector Add(SteeringVector total, SteeringVector vector, float scale) =>
        scale < 0 ? total - Scaled(vector, -scale) : total + Scaled(vector, scale);
}
