using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeSteer.Files;

namespace NativeSteer.Tests.Reports;

/// <summary>
/// Run logs of the backtracking study with made-up completions: seeded, of every kind of line and cell, with the texts that make
/// a report stumble (markup, script ends, nothing at all, the same word over and over).
/// </summary>
internal sealed class SyntheticStudy(ulong seed = 1)
{
    private static readonly string[] s_plain = ["so", "35 + 4 = 39", "39 is too far.", "then", "take 8 * 5 = 40", "the target is near", "We need 24.", "Let me see.", "Goal"];
    private static readonly string[] s_keywords = ["Wait, try another way.", "Hmm, not that way.", "no, wait", "(hmm)", "WAIT!"];

    private StableRandom _random = new(seed);

    internal int Layers { get; init; } = 4;

    internal int Prompts { get; init; } = 12;

    internal double[] Magnitudes { get; init; } = [0.5, 1, 1.5, 2, 3];

    internal int[][] Windows { get; init; } = [[-20, -15], [-13, -8], [-10, -5], [-5, -1], [0, 4]];

    internal int[] Seeds { get; init; } = [1, 2];

    /// <summary>Put into every third completion and into prompts and tokens.</summary>
    internal string Nasty { get; init; } = "";

    internal (int Index, int Count)? Shard { get; init; }

    /// <summary>The lines of a run, in the study's order.</summary>
    internal List<string> Lines()
    {
        _random = new StableRandom(seed); // the same lines each time
        var lines = new List<JsonObject> { Provenance(), Traces(), Agreement() };
        var cells = Cells();
        lines.AddRange(cells.Select(cell => cell.Line));
        lines.AddRange(Cosines());
        lines.AddRange(Lenses());
        lines.Add(Projection("trace-1"));
        lines.AddRange(cells.SelectMany((cell, i) => Shard is { } shard && i % shard.Count != shard.Index ? [] : Rollouts(cell)));
        return lines.ConvertAll(line => line.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
    }

    internal string Text() => string.Concat(Lines().Select(line => line + "\n"));

    private JsonObject Provenance() => new()
    {
        ["type"] = "provenance",
        ["command"] = "study backtracking",
        ["arguments"] = Texts("-m", "countdown-reasoning", "--base", "countdown-base", "-o", "my study"),
        ["nativesteer"] = "0.1.0",
        ["llama_cpp"] = "v0.5.0",
        ["started"] = Shard is { Index: var index } ? $"2026-01-0{index + 1}T00:00:00Z" : "2026-01-01T00:00:00Z",
        ["models"] = new JsonObject { ["reasoning"] = Model("countdown-reasoning", "11aa"), ["base"] = Model("countdown-base", "22bb") },
        ["settings"] = new JsonObject
        {
            ["words"] = Texts("wait", "hmm"), ["label"] = "backtracking", ["layer"] = 2, ["offsets"] = Numbers(-13, -8), ["unit"] = "rel",
            ["magnitudes"] = new JsonArray([.. Magnitudes.Select(m => (JsonNode)m)]), ["max_tokens"] = 96, ["temperature"] = 0.7, ["seeds"] = Numbers(Seeds), ["prompts"] = Prompts,
            ["shard"] = Shard is { } shard ? Numbers(shard.Index, shard.Count) : null, ["at"] = "all",
        },
    };

    private JsonObject Model(string name, string hash) => new()
    {
        ["path"] = $"{name}.gguf", ["hash"] = hash, ["architecture"] = "llama", ["layers"] = Layers, ["width"] = 256,
    };

    private static JsonObject Traces() => new()
    {
        ["type"] = "traces", ["count"] = 400, ["tokens"] = 41230, ["judge"] = "countdown", ["skipped"] = 3, ["hash"] = "t1", ["vector_hash"] = "v1",
        ["spans"] = new JsonObject { ["backtracking"] = 512, ["deduction"] = 1804, ["initializing"] = 400, ["example-testing"] = 1100 },
    };

    private static JsonObject Agreement() => new()
    {
        ["type"] = "agreement", ["judge"] = "keyword", ["against"] = "countdown", ["precision"] = 0.91, ["recall"] = 0.88, ["f1"] = 0.895, ["kappa"] = 0.87, ["segments"] = 4120,
    };

    private List<Cell> Cells()
    {
        var cells = new Dictionary<string, Cell>(StringComparer.Ordinal);
        foreach (var run in Seeds)
        {
            Add("reasoning", "none", null, null, null, null, 0, run, "offsets", "layers", "pairs", "baselines");
            Add("base", "none", null, null, null, null, 0, run, "pairs");
            foreach (var magnitude in Magnitudes)
            {
                foreach (var window in Windows) Add("reasoning", "difference-of-means", "reasoning", "backtracking", window, 2, magnitude, run, "offsets");
                for (var layer = 0; layer < Layers; layer++)
                {
                    foreach (var source in (string[])["reasoning", "base"])
                        Add("reasoning", "difference-of-means", source, "backtracking", [-13, -8], layer, magnitude, run, "layers");
                    Add("reasoning", "noise", null, null, null, layer, magnitude, run, "layers");
                }
                foreach (var target in (string[])["reasoning", "base"])
                {
                    foreach (var source in (string[])["reasoning", "base"])
                        Add(target, "difference-of-means", source, "backtracking", [-13, -8], 2, magnitude, run, target == "base" || source == "base" ? ["pairs"] : ["pairs", "baselines"]);
                }
                Add("reasoning", "mean", "reasoning", null, [-13, -8], 2, magnitude, run, "baselines");
                Add("reasoning", "noise", null, null, null, 2, magnitude, run, "baselines");
                Add("reasoning", "self", null, null, null, 2, magnitude, run, "baselines");
                Add("reasoning", "shuffled", "reasoning", "backtracking", [-13, -8], 2, magnitude, run, "baselines");
                foreach (var label in (string[])["deduction", "initializing"])
                    Add("reasoning", "difference-of-means", "reasoning", label, [-13, -8], 2, magnitude, run, "baselines");
            }
        }
        return [.. cells.Values];

        void Add(string target, string kind, string? source, string? label, int[]? window, int? layer, double magnitude, int run, params string[] figures)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"{target}/{kind}/{source}/{label}/{(window is null ? "" : string.Join(':', window))}/{layer}/{magnitude}/{run}");
            if (!cells.TryGetValue(key, out var cell))
            {
                cells.Add(key, cell = new Cell(key, target, kind, source, label, window, layer, magnitude, run));
            }
            foreach (var figure in figures.Except(cell.Figures)) cell.Figures.Add(figure);
        }
    }

    // The expected share of keywords: a bump over layer and window that grows with the magnitude, and repeating text beyond.
    private static double Strength(Cell cell)
    {
        if (cell.Target == "base" || cell.Kind == "none") return cell.Target == "base" ? 0 : 0.04;
        var layer = Math.Exp(-Math.Pow((cell.Layer ?? 0) - 2, 2) / 2.0);
        var window = cell.Window is null ? 0.5 : Math.Exp(-Math.Pow((cell.Window[0] + 13) / 7.0, 2));
        var kind = cell.Kind switch
        {
            "difference-of-means" when cell.Label == "backtracking" => cell.Source == "reasoning" ? 0.22 : 0.12,
            "noise" => 0.01,
            "difference-of-means" => -0.03,
            _ => 0.005,
        };
        return Math.Clamp(0.04 + kind * layer * window * cell.Magnitude, 0, 0.6);
    }

    private IEnumerable<JsonObject> Rollouts(Cell cell)
    {
        var random = new StableRandom(seed, (ulong)BitConverter.ToUInt32(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(cell.Key))));
        for (var prompt = 0; prompt < Prompts; prompt++)
        {
            var text = Completion(cell, random);
            var (words, hits) = Count(text);
            var kind = words == 0 ? "empty" : cell.Magnitude >= 3 && random.Chance(0.7) ? "degenerate" : random.Chance(0.2) ? "truncated" : "ok";
            yield return new JsonObject
            {
                ["type"] = "rollout", ["cell"] = cell.Key, ["prompt_id"] = $"p{prompt:00}", ["half"] = prompt % 2 == 0 ? "choose" : "report",
                ["prompt"] = $"numbers [3, {prompt}, 8]->target 24{Nasty}\n", ["text"] = text, ["tokens"] = Numbers([.. Enumerable.Range(0, words * 2)]),
                ["finish"] = kind is "truncated" or "degenerate" ? "length" : "end", ["words"] = words, ["hits"] = hits, ["class"] = kind,
                ["kl"] = words == 0 ? null : cell.Kind == "none" ? 0 : Math.Pow(cell.Magnitude, 2) * (0.2 + 0.1 * random.NextShare()) * (cell.Kind == "noise" ? 0.6 : 1),
                ["perplexity"] = words == 0 ? null : 1.5 + cell.Magnitude * (1 + random.NextShare()),
            };
        }
    }

    private string Completion(Cell cell, StableRandom random)
    {
        if (cell.Target == "base" && random.Chance(0.15)) return " \n";
        if (cell.Magnitude >= 3 && random.Chance(0.5)) return string.Concat(Enumerable.Repeat("Wait, no. ", 20));
        var text = new StringBuilder();
        var strength = Strength(cell);
        for (var i = 0; i < 18; i++)
        {
            text.Append(random.Chance(strength) ? random.Pick(s_keywords) : random.Pick(s_plain)).Append(random.Chance(0.4) ? "\n" : " ");
        }
        if (random.Chance(0.33)) text.Append(Nasty);
        return text.ToString();
    }

    // The tests' own way of counting, for the log's own numbers.
    internal static (int Words, int Hits) Count(string text)
    {
        var words = System.Text.RegularExpressions.Regex.Split(text, @"\s+").Select(word => word.Trim([.. word.Where(c => !char.IsLetterOrDigit(c))])).Where(word => word.Length > 0).ToList();
        return (words.Count, words.Count(word => word.ToLowerInvariant() is "wait" or "hmm"));
    }

    private IEnumerable<JsonObject> Cosines()
    {
        for (var layer = 0; layer < Layers; layer++)
        {
            for (var offset = -20; offset <= 4; offset += 2)
            {
                yield return new JsonObject
                {
                    ["type"] = "cosine", ["label"] = "backtracking", ["layer"] = layer, ["offsets"] = Numbers(offset, offset),
                    ["value"] = Math.Clamp(0.25 + 0.15 * layer + 0.02 * offset + 0.1 * _random.NextNormal(), -1, 1), ["base_norm"] = 1.1 + layer, ["reasoning_norm"] = 1.5 + layer,
                };
            }
        }
    }

    private IEnumerable<JsonObject> Lenses()
    {
        foreach (var source in (string[])["reasoning", "base"])
        {
            foreach (var unembedding in (string[])["reasoning", "base"])
            {
                for (var layer = 0; layer < Layers; layer++)
                {
                    yield return new JsonObject
                    {
                        ["type"] = "lens", ["source"] = source, ["unembedding"] = unembedding, ["layer"] = layer,
                        ["score"] = (source == "reasoning" ? 0.1 : 0.02) * layer * (unembedding == "base" ? 0.6 : 1) + 0.02 * _random.NextNormal(),
                        ["top_dot"] = Tokens(" Wait", "\n", "hmm", " is", "No", " far", ".", " try" + Nasty, "39"),
                        ["top_cosine"] = Tokens("Hmm", " not", "Wait", " way", ",", " let", "me", " again", "</s>"),
                    };
                }
            }
        }
    }

    private JsonArray Tokens(params string[] texts) =>
        new([.. texts.Select((text, i) => (JsonNode)new JsonObject { ["token"] = i, ["text"] = text, ["value"] = 3.0 / (i + 1) })]);

    private JsonObject Projection(string name)
    {
        var tokens = new List<string>();
        var (from, to) = (0, 0);
        for (var i = 0; i < 14; i++)
        {
            if (i == 7) from = tokens.Count;
            foreach (var piece in (i == 7 ? "Wait, try another way." : s_plain[i % s_plain.Length]).Split(' ')) tokens.Add((i + tokens.Count == 0 ? "" : " ") + piece);
            if (i == 7) to = tokens.Count;
            tokens.Add(i % 2 == 0 ? "\n" : "." + Nasty);
        }
        return new JsonObject
        {
            ["type"] = "projection", ["trace"] = name, ["source"] = "reasoning", ["layer"] = 2, ["tokens"] = Texts([.. tokens]),
            ["values"] = new JsonArray([.. tokens.Select((_, i) => (JsonNode)(3 * Math.Exp(-Math.Pow((i - from + 6) / 6.0, 2)) - 0.6 + 0.4 * _random.NextNormal()))]),
            ["spans"] = new JsonArray(new JsonObject { ["label"] = "initializing", ["from"] = 0, ["to"] = 4 }, new JsonObject { ["label"] = "backtracking", ["from"] = from, ["to"] = to }),
        };
    }

    private static JsonArray Texts(params string[] texts) => new([.. texts.Select(text => (JsonNode)text)]);

    private static JsonArray Numbers(params int[] numbers) => new([.. numbers.Select(number => (JsonNode)number)]);

    private sealed record Cell(string Key, string Target, string Kind, string? Source, string? Label, int[]? Window, int? Layer, double Magnitude, int Run)
    {
        internal List<string> Figures { get; } = [];

        internal JsonObject Line => new()
        {
            ["type"] = "cell", ["key"] = Key, ["figures"] = Texts([.. Figures]), ["target"] = Target,
            ["vector"] = new JsonObject { ["kind"] = Kind, ["source"] = Source, ["label"] = Label, ["offsets"] = Window is null ? null : Numbers(Window) },
            ["layer"] = Layer, ["magnitude"] = Magnitude, ["unit"] = "rel", ["scale"] = Magnitude * 7.5, ["seed"] = Run,
        };
    }
}
