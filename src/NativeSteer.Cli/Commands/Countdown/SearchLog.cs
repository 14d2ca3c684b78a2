using NativeSteer.Cli.Options;
using NativeSteer.Cli.Output;
using NativeSteer.Cli.Views;
using NativeSteer.Engine;
using NativeSteer.Files;
using NativeSteer.Search;
using System.Text.Json.Nodes;

namespace NativeSteer.Cli.Commands.Countdown;

/// <summary>The log of a search, JSONL: the first line says what was run on what, each further one is an answer with its verdict and its tree.</summary>
internal sealed class SearchLog : IDisposable
{
    private readonly JsonLinesWriter _file;

    private SearchLog(JsonLinesWriter file) => _file = file;

    /// <summary>Starts the log.</summary>
    /// <exception cref="NativeSteerException">The file cannot be written.</exception>
    internal static SearchLog Create(string path, LanguageModel? model, int puzzles, PuzzleSearchOptions options, IReadOnlyList<SteerSpec> steer)
    {
        var log = new SearchLog(JsonLinesWriter.Create(path));
        log._file.Write(CountdownLog.Head("countdown search", model, new JsonObject
        {
            ["puzzles"] = puzzles,
            ["method"] = CountdownSearchCommand.Methods[(int)options.Method],
            ["samples"] = options.Search.Samples,
            ["backtracks"] = options.Search.Backtracks,
            ["frontier"] = options.Search.Frontier,
            ["max_tokens"] = options.Search.MaxTokens,
            ["token_budget"] = options.Search.TokenBudget,
            ["nodes"] = options.Nodes,
            ["paper_compatible"] = options.PaperCompatible,
            ["seed"] = options.Search.Seed,
            ["temperature"] = options.Sampling.Temperature,
            ["top_k"] = options.Sampling.TopK,
            ["top_p"] = options.Sampling.TopP,
            ["min_p"] = options.Sampling.MinP,
            ["steer"] = new JsonArray([.. steer.Select(spec => spec.ToJson())]),
        }));
        return log;
    }

    /// <summary>Adds an answer.</summary>
    internal void Write(PuzzleAnswer answer) => _file.Write(json =>
    {
        json.WriteString("type", "answer");
        SearchTreeView.Fields(json, answer);
    });

    public void Dispose() => _file.Dispose();
}
