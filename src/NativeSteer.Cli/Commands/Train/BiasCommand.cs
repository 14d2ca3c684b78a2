using System.CommandLine;
using NativeSteer.Cli.Commands.Vector;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Training;

namespace NativeSteer.Cli.Commands.Train;

/// <summary><c>train bias</c></summary>
internal sealed class BiasCommand : TrainingVerb
{
    private readonly ModelSetting _model = new();
    private readonly TrainSettings _train = new(new(TrainSettings.OfVectors, null, ["constant", "cosine"], 2));
    private readonly TextSetting _layers = new("LIST", "The layers, e.g. 10, 8-12 or 0,4,8-12 (default: all)", "--layers");
    private readonly TextSetting _output = CommonSettings.Output("Where to write the vectors, a control vector");
    private readonly TextSetting _bake = new("FILE", "Also write the model with the vectors baked in (llama models)", "--bake");
    private readonly Flag _json = CommonSettings.Json();

    internal BiasCommand() : base("train bias", "Train one vector per layer, the model itself frozen")
    {
        Details = DataForms + "\n" + """
            A vector is added to the residual stream after its layer at every position, as a bias of ffn_down would be (Sinii et
            al., arXiv 2505.18706); warm-up, schedule, clipping and decay are theirs by default. The frozen model may be
            quantised. 'generate --control-vector' runs the result; --bake makes it part of the model.
            """;
        AddGroup("Model", _model, _layers);
        AddGroup("Data", _train.Data);
        AddGroup("Training", _train.Course);
        AddGroup("Computing", _train.Computing);
        AddGroup("Output", [_output, _bake, .. _train.Keeping, _json]);
        AddExample("train bias -m model-q4_k_m.gguf -f data.jsonl -o bias.gguf", "a vector for every layer");
        AddExample("train bias -m model.gguf -f data.jsonl --layers 16 --steps 500 -o bias.gguf --bake biased.gguf",
            "one layer alone, and a model that needs no control vector");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var (model, bake) = (_model.Given(parse), _bake.Get(parse));
        var output = bake is null ? _output.Require(parse) : _output.Get(parse);
        var options = _train.Get(parse, model, new TrainingParts(false, false, true, []), output ?? bake!) with
        {
            Layers = _layers.Get(parse),
            Bakes = bake is not null,
            Command = Path,
        };
        options = options with { Outputs = [.. new[] { output, bake }.OfType<string>()] };
        return Run(options, _train.KeepsCheckpoints(parse), Write, terminal, _json.IsGiven(parse), stop);

        IReadOnlyList<string> Write(FineTuning tuning)
        {
            if (output is not null) VectorFiles.Write(output, tuning.Vector(), terminal);
            if (bake is not null) tuning.WriteModel(bake);
            return options.Outputs;
        }
    }
}
