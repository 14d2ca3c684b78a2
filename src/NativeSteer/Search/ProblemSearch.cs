namespace NativeSteer.Search;

/// <summary>
/// The search on one problem, as steps that wait for samples: self-backtracking of Yang et al. 2025, algorithm 1. A round samples
/// each of its states; texts that take their last step back give the next round's states, each once and never again.
/// </summary>
internal sealed class ProblemSearch
{
    private readonly int _problem;
    private readonly IReadOnlyList<int> _prompt;
    private readonly SearchFormat _format;
    private readonly SearchOptions _options;
    private readonly HashSet<string> _visited = new(StringComparer.Ordinal) { "" };
    private readonly CandidatePool _pool;
    private readonly List<SearchRound> _rounds = [];
    private readonly List<SearchNode> _nodes = [];
    private List<Expansion> _asked = [];
    private IReadOnlyList<SearchSample>?[] _answers = [];
    private int _next, _missing, _samples;
    private long _tokens;

    internal ProblemSearch(int problem, IReadOnlyList<int> prompt, SearchFormat format, SearchOptions options)
    {
        (_problem, _prompt, _format, _options) = (problem, prompt, format, options);
        _pool = new CandidatePool(options.Choice);
        Ask([SearchState.Root]);
    }

    /// <summary>Whether nothing is asked for any more.</summary>
    internal bool IsDone => _missing == 0;

    /// <summary>The next expansion that has not been handed out, or null.</summary>
    internal Expansion? Next() => _next < _asked.Count ? _asked[_next++] : null;

    /// <summary>Takes the samples of an expansion; begins the next round with the last one of a round.</summary>
    internal void Accept(Expansion expansion, IReadOnlyList<SearchSample> samples)
    {
        _answers[_asked.IndexOf(expansion)] = samples;
        if (--_missing == 0) EndRound();
    }

    /// <summary>What was found, by the rounds that are complete.</summary>
    internal SearchResult Result() => new(_problem, _rounds, _nodes);

    private void EndRound()
    {
        var next = new List<SearchState>();
        for (var i = 0; i < _asked.Count; i++)
        {
            var (state, samples) = (_asked[i].State, _answers[i]!);
            _nodes.Add(Node(state, samples));
            foreach (var sample in samples)
            {
                _samples++;
                _tokens += sample.Tokens.Count - state.Tokens.Count;
                var isBack = _format.IsTakenBack(sample.Text);
                if (_options.AcceptAll || (_format.IsClaimed(sample.Text) && !isBack)) _pool.Add(sample);
                if (!isBack || next.Count == _options.FrontierSize) continue;
                var back = sample.Back(_format, state);
                if (_visited.Add(back.Text)) next.Add(back);
            }
        }
        var candidates = _pool.Best();
        var otherwise = _answers[0] is [var first, ..] ? first.Text : ""; // as in the published code
        var answer = candidates is [var best, ..] ? best.Text : otherwise;
        _rounds.Add(new SearchRound(answer, _format.IsClaimed(answer), candidates, _samples, _tokens));
        if (_rounds.Count <= _options.Backtracks) Ask(next);
    }

    private void Ask(List<SearchState> states)
    {
        _asked = [];
        _next = 0;
        var left = _options.TokenBudget is { } budget ? (budget - _tokens) / _options.MaxTokens : long.MaxValue;
        for (var i = 0; i < states.Count && left > 0; i++)
        {
            var samples = (int)Math.Min(_options.Samples, left);
            left -= samples;
            _asked.Add(new Expansion(_problem, _prompt, states[i], samples, _options.MaxTokens, _options.SeedOf(_problem, _rounds.Count, i)));
        }
        _answers = new IReadOnlyList<SearchSample>?[_asked.Count];
        _missing = _asked.Count;
    }

    private SearchNode Node(SearchState state, IReadOnlyList<SearchSample> samples) => new(state,
        [.. samples.GroupBy(sample => sample.Text, StringComparer.Ordinal)
            .Select(same => new SearchLeaf(same.Key, same.Count(), same.First().Score, Kind(same.First()))).OrderByDescending(leaf => leaf.Count)]);

    private SearchLeafKind Kind(SearchSample sample) =>
        _format.IsTakenBack(sample.Text) ? SearchLeafKind.TakenBack
        : _format.IsClaimed(sample.Text) ? SearchLeafKind.Claimed
        : sample.IsCut ? SearchLeafKind.Cut : SearchLeafKind.Ended;
}

/// <summary>The answers that can be chosen, equal texts put together.</summary>
internal sealed class CandidatePool(AnswerChoice choice)
{
    private readonly Dictionary<string, (int Count, double First, double Best, double Sum, int Order)> _found = new(StringComparer.Ordinal);

    internal void Add(SearchSample sample)
    {
        var score = sample.Score;
        _found[sample.Text] = _found.TryGetValue(sample.Text, out var known)
            ? (known.Count + 1, known.First, Math.Max(known.Best, score), known.Sum + score, known.Order)
            : (1, score, score, score, _found.Count);
    }

    /// <summary>All, the best first; of equals, the one found first.</summary>
    internal IReadOnlyList<SearchCandidate> Best() =>
    [
        .. _found.Select(found => (found.Value.Order, Candidate: new SearchCandidate(found.Key, found.Value.Count, choice switch
            {
                AnswerChoice.SummedScore => found.Value.Sum,
                AnswerChoice.Majority => found.Value.Count,
                _ => found.Value.Best,
            }, found.Value.First)))
            .OrderByDescending(found => found.Candidate.Score).ThenByDescending(found => found.Candidate.MeanLogProbability).ThenBy(found => found.Order)
            .Select(found => found.Candidate),
    ];
}
