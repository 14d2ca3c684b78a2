using System.Globalization;
using NativeSteer.Cli.Output;
using NativeSteer.Engine;
using NativeSteer.Extraction;
using NativeSteer.Judges;

namespace NativeSteer.Cli.Commands.Annotate;

/// <summary>A judge with what it holds open, the traces it is to judge, and what is to be said before and after.</summary>
internal sealed class OpenJudge : IDisposable
{
    private readonly Terminal _terminal;
    private IDisposable? _held;
    private EndpointJudge? _endpoint;
    private (double In, double Out)? _prices;
    private bool _asks;

    private OpenJudge(IReadOnlyList<LabelledTrace> traces, IJudge judge, Terminal terminal)
    {
        Traces = traces;
        Judge = judge;
        _terminal = terminal;
    }

    internal IJudge Judge { get; }

    internal IReadOnlyList<LabelledTrace> Traces { get; }

    internal static OpenJudge OfKeywords(IReadOnlyList<LabelledTrace> traces, KeywordJudge judge, Terminal terminal) => new(traces, judge, terminal);

    internal static OpenJudge OfAnnotations(IReadOnlyList<Annotation> annotations, Terminal terminal) =>
        new([.. annotations.Select(annotation => annotation.Trace)], new AnnotationsJudge(annotations), terminal);

    internal static OpenJudge OfModel(IReadOnlyList<LabelledTrace> traces, LanguageModel model, LocalJudgeOptions options, Terminal terminal) =>
        new(traces, new LocalJudge(model, options), terminal) { _held = model };

    internal static OpenJudge OfEndpoint(
        IReadOnlyList<LabelledTrace> traces, EndpointJudge judge, (double In, double Out)? prices, bool asks, Terminal terminal) =>
        new(traces, judge, terminal) { _held = judge, _endpoint = judge, _prices = prices, _asks = asks };

    /// <summary>Says what the run will cost; a person at a terminal may say no.</summary>
    /// <exception cref="OperationCanceledException">The person did.</exception>
    internal void Announce(IReadOnlyList<LabelledTrace> traces)
    {
        if (_endpoint is null) return;
        var cost = _endpoint.Estimate(traces);
        var known = cost.Cached > 0 ? $"{cost.Cached} answers are known, " : "";
        _terminal.Note($"{Judge.Name}: {known}{cost.Requests} requests, about {Tokens(cost)}{Price(cost)}");
        if (!_asks || cost.Requests == 0 || !_terminal.ErrorIsTerminal || Console.IsInputRedirected) return;
        _terminal.Error.Write("nativesteer: send them? [y/N] ");
        if (Console.In.ReadLine()?.Trim() is not ("y" or "Y" or "yes")) throw new OperationCanceledException("nothing was sent");
    }

    /// <summary>Says what it did cost.</summary>
    internal void Close()
    {
        if (_endpoint is not { Spent: var spent }) return;
        var known = spent.Cached > 0 ? $" ({spent.Cached} more were known)" : "";
        var again = _endpoint.Retries > 0 ? $", {_endpoint.Retries} tries again" : "";
        _terminal.Note($"{Judge.Name}: {spent.Requests} answers{known}{again}, {Tokens(spent)}{Price(spent)}");
    }

    public void Dispose() => _held?.Dispose();

    private static string Tokens(JudgeCost cost) => string.Create(CultureInfo.InvariantCulture, $"{cost.TokensIn} tokens in and {cost.TokensOut} out");

    private string Price(JudgeCost cost) =>
        _prices is var (perIn, perOut) ? string.Create(CultureInfo.InvariantCulture, $", a price of {cost.Price(perIn, perOut):0.00##}") : "";

    /// <summary>Annotations that somebody else made.</summary>
    private sealed class AnnotationsJudge(IReadOnlyList<Annotation> annotations) : IJudge
    {
        public string Name => "annotations";

        public string Settings => "bracketed";

        public IEnumerable<Annotation> Annotate(
            IReadOnlyList<LabelledTrace> traces, IProgress<JudgeProgress>? progress = null, CancellationToken cancellation = default)
        {
            var wanted = traces.Select(trace => trace.Id).ToHashSet(StringComparer.Ordinal);
            return annotations.Where(annotation => wanted.Contains(annotation.Trace.Id));
        }
    }
}
