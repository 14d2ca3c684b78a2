using System.Numerics.Tensors;
using System.Text;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Vectors;

namespace NativeSteer.Analysis;

/// <summary>How a lens looks.</summary>
public sealed record LensOptions
{
    /// <summary>The words of the score.</summary>
    public KeywordSet Keywords { get; init; } = KeywordSet.Default;

    /// <summary>Tokens to name at each layer.</summary>
    public int Top { get; init; } = 10;

    /// <summary>Take directions at length 1, so that layers and vectors compare.</summary>
    public bool UnitLength { get; init; } = true;

    /// <summary>Also give the mean cosine of each <see cref="TokenGroup"/>.</summary>
    public bool Groups { get; init; }

    /// <summary>Multiply directions with the final norm's weights first, as the residual stream is before W_U sees it.</summary>
    public bool ApplyNorm { get; init; }

    /// <summary>CPU threads; 0 means one per core.</summary>
    public int Threads { get; init; }

    internal int ThreadCount => Threads > 0 ? Threads : Environment.ProcessorCount;
}

/// <summary>What a direction means to the vocabulary.</summary>
/// <param name="Layer">The layer of the direction, 0-based.</param>
/// <param name="Score">
/// The mean of W_U v over the tokens whose text holds one of the words: s(v) of Ward et al. 2025, eq. (2). NaN where no token does.
/// </param>
/// <param name="TopDot">The tokens with the largest W_U v.</param>
/// <param name="TopCosine">The tokens with the largest cosine of v and their row of W_U.</param>
public sealed record LensLayer(int Layer, double Score, IReadOnlyList<LensToken> TopDot, IReadOnlyList<LensToken> TopCosine)
{
    /// <summary>The mean cosine of each group's tokens, where asked for; groups without tokens are not there.</summary>
    public IReadOnlyDictionary<string, double> Groups { get; init; } = new Dictionary<string, double>();
}

/// <summary>
/// The logit lens on vectors: which tokens a direction in the residual stream speaks for, through a model's unembedding. Any model
/// of the vector's width can lend it, in any quantisation; it is read from the file part by part, so a model loaded for its
/// vocabulary alone will do.
/// </summary>
/// <remarks>Scalings of the logits that some architectures have after W_U are left away.</remarks>
public sealed class LogitLens : IDisposable
{
    private readonly LanguageModel _model;
    private readonly LensOptions _options;
    private readonly Unembedding _unembedding;
    private readonly float[]? _norm;
    private readonly int[] _wordTokens;
    private readonly string?[] _groups;

    /// <summary>Opens a model's unembedding and looks its vocabulary through for the words.</summary>
    /// <exception cref="NativeSteerException">The model has no unembedding, or with <see cref="LensOptions.ApplyNorm"/> no final norm.</exception>
    public LogitLens(LanguageModel model, LensOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _options = options ?? new LensOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(_options.Top, nameof(options));
        _unembedding = Unembedding.Open(model.Path);
        try
        {
            _norm = _options.ApplyNorm ? _unembedding.Norm().Weight : null;
            _unembedding.RequireVocabulary(model);
            _wordTokens = [.. Enumerable.Range(0, model.Vocabulary.Size).Where(token => _options.Keywords.IsPartOf(TextOf(model.Vocabulary, token)))];
            _groups = [.. Enumerable.Range(0, model.Vocabulary.Size).Select(token => _options.Groups ? TokenGroup.Of(TextOf(model.Vocabulary, token)) : null)];
        }
        catch
        {
            _unembedding.Dispose();
            throw;
        }
    }

    /// <summary>The tokens whose text holds one of the words, whatever its case: the ones of a in eq. (2).</summary>
    public IReadOnlyList<int> WordTokens => _wordTokens;

    /// <summary>Looks at the vector's directions, all in one pass over W_U.</summary>
    /// <returns>A record for each layer, ascending.</returns>
    /// <exception cref="NativeSteerException">The vector is of another width.</exception>
    public IReadOnlyList<LensLayer> Look(SteeringVector vector, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(vector);
        if (vector.Shape.Width != _unembedding.Width)
        {
            throw new NativeSteerException(
                $"The vector was made for {vector.Shape}, the unembedding of {_model.Path} has width {_unembedding.Width}; give the vector's model with -m.");
        }
        var layers = vector.Layers;
        var directions = layers.Select(layer => Direction(vector, layer)).ToList();
        var dots = layers.Select(_ => new TopTokens(_options.Top)).ToList();
        var cosines = layers.Select(_ => new TopTokens(_options.Top)).ToList();
        var sums = new double[layers.Count];
        var groups = layers.Select(_ => new Dictionary<string, (double Sum, int Tokens)>(StringComparer.Ordinal)).ToList();
        _unembedding.Multiply(directions, _options.ThreadCount, Take, cancellation);
        return [.. layers.Select((layer, i) => new LensLayer(
            layer, _wordTokens.Length == 0 ? double.NaN : sums[i] / _wordTokens.Length, Named(dots[i]), Named(cosines[i]))
        {
            Groups = groups[i].ToDictionary(group => group.Key, group => group.Value.Sum / group.Value.Tokens, StringComparer.Ordinal),
        })];

        void Take(int first, ReadOnlySpan<float> products, ReadOnlySpan<float> lengths)
        {
            var count = lengths.Length;
            var from = FirstFrom(first);
            for (var i = 0; i < directions.Count; i++)
            {
                var part = products.Slice(i * count, count);
                for (var w = from; w < _wordTokens.Length && _wordTokens[w] < first + count; w++) sums[i] += part[_wordTokens[w] - first];
                var length = TensorPrimitives.Norm<float>(directions[i]);
                for (var token = 0; token < count; token++)
                {
                    dots[i].Add(first + token, part[token]);
                    var cosine = part[token] / (length * lengths[token]);
                    cosines[i].Add(first + token, cosine);
                    if (_groups[first + token] is not { } group || !float.IsFinite(cosine)) continue;
                    var (sum, tokens) = groups[i].GetValueOrDefault(group);
                    groups[i][group] = (sum + cosine, tokens + 1);
                }
            }
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _unembedding.Dispose();

    /// <summary>What a token spells, special tokens included; bytes that are no text appear as U+FFFD.</summary>
    public static string TextOf(Vocabulary vocabulary, int token) => Encoding.UTF8.GetString(vocabulary.Piece(token, special: true));

    private float[] Direction(SteeringVector vector, int layer)
    {
        var direction = vector.Direction(layer).ToArray();
        var norm = vector.Norm(layer);
        if (_options.UnitLength && norm > 0)
        {
            for (var i = 0; i < direction.Length; i++) direction[i] = (float)(direction[i] / norm);
        }
        if (_norm is not null) TensorPrimitives.Multiply(direction, _norm, direction);
        return direction;
    }

    private int FirstFrom(int token)
    {
        var index = Array.BinarySearch(_wordTokens, token);
        return index < 0 ? ~index : index;
    }

    private List<LensToken> Named(TopTokens tokens) =>
        [.. tokens.Best.Select(best => new LensToken(best.Token, TextOf(_model.Vocabulary, best.Token), best.Value))];
}
