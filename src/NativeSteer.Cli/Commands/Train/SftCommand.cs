using System.CommandLine;
using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Running;
using NativeSteer.Training;

namespace NativeSteer.Cli.Commands.Train;

/// <summary><c>train sft</c></summary>
internal sealed class SftCommand : TrainingVerb
{
    private readonly ModelSetting _model = new();
    private readonly TrainSettings _train = new(new(TrainSettings.OfWeights, "3e-4; 5e-3 where neither all nor norms are trained", ["cosine", "constant"], 1));
    private readonly TextSetting _parts = new("PARTS", "all, norms, vectors, lora=RANK, token-rows=TOKEN,... or several, joined by commas (default: all)", "--train");
    private readonly TextSetting _layers = new("LIST", "Layers of the vectors or adapters, e.g. 10, 8-12 or 0,4,8-12 (default: all)", "--layers");
    private readonly ListSetting _newTokens = new("TOKEN", "Add a token to the vocabulary and train its rows; may be given several times", false, "--new-token");
    private readonly ChoiceSetting _compute = new("Number type of products with trained matrices", ["bf16", "f32"], "--compute");
    private readonly TextSetting _output = CommonSettings.Output("Where to write the trained model");
    private readonly ChoiceSetting _type =
        new("Number type of all its matrices; keep leaves frozen ones as they are", ["keep", "f32", "f16", "q8_0"], "--type");
    private readonly Flag _json = CommonSettings.Json();

    internal SftCommand() : base("train sft", "Fine-tune a model on texts: all weights, norms, vectors or token rows")
    {
        Details = DataForms + "\n" + """
            What is not trained stays frozen in the type it has, byte for byte. Trained vectors become biases of ffn_down, which
            llama.cpp reads for llama models alone.
            """;
        AddGroup("Model", _model, _parts, _layers, _newTokens);
        AddGroup("Data", _train.Data);
        AddGroup("Training", _train.Course);
        AddGroup("Computing", [_compute, .. _train.Computing]);
        AddGroup("Output", [_output, _type, .. _train.Keeping, _json]);
        AddExample("train sft -m model.gguf -f data.jsonl -o tuned.gguf --epochs 3", "fine-tune every weight");
        AddExample("train sft -m model.gguf -f backtracking.jsonl --new-token \"<backtrack>\" --train all -o tuned.gguf --eval-share 0.02",
            "with a token that the model did not know, and a loss on data it has not seen");
        AddExample("train sft -m model-q8_0.gguf -f data.jsonl --train norms,token-rows=wait -o tuned.gguf --log run.jsonl --resume",
            "few numbers of a quantised model; goes on after an interruption");
    }

    protected override int Execute(ParseResult parse, Terminal terminal, CancellationToken stop)
    {
        var (model, output) = (_model.Given(parse), _output.Require(parse));
        var parts = Parts(_parts.Get(parse) ?? "all");
        if (_layers.IsGiven(parse) && !parts.Vectors && parts.AdapterRank == 0) throw new UsageException("--layers needs --train vectors or lora; leave it away.");
        var options = _train.Get(parse, model, parts, output);
        var type = _type.Get(parse) switch { "f32" => ExportType.F32, "f16" => ExportType.F16, "q8_0" => ExportType.Q8_0, _ => ExportType.Keep };
        options = options with
        {
            Layers = _layers.Get(parse),
            NewTokens = _newTokens.Values(parse),
            Trainer = options.Trainer with { Compute = _compute.Get(parse) is "f32" ? ComputeType.F32 : ComputeType.BF16 },
            Bakes = true,
            Outputs = [output],
            Command = Path,
        };
        return Run(options, _train.KeepsCheckpoints(parse), Write, terminal, _json.IsGiven(parse), stop);

        IReadOnlyList<string> Write(FineTuning tuning)
        {
            tuning.WriteModel(output, type);
            return [output];
        }
    }

    private static TrainingParts Parts(string text)
    {
        try
        {
            return TrainingParts.Parse(text);
        }
        catch (NativeSteerException error)
        {
            throw new UsageException(error.Message);
        }
    }
}
