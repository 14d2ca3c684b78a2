using System.Globalization;
using NativeSteer.Hooks;
using NativeSteer.Vectors;

namespace NativeSteer.Training;

/// <summary>
/// What is to be trained, as people write it: <c>all</c>, <c>norms</c>, <c>vectors</c>, <c>lora=RANK</c>, <c>token-rows=&lt;backtrack&gt;,...</c>,
/// joined by commas. A model turns it into <see cref="TrainableParts"/>.
/// </summary>
/// <param name="All">Every weight.</param>
/// <param name="Norms">The norms' weights.</param>
/// <param name="Vectors">A vector after each layer.</param>
/// <param name="TokenRows">Spellings of tokens whose rows are trained.</param>
public sealed record TrainingParts(bool All, bool Norms, bool Vectors, IReadOnlyList<string> TokenRows)
{
    /// <summary>The rank of adapters on <c>ffn_down</c>, or 0.</summary>
    public int AdapterRank { get; init; }

    private const string Adapter = "lora=";

    /// <summary>Reads what people write.</summary>
    /// <exception cref="NativeSteerException">A word means nothing.</exception>
    public static TrainingParts Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        const string rows = "token-rows=";
        var (all, norms, vectors, rank, tokens, inRows) = (false, false, false, 0, new List<string>(), false);
        foreach (var part in text.Split(','))
        {
            switch (part)
            {
                case "all": all = true; break;
                case "norms": norms = true; break;
                case "vectors": vectors = true; break;
                case var _ when part.StartsWith(Adapter, StringComparison.Ordinal)
                    && int.TryParse(part.AsSpan(Adapter.Length), NumberStyles.None, CultureInfo.InvariantCulture, out rank) && rank is >= 1 and <= 1024: break;
                case var _ when part.StartsWith(rows, StringComparison.Ordinal) && part.Length > rows.Length:
                    tokens.Add(part[rows.Length..]);
                    inRows = true;
                    break;
                case var _ when inRows && part.Length > 0: tokens.Add(part); break;
                default:
                    throw new NativeSteerException(
                        $"--train is '{text}'; give all, norms, vectors, lora=RANK, token-rows=TOKEN,... or several of them joined by commas.");
            }
        }
        return new(all, norms, vectors, tokens) { AdapterRank = rank };
    }

    /// <summary>The parts of a model. New tokens' rows are always among them.</summary>
    /// <param name="model">The model's shape.</param>
    /// <param name="tokenizer">Knows the tokens, new ones too.</param>
    /// <param name="layers">The layers of vectors as people write them; null for all.</param>
    /// <exception cref="NativeSteerException">The vocabulary lacks a token, or the model a layer.</exception>
    public TrainableParts Resolve(ModelShape model, TrainingTokenizer tokenizer, string? layers)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokenizer);
        var first = tokenizer.Size - tokenizer.NewTokens.Count;
        var rows = new SortedSet<int>(Enumerable.Range(first, tokenizer.NewTokens.Count));
        foreach (var spelling in TokenRows)
        {
            var id = tokenizer.Find(spelling);
            if (id < 0)
                throw new NativeSteerException(
                    $"The vocabulary has no token '{spelling}' whose rows could be trained; add it with --new-token '{spelling}'.");
            if (!All) rows.Add(id); // with all weights they are among them
        }
        return new TrainableParts
        {
            AllWeights = All,
            Norms = Norms && !All,
            VectorLayers = Vectors ? LayerList.Parse(layers ?? "all", model.Layers) : [],
            AdapterRank = AdapterRank,
            AdapterLayers = AdapterRank > 0 ? LayerList.Parse(layers ?? "all", model.Layers) : [],
            TokenRows = [.. rows],
        };
    }

    /// <summary>The parts as people write them.</summary>
    public override string ToString()
    {
        var words = new List<string>();
        if (All) words.Add("all");
        if (Norms) words.Add("norms");
        if (Vectors) words.Add("vectors");
        if (AdapterRank > 0) words.Add(string.Create(CultureInfo.InvariantCulture, $"{Adapter}{AdapterRank}"));
        if (TokenRows.Count > 0) words.Add("token-rows=" + string.Join(',', TokenRows));
        return string.Join(',', words);
    }
}
