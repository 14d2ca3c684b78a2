using System.Text;
using NativeSteer.Engine;

namespace NativeSteer.Search;

/// <summary>A token on the way from a prompt to the end of a sample, linked to the one before it: forks share their beginnings.</summary>
internal sealed record PathNode(int Token, byte[] Piece, double LogProbability, PathNode? Before)
{
    internal int Count { get; } = (Before?.Count ?? 0) + 1;

    /// <summary>The nodes from the first on.</summary>
    internal static List<PathNode> Chain(PathNode? last)
    {
        var chain = new List<PathNode>(last?.Count ?? 0);
        for (var node = last; node is not null; node = node.Before) chain.Add(node);
        chain.Reverse();
        return chain;
    }

    /// <summary>The end of the text: at least so many bytes of it, where it has them.</summary>
    internal string Tail(int bytes)
    {
        var pieces = new List<byte[]>();
        var length = 0;
        for (var node = this; node is not null && length < bytes; node = node.Before)
        {
            pieces.Add(node.Piece);
            length += node.Piece.Length;
        }
        pieces.Reverse();
        return Encoding.UTF8.GetString([.. pieces.SelectMany(piece => piece)]);
    }

    /// <summary>Text and tokens of the whole way.</summary>
    internal static (string Text, IReadOnlyList<SearchToken> Tokens) Read(PathNode? last)
    {
        var decoder = Encoding.UTF8.GetDecoder();
        var text = new StringBuilder();
        var tokens = new List<SearchToken>(last?.Count ?? 0);
        var characters = new char[64];
        foreach (var node in Chain(last))
        {
            if (characters.Length < node.Piece.Length + 4) characters = new char[node.Piece.Length + 4];
            var count = decoder.GetChars(node.Piece, 0, node.Piece.Length, characters, 0, flush: false);
            text.Append(characters, 0, count);
            tokens.Add(new SearchToken(node.Token, text.Length, node.LogProbability));
        }
        return (text.ToString(), tokens);
    }
}

/// <summary>Some samples of an expansion that have been equal so far: one sequence of the cache, one row of a batch.</summary>
/// <param name="place">What was taken of the cache for it and its forks.</param>
/// <param name="samples">Indices of the samples.</param>
/// <param name="sequence">The sequence.</param>
/// <param name="path">The last token so far.</param>
internal sealed class SampleBranch(SamplePlace place, List<int> samples, int sequence, PathNode? path)
{
    internal SamplePlace Place => place;

    internal SampleJob Job => place.Job;

    internal List<int> Samples { get; } = samples;

    internal int Sequence => sequence;

    internal PathNode? Path { get; set; } = path;

    /// <summary>Tokens that the cache has of this sequence.</summary>
    internal int Held { get; set; }

    /// <summary>Tokens to decode before the next one can be drawn, the last of them for its logits.</summary>
    internal List<int> Pending { get; } = [];
}

/// <summary>An expansion under way.</summary>
internal sealed class SampleJob(Expansion expansion, Sampler[] samplers) : IDisposable
{
    private readonly SearchSample?[] _samples = new SearchSample?[expansion.Samples];
    private int _missing = expansion.Samples;

    internal Expansion Expansion => expansion;

    /// <summary>Samples that have a place in the cache, or had one.</summary>
    internal int Started { get; set; }

    internal Sampler this[int sample] => samplers[sample];

    /// <summary>Takes a finished text for all samples that share it; true with the last one.</summary>
    internal bool Finish(List<int> samples, SearchSample sample)
    {
        foreach (var index in samples) _samples[index] = sample;
        _missing -= samples.Count;
        return _missing == 0;
    }

    internal IReadOnlyList<SearchSample> Samples => _samples!;

    public void Dispose()
    {
        foreach (var sampler in samplers) sampler.Dispose();
    }
}

/// <summary>What samples of an expansion that began together take of the cache.</summary>
/// <param name="job">The expansion.</param>
/// <param name="samples">How many.</param>
internal sealed class SamplePlace(SampleJob job, int samples)
{
    internal SampleJob Job => job;

    /// <summary>Tokens of prompt and state.</summary>
    internal int Prefix { get; } = job.Expansion.Prompt.Count + job.Expansion.State.Tokens.Count;

    /// <summary>Cells that a sample may fill, one more than it can have tokens: llama.cpp wants room for the next.</summary>
    internal int Each { get; } = EachOf(job);

    /// <summary>Samples that have not ended.</summary>
    internal int Running { get; set; } = samples;

    internal static int EachOf(SampleJob job) => job.Expansion.MaxTokens - job.Expansion.State.Tokens.Count + 1;
}
