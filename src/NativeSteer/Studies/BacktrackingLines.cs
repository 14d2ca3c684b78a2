using NativeSteer.Analysis;
using NativeSteer.Extraction;
using NativeSteer.Files;

namespace NativeSteer.Studies;

/// <summary>Each kind of line of a run log as a record. Errors name the file, the line and the field.</summary>
internal static class BacktrackingLines
{
    internal static StudyProvenance Provenance(JsonLine line)
    {
        if (line.OptionalString("type") is not "provenance" || line.OptionalString("command") is not { } command)
            throw line.Error("this is no run log: its first line should be the provenance that 'nativesteer study backtracking' writes.");
        if (!command.Contains("backtracking", StringComparison.Ordinal))
            throw line.Error($"this is a log of 'nativesteer {FileErrors.Printable(command)}'; a report is drawn from the log of 'nativesteer study backtracking'.");
        var (models, settings) = (line.RequiredObject("models"), line.RequiredObject("settings"));
        return new StudyProvenance
        {
            Command = command,
            Arguments = line.RequiredStrings("arguments"),
            NativeSteer = line.OptionalString("nativesteer"),
            LlamaCpp = line.OptionalString("llama_cpp"),
            Started = line.OptionalString("started"),
            Reasoning = Model(models.RequiredObject("reasoning")),
            Base = models.OptionalObject("base") is { } plain ? Model(plain) : null,
            Settings = settings.Element,
            Words = new KeywordSet(settings.RequiredStrings("words")),
            Label = settings.RequiredString("label"),
            Layer = (int)settings.RequiredInteger("layer"),
            Offsets = RequiredOffsets(settings),
            Unit = settings.RequiredString("unit"),
            Prompts = (int)settings.RequiredInteger("prompts"),
            MaxTokens = (int)settings.RequiredInteger("max_tokens"),
            MostDivergence = settings.OptionalNumber("most_kl") ?? double.PositiveInfinity,
        };
    }

    /// <summary>Throws when two logs are not of one run; which shard it was, when and where it ran do not matter.</summary>
    internal static void RequireSame(StudyProvenance first, StudyProvenance other, string firstPath, JsonLine line)
    {
        Compare("the reasoning model", first.Reasoning.Hash, other.Reasoning.Hash);
        Compare("the base model", first.Base?.Hash, other.Base?.Hash);
        Compare("the version of NativeSteer", first.NativeSteer, other.NativeSteer);
        Compare("the version of llama.cpp", first.LlamaCpp, other.LlamaCpp);
        var (here, there) = (Settings(first), Settings(other));
        foreach (var name in here.Keys.Union(there.Keys, StringComparer.Ordinal).Where(name => name != "shard"))
            Compare($"the setting {FileErrors.Printable(name)}", here.GetValueOrDefault(name), there.GetValueOrDefault(name));

        void Compare(string what, string? inFirst, string? inOther)
        {
            if (string.Equals(inFirst, inOther, StringComparison.Ordinal)) return;
            var (shownFirst, shownOther) = (FileErrors.Printable(inFirst ?? "not given"), FileErrors.Printable(inOther ?? "not given"));
            throw line.Error($"{what} is {shownOther} here and {shownFirst} in {FileErrors.Shown(firstPath)}; give the shards of one run.");
        }

        static Dictionary<string, string> Settings(StudyProvenance run) =>
            run.Settings.EnumerateObject().ToDictionary(setting => setting.Name, setting => setting.Value.GetRawText(), StringComparer.Ordinal);
    }

    internal static StudyTraces Traces(JsonLine line)
    {
        var spans = line.RequiredObject("spans");
        return new StudyTraces(
            (int)line.RequiredInteger("count"),
            line.RequiredInteger("tokens"),
            line.RequiredString("judge"),
            spans.Element.EnumerateObject().ToDictionary(label => label.Name, label => (int)spans.RequiredInteger(label.Name), StringComparer.Ordinal),
            (int)(line.OptionalInteger("skipped") ?? 0),
            line.OptionalString("hash"),
            line.OptionalString("vector_hash"));
    }

    internal static StudyAgreement Agreement(JsonLine line) => new(
        line.RequiredString("judge"), line.RequiredString("against"), Number(line, "precision"), Number(line, "recall"), Number(line, "f1"),
        Number(line, "kappa"), (int)line.RequiredInteger("segments"));

    internal static StudyCell Cell(JsonLine line)
    {
        var vector = line.RequiredObject("vector");
        return new StudyCell
        {
            Key = line.RequiredString("key"),
            Figures = line.RequiredStrings("figures"),
            Condition = new StudyCondition(
                line.RequiredString("target"),
                new StudyVector(vector.RequiredString("kind"), vector.OptionalString("source"), vector.OptionalString("label"), Offsets(vector)),
                (int?)line.OptionalInteger("layer"),
                line.RequiredNumber("magnitude"),
                line.RequiredString("unit")),
            Scale = line.OptionalNumber("scale"),
            Seed = line.OptionalInteger("seed") ?? 0,
        };
    }

    internal static StudyRollout Rollout(JsonLine line) => new()
    {
        Cell = line.RequiredString("cell"),
        PromptId = line.RequiredString("prompt_id"),
        Half = line.RequiredString("half") switch
        {
            "choose" => StudyHalf.Choose,
            "report" => StudyHalf.Report,
            var other => throw line.Error($"\"half\" should be \"choose\" or \"report\", but is \"{FileErrors.Printable(other)}\"."),
        },
        Prompt = line.RequiredString("prompt"),
        Text = line.RequiredString("text"),
        Tokens = line.OptionalIntegers("tokens")?.Length ?? 0,
        Words = (int)line.RequiredInteger("words"),
        Hits = (int)line.RequiredInteger("hits"),
        Class = line.RequiredString("class") switch
        {
            "ok" => CompletionClass.Ok,
            "empty" => CompletionClass.Empty,
            "truncated" => CompletionClass.Truncated,
            "degenerate" => CompletionClass.Degenerate,
            var other => throw line.Error($"\"class\" should be ok, empty, truncated or degenerate, but is \"{FileErrors.Printable(other)}\"."),
        },
        Divergence = line.OptionalNumber("kl"),
        Perplexity = line.OptionalNumber("perplexity"),
    };

    internal static StudyCosine Cosine(JsonLine line) => new(
        line.RequiredString("label"), (int)line.RequiredInteger("layer"), RequiredOffsets(line), Number(line, "value"),
        line.OptionalNumber("base_norm"), line.OptionalNumber("reasoning_norm"));

    internal static StudyLens Lens(JsonLine line) => new(
        line.RequiredString("source"), line.RequiredString("unembedding"), (int)line.RequiredInteger("layer"), Number(line, "score"),
        Tokens(line, "top_dot"), Tokens(line, "top_cosine"));

    internal static StudyProjection Projection(JsonLine line)
    {
        var (tokens, values) = (line.RequiredStrings("tokens"), line.RequiredNumbers("values"));
        if (tokens.Count != values.Count) throw line.Error($"the projection has {tokens.Count} tokens and {values.Count} values; make the log again.");
        var spans = line.RequiredObjects("spans")
            .Select(span => new StudySpan(span.RequiredString("label"), (int)span.RequiredInteger("from"), (int)span.RequiredInteger("to")));
        return new StudyProjection(line.RequiredString("trace"), line.RequiredString("source"), (int)line.RequiredInteger("layer"), tokens, values, [.. spans]);
    }

    internal static StudyModel Model(JsonLine model) => new(
        model.RequiredString("path"), model.OptionalString("hash"), model.OptionalString("architecture"),
        (int)model.RequiredInteger("layers"), (int)model.RequiredInteger("width"));

    private static List<StudyToken> Tokens(JsonLine line, string field) =>
        [.. line.RequiredObjects(field).Select(token => new StudyToken((int)token.RequiredInteger("token"), token.RequiredString("text"), Number(token, "value")))];

    // A number that could not be computed is null in JSON.
    private static double Number(JsonLine line, string field) => line.OptionalNumber(field) ?? double.NaN;

    internal static OffsetRange RequiredOffsets(JsonLine line) => Offsets(line) ?? throw line.Error("the field \"offsets\" is missing; it should be two whole numbers.");

    private static OffsetRange? Offsets(JsonLine line) => line.OptionalIntegers("offsets") switch
    {
        null => null,
        [var first, var last] => OffsetRange.Window(first, last),
        _ => throw line.Error("\"offsets\" should be two whole numbers, the first and the last offset."),
    };
}
